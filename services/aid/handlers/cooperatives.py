"""Events of cooperatives: the copy is kept, and judged again for what it concerns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.aid import store
from services.aid.cooperative import told
from services.aid.handlers.judging import reassessed, reassessment_needs, whom
from shared.contracts.envelope import Received
from shared.contracts.registry.cooperatives import CooperativeEvent
from shared.decision import Decision
from shared.kernel.routes import Routes
from shared.kernel.state import Lookup, WorkingSet

routes = Routes()


def _needs(message: Received[CooperativeEvent], state: WorkingSet) -> Iterable[Lookup]:
    yield store.cooperative(message.data.cooperative.cooperative_id)
    yield from reassessment_needs(whom(message.data.cooperative), state)


@routes.on("registry.cooperative.*", _needs)
def keep_cooperative(message: Received[CooperativeEvent], state: WorkingSet, now: datetime) -> Decision:
    cooperative = message.data.cooperative
    known = state.get(store.cooperative(cooperative.cooperative_id))
    copy = told(known, cooperative, message.sequence, message.cause, now)
    if copy is None:
        return Decision()
    found = reassessed(copy, state, now)
    return Decision(changes=[copy, *found.changes], facts=found.facts)
