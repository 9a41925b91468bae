"""Whatever officials do in whatever order, and whoever commits late: the money adds up and nobody is served twice.

Steps are drawn at random over a few grants of two programmes and a line that cannot pay for all of them; some are
decided now and committed later, as in another process. Refusals are part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.aid import store
from services.aid.grant import intervention
from tests.services.aid.granting import CHECKER, DECREE, HEAD, MAKER, RECEIPT, Office, check_books
from tests.services.aid.memory import Memory

PEOPLE = ("business-1", "business-2", "business-3")
STEPS: dict[str, tuple[str, dict[str, Any]]] = {
    "submit": (MAKER, {}),
    "verify": (CHECKER, {}),
    "decide": (HEAD, {"decree": DECREE}),
    "hand_over": (MAKER, {"receipt": RECEIPT, "signer_role": "pemilik"}),
    "hand_over_part": (MAKER, {"receipt": RECEIPT, "signer_role": "pemilik", "value": 400}),
    "hand_over_short": (MAKER, {"receipt": RECEIPT, "signer_role": "pemilik", "value": 200, "final": True}),
    "reject": (CHECKER, {"reason": "tidak lengkap"}),
    "cancel": (HEAD, {"reason": "mundur"}),
    "revise": (HEAD, {}),
}


_FORWARD = ["verify", "decide", "hand_over_part"]


@dataclass(frozen=True)
class Act:
    step: str
    grant: int
    late: bool
    pagu: int


ACTS = st.lists(
    st.builds(
        Act,
        st.sampled_from([*STEPS, *_FORWARD * 3, "commit", "commit"]),
        st.integers(0, 5),
        st.booleans(),
        st.integers(0, 4000),
    ),
    min_size=20,
    max_size=60,
)


def begun() -> tuple[Office, list[str]]:
    """Six grants of 1,000 rupiah for three people, on one line that pays for four of them."""
    office = Office(Memory())
    for one in PEOPLE:
        office.know(one, owner_id="same" if one == "business-3" else f"owner-of-{one}")
    office.know("business-2", owner_id="same", sequence=4)
    line = [{"source": "apbd", "line": "2.17", "pagu": 4000}]
    goods = office.open(budget=line, unit_cost=1000)
    training = office.open(budget=line, unit_cost=1000, kind="training", aid_form="kegiatan", topic="kemasan")
    return office, [office.submitted(id_, one, instalments=2) for id_ in (goods, training) for one in PEOPLE]


def take(office: Office, grants: list[str], act: Act) -> None:
    memory = office.memory
    if act.step == "commit":
        memory.commit_oldest()
        return
    actor, data = STEPS[act.step]
    memory.delay = act.late
    if act.step == "revise":
        budget_id = memory.all(store.ACCOUNTS)[0].budget_id
        data = {"budget_id": budget_id, "pagu": act.pagu, "decree": DECREE, "emergency": True}
        memory.send("aid.budget.revise", data)
    else:
        office.take(act.step.partition("_part")[0].partition("_short")[0], grants[act.grant], actor, **data)
    memory.delay = False


@settings(max_examples=60, deadline=None)
@given(ACTS)
def test_money_and_grants_add_up_after_every_step(acts: list[Act]) -> None:
    """Reserved, committed and realised never above the ceiling; balances the sum of the entries; no grant without its
    entries and no entry without its grant; every subject numbered without gaps (``tests.memory``)."""
    office, grants = begun()
    for act in acts:
        take(office, grants, act)
        check_books(office.memory)
    while office.memory.pending:
        office.memory.commit_oldest()
        check_books(office.memory)


@settings(max_examples=60, deadline=None)
@given(ACTS)
def test_a_persons_history_says_what_the_grants_say_and_no_two_of_a_kind_are_given(acts: list[Act]) -> None:
    """S1-24: one owner with two businesses is one person, whichever decision is committed first."""
    office, grants = begun()
    for act in acts:
        take(office, grants, act)
    while office.memory.pending:
        office.memory.commit_oldest()
    known = {one.intervention_id: one for each in office.memory.all(store.RECIPIENTS) for one in each.interventions}
    seen = {one.grant_id: intervention(one) for one in office.memory.all(store.GRANTS)}
    assert known == {id_: one for id_, one in seen.items() if one is not None}
    given_to = [
        (one.recipient_id, one.programme_kind)
        for one in office.memory.all(store.GRANTS)
        if one.decree is not None and one.status != "cancelled"
    ]
    assert len(set(given_to)) == len(given_to)
