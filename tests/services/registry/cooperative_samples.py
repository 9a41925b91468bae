"""What tests of cooperatives tell a registry in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

from services.registry.cooperative import Cooperative
from services.registry.handlers import censuses, cooperatives, drives
from services.registry.store import COOPERATIVES
from shared.decision import Decision
from tests.memory import Task
from tests.services.registry.memory import MEDAN, SEEN, SIANTAR, Registry, person, trade
from tests.shared.reference import generate

LEGAL = {"number": "518/23/BH/2010", "date": "2010-05-01"}


def coop(**fields: Any) -> dict[str, Any]:
    """A cooperative as an office tells of one: the least that it can be recorded with."""
    return {"name": "Koperasi Maju Bersama", "region": "12.71.01.1001", "legal": LEGAL, **fields}


class Cooperatives(Registry):
    """A registry that is told of cooperatives."""

    def tell(self, cooperative: Mapping[str, Any], account: str = MEDAN, **about: Any) -> Decision:
        clear = about.pop("clear", ())
        data = {"cooperative": cooperative, "clear": list(clear)}
        return self.send("registry.cooperative.report", data, account, **{"time": SEEN, **about})

    def known(self, account: str = MEDAN, **fields: Any) -> str:
        """Report a cooperative that is in order; its id."""
        decision = self.tell(coop(**fields), account)
        assert not decision.problems, decision.problems
        return str(decision.result["cooperative_id"])

    def official(self, verb: str, cooperative_id: str, account: Any = MEDAN, **data: Any) -> Decision:
        actor = data.pop("actor", "kadis")
        told = {"cooperative_id": cooperative_id, **data}
        return self.send(f"registry.cooperative.{verb}", told, account, actor=actor)

    def rat(self, cooperative_id: str, book_year: int, held_on: str | None = None) -> Decision:
        about = {"book_year": book_year, "held_on": held_on or f"{book_year + 1}-03-01"}
        return self.official("record_rat", cooperative_id, **about)

    def persons(self, number: int, account: str = SIANTAR, region: str | None = None) -> list[dict[str, str]]:
        """So many owners, each with a business, as founders are named."""
        region = region or {MEDAN: "12.71.01.1001", SIANTAR: "12.72.01.1001"}[account]
        regency, rng = region[:5], Random(f"{account}{number}{len(self.owners())}")
        found = []
        for nik in generate.distinct(lambda one: generate.nik(one, regency=regency), rng, number):
            business = trade(name=f"Usaha {nik[-4:]}", region=region)
            result = self.report(business, person(nik=nik), account).result
            found.append({"owner_id": str(result["owner_id"]), "business_id": str(result["business_id"])})
        return found

    def forming(self, account: str = SIANTAR, **fields: Any) -> str:
        told = {"name": "Koperasi Baru", "region": "12.72.01.1001", "jenis": "produsen", **fields}
        return str(self.accept("registry.cooperative.form", told, account)["cooperative_id"])

    def founded(self, cooperative_id: str, founders: list[dict[str, str]], account: str = SIANTAR, **data: Any) -> Any:
        legal = {"number": f"AHU-{cooperative_id[:8]}", "date": "2026-02-20"}
        told = {"founded_on": "2026-02-10", "legal": legal, "founders": founders, **data}
        return self.official("found", cooperative_id, account, **told)

    def cooperatives(self) -> list[Cooperative]:
        return self.all(COOPERATIVES)

    def cooperative(self, cooperative_id: str) -> Cooperative:
        (found,) = (one for one in self.cooperatives() if one.cooperative_id == cooperative_id)
        return found

    def day(self, text: str) -> None:
        """A day comes, and the clocks look."""
        self.now = datetime.fromisoformat(text).replace(hour=3, tzinfo=UTC)
        for clock in (cooperatives.calendar, drives.calendar, censuses.calendar):
            while self.perform(Task(self.tick(), clock.needs, clock.decide)).changes:
                pass
