"""Which message goes to which decision, and what each needs to look at: a module for each thing that is told of."""

from __future__ import annotations

from services.registry.handlers import agencies, businesses, owners, reports
from shared.kernel.routes import Routes

routes = Routes.of(agencies.routes, businesses.routes, owners.routes, reports.routes)
