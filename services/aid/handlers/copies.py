"""aid's copies of agencies and officials, by which it knows who may do what."""

from __future__ import annotations

from shared.agencies import register_copies, register_question
from shared.kernel.routes import Routes

routes = Routes()
register_copies(routes)
register_question(routes, "aid.agency.request")
