"""A grant's way through an office, step by step, for tests in memory."""

from __future__ import annotations

from typing import Any

from services.aid import store
from services.aid.grant import Grant
from services.aid.ledger import Account, balances, derived
from services.aid.stock import Stock
from shared.decision import Decision
from tests import samples
from tests.samples import MEDAN
from tests.services.aid.memory import Memory, business

DECREE = {"number": "SK-12/2026", "date": "2026-03-02"}
AGREEMENT = {"number": "NPHD-3/2026", "date": "2026-03-02"}
RECEIPT = {"number": "BAST-9/2026", "date": "2026-03-02"}
PAPERS = [{"kind": kind, "location": f"ARSIP/{kind}"} for kind in ("usulan", "pakta_integritas")]
MAKER, CHECKER, HEAD = "petugas", "kabid", "kadis"


class Office:
    """An agency with a clerk who proposes, a head of division who verifies and a head who decides."""

    def __init__(self, memory: Memory, agency: str = MEDAN, region: str = "12.71") -> None:
        self.memory, self.agency = memory, agency
        memory.know_agency(agency, region)
        memory.hear("registry.official.registered", samples.official(agency, MAKER), 1)

    def open(self, **fields: Any) -> str:
        """A programme of goods for businesses that are binaan."""
        goods = {"kind": "equipment", "aid_form": "barang_diserahkan", "unit_cost": 1_500_000, "topic": "gerobak"}
        return self.memory.open(self.agency, **{**goods, **fields})

    def know(self, business_id: str = "business-1", **facts: Any) -> str:
        """A business that is binaan."""
        self.memory.hear_of(business(business_id, **{"status": "binaan", **facts}), facts.pop("sequence", 3))
        return business_id

    def take(self, step: str, grant_id: str, actor: str, **data: Any) -> Decision:
        return self.memory.send(f"aid.grant.{step}", {"grant_id": grant_id, **data}, self.agency, actor)

    def propose(self, programme_id: str, business_id: str = "business-1", **data: Any) -> Decision:
        sent = {"programme_id": programme_id, "beneficiary_id": business_id, "documents": PAPERS, **data}
        return self.memory.send("aid.grant.propose", sent, self.agency, MAKER)

    def proposed(self, programme_id: str, business_id: str = "business-1", **data: Any) -> str:
        decision = self.propose(programme_id, business_id, **data)
        assert not decision.problems, decision.problems
        return str(decision.result["grant_id"])

    def submitted(self, programme_id: str, business_id: str = "business-1", **data: Any) -> str:
        grant_id = self.proposed(programme_id, business_id, **data)
        assert not self.take("submit", grant_id, MAKER).problems
        return grant_id

    def verified(self, programme_id: str, business_id: str = "business-1", **data: Any) -> str:
        grant_id = self.submitted(programme_id, business_id, **data)
        assert not (found := self.verify(grant_id)).problems, found.problems
        return grant_id

    def decided(self, programme_id: str, business_id: str = "business-1", **data: Any) -> str:
        grant_id = self.verified(programme_id, business_id, **data)
        assert not (found := self.decide(grant_id)).problems, found.problems
        return grant_id

    def handed_over(self, programme_id: str, business_id: str = "business-1", **data: Any) -> str:
        grant_id = self.decided(programme_id, business_id, **data)
        assert not (found := self.hand_over(grant_id)).problems, found.problems
        return grant_id

    def verify(self, grant_id: str, actor: str = CHECKER) -> Decision:
        return self.take("verify", grant_id, actor)

    def decide(self, grant_id: str, actor: str = HEAD, **data: Any) -> Decision:
        return self.take("decide", grant_id, actor, **{"decree": DECREE, **data})

    def hand_over(self, grant_id: str, actor: str = MAKER, **data: Any) -> Decision:
        return self.take("hand_over", grant_id, actor, **{"receipt": RECEIPT, "signer_role": "pemilik", **data})

    # --- what there is now ---

    def grant(self, grant_id: str) -> Grant:
        (found,) = (one for one in self.memory.all(store.GRANTS) if one.grant_id == grant_id)
        return found

    def stock(self, item: str) -> Stock:
        (found,) = (one for one in self.memory.all(store.STOCKS) if one.item == item)
        return found

    def account(self) -> Account:
        (found,) = self.memory.all(store.ACCOUNTS)
        return found


def check_books(memory: Memory) -> None:
    """What must be true at every moment: nothing above a ceiling, balances the sum of entries, and no grant without its
    entries nor an entry without its grant."""
    entries = memory.all(store.ENTRIES)
    for account in memory.all(store.ACCOUNTS):
        assert account.claimed <= account.pagu
        own = [one for one in entries if one.budget_id == account.budget_id]
        assert balances(account) == derived(own)
        assert sorted(one.number for one in own) == list(range(1, len(own) + 1))
    kept = {one.grant_id: one for one in memory.all(store.GRANTS)}
    by_grant: dict[str, list[str]] = {}
    for entry in entries:
        if entry.grant_id is not None:
            by_grant.setdefault(entry.grant_id, []).append(entry.kind)
    assert by_grant.keys() <= kept.keys()
    for grant_id, grant in kept.items():
        assert sorted(by_grant.get(grant_id, [])) == sorted(entered(grant)), grant.status
    for stock in memory.all(store.STOCKS):
        assert stock.on_hand >= 0
        assert stock.on_hand == stock.received - stock.handed_out - stock.missing


def entered(grant: Grant) -> list[str]:
    """Which entries a grant must have by what it is."""
    found = ["reserve"] if grant.verified_by else []
    found += ["commit"] if grant.decided_by else []
    found += ["realise"] * len(grant.hand_overs)
    given_up = grant.status in {"rejected", "cancelled"} and grant.verified_by is not None
    return [*found, "release"] if given_up or grant.short else found
