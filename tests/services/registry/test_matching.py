"""The road for facts about people: answered alone, by opaque names, within a measure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from services.registry.matching import Usage, counted, limits_on, too_much
from services.registry.store import ACCESSES, PERSONS
from shared.contracts.catalogue import TYPES
from shared.decision import Decision
from tests.services.registry.memory import MEDAN, NIK, OTHER_NIK, SEEN, Registry, codes, person, trade
from tests.shared.reference import generate

MATCH = "registry.person.match"
BANK = "bank-contoh"
LATER = SEEN + timedelta(days=1)


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    permit(registry, [MATCH])
    return registry


def permit(registry: Registry, permitted: list[str], account: str = BANK) -> None:
    about = {"agency": account, "name": account, "level": "bank", "region": "00", "permitted": permitted}
    registry.accept("registry.agency.register", about, "binaan")


def ask(registry: Registry, *niks: str, account: str = BANK, **data: Any) -> Decision:
    return registry.send(MATCH, {"niks": niks, **data}, account)


def matches(registry: Registry, *niks: str, **about: Any) -> list[dict[str, Any]]:
    decision = ask(registry, *niks, **about)
    assert not decision.problems
    found: list[dict[str, Any]] = decision.result["matches"]
    return found


def test_who_is_recorded_is_answered_with_the_owner_and_who_is_not_with_a_token(registry: Registry) -> None:
    """S1-24: the asker knows the NIK already, and learns one opaque name for it; the same every time."""
    registry.report(trade(), person())
    first, second = matches(registry, NIK, OTHER_NIK)
    assert first == {"owner_id": registry.owner().owner_id}
    assert second.keys() == {"token"}
    assert OTHER_NIK not in str(second)
    assert matches(registry, OTHER_NIK) == [second]


def test_the_token_says_nothing_of_how_registry_finds_its_owners(registry: Registry) -> None:
    """Who has the database and a token cannot put the two together."""
    (answer,) = matches(registry, NIK)
    registry.report(trade(), person())
    assert answer["token"] not in registry.owner().tokens.values()


def test_an_event_joins_token_and_owner_when_the_person_is_recorded(registry: Registry) -> None:
    """What was told under the token is about this owner; the public learns two opaque names."""
    (answer,) = matches(registry, NIK)
    registry.report(trade(), person())
    (matched,) = [fact for fact in registry.facts if fact.type == "registry.person.matched"]
    assert matched.data.model_dump(mode="json")["person"] == {
        "token": answer["token"],
        "owner_id": registry.owner().owner_id,
    }
    registry.report(trade(name="Lain"), person())
    assert [fact.type for fact in registry.facts].count("registry.person.matched") == 1


def test_the_same_when_a_provisional_owner_gets_the_nik(registry: Registry) -> None:
    registry.report(trade(agency_ref="A-1"), {"name": "Ibu"})
    (answer,) = matches(registry, NIK)
    registry.report({"agency_ref": "A-1"}, {"nik": NIK}, time=LATER)
    (matched,) = [fact for fact in registry.facts if fact.type == "registry.person.matched"]
    assert matched.data.model_dump(mode="json")["person"] == {
        "token": answer["token"],
        "owner_id": registry.owner().owner_id,
    }


def test_a_token_stays_while_its_key_is_held(registry: Registry) -> None:
    """Keys are replaced while work goes on; whoever was given a token gets it again as long as it can be found."""
    before = matches(registry, NIK)
    registry.token_keys = ["another key", *registry.token_keys]
    assert matches(registry, NIK) == before
    registry.report(trade(), person())
    assert [one.waiting for one in registry.all(PERSONS)] == [False]


def test_a_wrong_nik_is_told_by_its_position_and_harms_no_other(registry: Registry) -> None:
    answers = matches(registry, "0" * 16, NIK, "12719", NIK)
    problems = [(one["problem"]["code"], one["problem"]["field"]) for one in answers if "problem" in one]
    assert problems == [("nik.placeholder", "data.niks.0"), ("nik.length", "data.niks.2")]
    assert answers[1] == answers[3]


def test_more_than_five_hundred_are_refused_whole(registry: Registry) -> None:
    niks = generate.distinct(lambda rng: generate.nik(rng, regency="12.71"), Random(5), 501)
    with pytest.raises(ValidationError, match="at most 500"):
        TYPES[MATCH].model.model_validate({"niks": niks})
    assert len(matches(registry, *niks[:500])) == 500


@pytest.mark.parametrize("permitted", [["registry.#"], ["registry.person.*"], ["#"]])
def test_no_pattern_gives_this_right_by_the_way(registry: Registry, permitted: list[str]) -> None:
    """Whoever registers an agency must write it down as such."""
    permit(registry, permitted)
    assert codes(ask(registry, NIK)) == [("match.not_permitted", "type")]
    assert codes(ask(registry, NIK, account=MEDAN)) == [("authority.type_not_permitted", "type")]
    assert registry.all(PERSONS) == []


def test_every_answer_is_recorded_also_of_who_was_not_known_then(registry: Registry) -> None:
    """UU PDP art. 32: somebody who is recorded later may ask who wanted to know before."""
    matches(registry, NIK, purpose="credit_check")
    registry.report(trade(), person())
    registry.now += timedelta(seconds=1)
    matches(registry, NIK)
    (owner,) = registry.owners()
    told = registry.send("registry.access.request", {"owner_id": owner.owner_id}).answer
    assert [(one["account"], one["purpose"], one["type"]) for one in told] == [
        (BANK, "credit_check", MATCH),
        (BANK, None, MATCH),
    ]
    assert NIK not in str(registry.all(ACCESSES))


def test_whoever_asks_too_much_is_refused_until_the_next_minute(registry: Registry) -> None:
    """A thousand questions a minute: clearly refused, at no cost, and others go on."""
    permit(registry, [MATCH], "bank-lain")
    most = limits_on(registry.now.date())["minute", "questions"].most
    outcomes = [codes(ask(registry, NIK)) for _ in range(1000)]
    assert outcomes == [[]] * most + [[("match.too_many", "data.niks")]] * (1000 - most)
    assert not ask(registry, NIK, account="bank-lain").problems
    registry.now += timedelta(minutes=1)
    assert not ask(registry, NIK).problems


def test_many_people_in_few_questions_are_too_many_as_well(registry: Registry) -> None:
    niks = generate.distinct(lambda rng: generate.nik(rng, regency="12.71"), Random(5), 500)
    most = limits_on(registry.now.date())["minute", "niks"].most
    for _ in range(most // 500):
        assert not ask(registry, *niks).problems
    assert codes(ask(registry, NIK)) == [("match.too_many", "data.niks")]


def test_a_day_has_its_measure_too() -> None:
    """Else all NIK of a regency could be asked for in a month."""
    now = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
    usage, limits = Usage(account=BANK), limits_on(now.date())
    for number in range(limits["day", "niks"].most // 500):
        now = now + timedelta(minutes=1) if number % 10 == 0 else now
        usage = counted(usage, 500, now)
        assert not too_much(usage, now)
    one_more = counted(usage, 1, now + timedelta(minutes=1))
    assert [one.code for one in too_much(one_more, now)] == ["match.too_many_today"]
    assert not too_much(counted(usage, 500, now + timedelta(days=1)), now + timedelta(days=1))


def test_a_replica_whose_clock_is_behind_counts_into_the_window_that_is_open() -> None:
    """Else two replicas would open each other's minute anew, question by question."""
    ahead = datetime(2026, 3, 2, 3, 1, 0, tzinfo=UTC)
    behind = ahead - timedelta(seconds=1)
    usage, most = Usage(account=BANK), limits_on(ahead.date())["minute", "questions"].most
    for number in range(most + 1):
        usage = counted(usage, 1, behind if number % 2 else ahead)
    assert too_much(usage, behind)
    assert usage.windows["minute"].opened == ahead


def test_after_an_erasure_the_token_is_the_same_and_its_events_are_numbered_on(registry: Registry) -> None:
    """What is not undone (docs/decisions/0141): numbered from 1 again, a reader would ignore who the new owner is."""
    (answer,) = matches(registry, NIK)
    owners = list[str]()
    for number in range(2):
        owners.append(registry.report(trade(), person(), time=SEEN + timedelta(days=number)).result["owner_id"])
        about = {"owner_id": owners[-1], "reason": "permintaan_pemilik"}
        registry.accept("registry.owner.erase", about, actor="kadis")
        assert not any(one.asked_as for one in registry.owners())
        assert matches(registry, NIK) == [answer]
    told = [fact for fact in registry.facts if fact.type == "registry.person.matched"]
    assert [(one.subject, one.sequence) for one in told] == [(answer["token"], 1), (answer["token"], 2)]
    assert [one.data.model_dump()["person"]["owner_id"] for one in told] == owners
