"""registry without a broker or a database (``tests.memory``), with the agencies of the local stack registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from services.registry.business import Business
from services.registry.handlers import routes
from services.registry.handlers.duplicates import compare, compare_needs
from services.registry.handlers.owners import move, moving_needs
from services.registry.owner import Owner
from services.registry.store import BUSINESSES, COLLECTIONS, OWNERS
from shared.contracts.envelope import Received
from shared.decision import Decision
from shared.kernel.held import HELD
from shared.reference import region as regions
from tests.memory import ServiceInMemory, Task
from tests.shared.reference import generate

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
MEDAN, SIANTAR, KALTIM = "dinkop-medan", "dinkop-siantar", "disperindagkop-kaltim"
PERMITTED = [
    "registry.business.*",
    "registry.product.*",
    "registry.certificate.*",
    "registry.cooperative.*",
    "registry.drive.*",
    "registry.statistics.*",
    "registry.census.*",
    "registry.consent.*",
    "registry.owner.*",
    "registry.official.*",
    "registry.agency.request",
    "registry.access.request",
    "aid.programme.*",
]
SEEN = datetime(2026, 1, 5, 2, 30, tzinfo=UTC)

NIK = generate.nik(Random(1), regency="12.71")
OTHER_NIK = generate.nik(Random(2), regency="12.71")
PHONE = generate.phone(Random(3))
NIB = generate.nib(Random(4))


def person(**fields: Any) -> dict[str, Any]:
    """An owner as an agency tells of one."""
    return {"nik": NIK, "name": "Pemilik Contoh", "phone": PHONE, **fields}


def trade(**fields: Any) -> dict[str, Any]:
    """A business as an agency tells of one: the least that it can be recorded with."""
    return {"name": "Keripik Ubi Mekar", "region": "12.71.01.1001", **fields}


class Registry(ServiceInMemory):
    """One registry service with the agencies of the local stack."""

    def __init__(self) -> None:
        super().__init__("registry", routes, (*COLLECTIONS, HELD), NOW)
        for agency, region in ((MEDAN, "12.71"), (SIANTAR, "12.72"), (KALTIM, "64")):
            self.know_agency(agency, region)
        self.facts.clear()

    # --- telling it things ---

    def know_agency(self, agency: str, region: str) -> None:
        """An agency with the officials ``kabid`` and ``kadis``."""
        level = "province" if regions.parse(region).level == "province" else "kabkota"
        about = {"agency": agency, "name": agency, "level": level, "region": region, "permitted": PERMITTED}
        self.accept("registry.agency.register", about, "binaan")
        for role in ("kabid", "kadis"):
            named = {"agency": agency, "official": role, "role": role, "valid_from": "2020-01-01"}
            self.accept("registry.official.register", named, "binaan")

    def send(self, kind: str, data: Mapping[str, Any], account: str = MEDAN, **about: Any) -> Decision:
        """An intake message, as an agency's own system sends it."""
        return self.handle(self.message(account, kind, data, **about))

    def accept(self, kind: str, data: Mapping[str, Any], account: str = MEDAN, **about: Any) -> Mapping[str, Any]:
        """The result of a message that must be accepted."""
        decision = self.send(kind, data, account, **about)
        assert not decision.problems, decision.problems
        return decision.result

    def report(
        self,
        business: Mapping[str, Any],
        owner: Mapping[str, Any] | None = None,
        account: str = MEDAN,
        clear: Sequence[str] = (),
        **about: Any,
    ) -> Decision:
        """A report; without an owner part where none is given."""
        return self.handle(self.report_message(business, owner, account, clear, **about))

    def report_message(
        self,
        business: Mapping[str, Any],
        owner: Mapping[str, Any] | None = None,
        account: str = MEDAN,
        clear: Sequence[str] = (),
        **about: Any,
    ) -> Received[Any]:
        data: dict[str, Any] = {"business": business}
        if owner is not None:
            data["owner"] = owner
        if clear:
            data["clear"] = list(clear)
        return self.message(account, "registry.business.report", data, **{"time": SEEN, **about})

    def recorded(self, account: str = MEDAN, **fields: Any) -> str:
        """Record a business; its id."""
        decision = self.report(trade(**fields), person(), account)
        assert not decision.problems, decision.problems
        return str(decision.result["business_id"])

    def decide(self, verb: str, business_id: str, account: str = MEDAN, actor: str = "kadis", **data: Any) -> Decision:
        """An official's decision on a business."""
        return self.send(f"registry.business.{verb}", {"business_id": business_id, **data}, account, actor=actor)

    def brought_to(self, status: str, business_id: str) -> None:
        """Lead a recorded business to a state, step by step."""
        decree = {"decree": {"number": "SK-12/2026", "date": "2026-02-01"}}
        steps: dict[str, list[tuple[str, dict[str, Any]]]] = {"terdata": [], "nonaktif": [("deactivate", {})]}
        steps["tutup"] = [("close", {"reason": "bangkrut"})]
        steps["terverifikasi"] = [("verify", {})]
        steps["binaan"] = [*steps["terverifikasi"], ("designate", decree)]
        steps["mandiri"] = [*steps["binaan"], ("release", {})]
        for verb, data in steps[status]:
            assert not self.decide(verb, business_id, **data).problems

    def compared(self) -> None:
        """Let the clock look for likely duplicates until there is nothing due."""
        while self.perform(Task(self.tick(), compare_needs, compare)).changes:
            pass

    # --- what it has ---

    def businesses(self) -> list[Business]:
        return self.all(BUSINESSES)

    def owners(self) -> list[Owner]:
        return self.all(OWNERS)

    def owner_of(self, nik: str) -> Owner:
        """The owner with this NIK."""
        return self.owner_of_number(nik)

    def owner_of_number(self, number: str) -> Owner:
        (found,) = (one for one in self.all(OWNERS) if number in one.numbers.values())
        return found

    def owner_by_id(self, owner_id: str) -> Owner:
        (found,) = (one for one in self.all(OWNERS) if one.owner_id == owner_id)
        return found

    def work(self) -> None:
        """Let records that were joined be followed by their businesses, to the end."""
        while self.perform(Task(self.tick(), moving_needs, move)).changes:
            pass

    def business(self, business_id: str | None = None) -> Business:
        """One business, or the only one."""
        found = [one for one in self.all(BUSINESSES) if business_id in {None, one.business_id}]
        assert len(found) == 1
        return found[0]

    def owner(self) -> Owner:
        """The only owner."""
        (found,) = self.all(OWNERS)
        return found

    def told(self) -> list[str]:
        """The last words of all types told, in order: ``business.recorded``."""
        return [fact.type.removeprefix("registry.") for fact in self.facts]


def codes(decision: Decision) -> list[tuple[str, str | None]]:
    """What was refused, and where."""
    return [(problem.code, problem.field) for problem in decision.problems]
