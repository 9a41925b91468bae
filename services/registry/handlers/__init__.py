"""Which message goes to which decision, and what each needs to look at: a module for each thing that is told of."""

from __future__ import annotations

from services.registry.handlers import (
    agencies,
    businesses,
    censuses,
    cooperatives,
    corrections,
    drives,
    duplicates,
    owners,
    persons,
    products,
    questions,
    reports,
    statistics,
)
from shared.kernel.routes import Routes

routes = Routes.of(
    agencies.routes,
    businesses.routes,
    censuses.routes,
    corrections.routes,
    cooperatives.routes,
    drives.routes,
    duplicates.routes,
    owners.routes,
    persons.routes,
    products.routes,
    questions.routes,
    reports.routes,
    statistics.routes,
).each(statistics.counted)
workers = (
    duplicates.compare_worker,
    owners.moving_worker,
    products.certificate_worker,
    cooperatives.calendar.worker(),
    drives.calendar.worker(),
    censuses.calendar.worker(),
    statistics.fold_worker,
)
