"""Which message goes to which decision, and what each needs to look at: a module for each thing that is told of."""

from __future__ import annotations

from services.aid.handlers import (
    assessments,
    budgets,
    businesses,
    cooperatives,
    copies,
    eligibilities,
    exclusions,
    external_grants,
    grants,
    identities,
    overlaps,
    programmes,
    recipients,
    stocks,
)
from shared.kernel.routes import Routes

routes = Routes.of(
    budgets.routes,
    businesses.routes,
    cooperatives.routes,
    copies.routes,
    eligibilities.routes,
    exclusions.routes,
    external_grants.routes,
    grants.routes,
    identities.routes,
    overlaps.routes,
    programmes.routes,
    recipients.routes,
    stocks.routes,
)
workers = (assessments.worker, assessments.calendar, budgets.worker)
