"""Registration of agencies and officials: who may say what, and what changes when it is said again."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.agencies import AGENCIES
from shared.contracts.authority import official_id
from tests.services.registry.memory import KALTIM, MEDAN, OTHER_NIK, SIANTAR, Registry, codes, person, trade

AGENCY = {
    "agency": "dinkop-bengkalis",
    "name": "Dinas Koperasi dan UKM",
    "level": "kabkota",
    "region": "14.03",
    "permitted": ["registry.business.*"],
}
OFFICIAL: dict[str, Any] = {"official": "sekretaris", "role": "kabid", "valid_from": "2026-01-01"}


@pytest.fixture
def registry() -> Registry:
    return Registry()


def test_an_agency_is_registered_updated_and_left_alone(registry: Registry) -> None:
    """An upsert: the administrator repeats the whole list, and only what differs is told."""
    outcomes = [
        registry.accept("registry.agency.register", AGENCY, "binaan"),
        registry.accept("registry.agency.register", AGENCY, "binaan"),
        registry.accept("registry.agency.register", {**AGENCY, "level": "province", "region": "14"}, "binaan"),
    ]
    assert [(one["agency"], one["outcome"], one["sequence"]) for one in outcomes] == [
        ("dinkop-bengkalis", "created", 1),
        ("dinkop-bengkalis", "unchanged", 1),
        ("dinkop-bengkalis", "updated", 2),
    ]
    assert [(fact.subject, fact.region, fact.sequence) for fact in registry.facts] == [
        ("dinkop-bengkalis", "14.03", 1),
        ("dinkop-bengkalis", "14", 2),
    ]
    assert registry.facts[0].data.model_dump(mode="json")["agency"] == {**AGENCY, "status": "active"}


def test_only_the_administrator_registers_agencies(registry: Registry) -> None:
    decision = registry.send("registry.agency.register", {**AGENCY, "agency": MEDAN, "region": "00"}, MEDAN)
    assert codes(decision) == [("authority.administrator_only", "source")]


@pytest.mark.parametrize("account", ["binaan", "registry", "aid", "notify"])
def test_our_own_accounts_are_no_agencies(registry: Registry, account: str) -> None:
    """What our own services may do is not for a registration to say."""
    decision = registry.send("registry.agency.register", {**AGENCY, "agency": account}, "binaan")
    assert codes(decision) == [("agency.reserved", "data.agency")]


def test_a_pattern_that_permits_nothing_is_kept_with_a_warning(registry: Registry) -> None:
    """Most likely misspelt; but types are added over time."""
    about = {**AGENCY, "permitted": ["registry.business.*", "registri.business.*"]}
    decision = registry.send("registry.agency.register", about, "binaan")
    assert [(one.code, one.field) for one in decision.warnings] == [("agency.permitted_unknown", "data.permitted.1")]
    assert decision.result["outcome"] == "created"


def test_an_agency_names_its_own_officials(registry: Registry) -> None:
    """Under an opaque id; the handle is not published."""
    first = registry.accept("registry.official.register", OFFICIAL)
    again = registry.accept("registry.official.register", OFFICIAL)
    moved = registry.accept("registry.official.register", {**OFFICIAL, "role": "kadis"})
    assert [one["outcome"] for one in (first, again, moved)] == ["created", "unchanged", "updated"]
    assert first["official_id"] == official_id(MEDAN, "sekretaris")
    assert [(fact.subject, fact.region, fact.sequence) for fact in registry.facts] == [
        (first["official_id"], "12.71", 1),
        (first["official_id"], "12.71", 2),
    ]
    assert "sekretaris" not in repr(registry.facts)


@pytest.mark.parametrize(
    ("account", "about", "expected"),
    [
        (MEDAN, {"agency": SIANTAR}, ("official.other_agency", "data.agency")),
        ("binaan", {}, ("field.required", "data.agency")),
        ("binaan", {"agency": "entah-siapa"}, ("agency.unknown", "data.agency")),
        ("entah-siapa", {}, ("authority.agency_unknown", "source")),
        (MEDAN, {"valid_until": "2025-12-31"}, ("official.term_reversed", "data.valid_until")),
        (MEDAN, {"acting": True}, ("official.acting_needs_end", "data.valid_until")),
    ],
)
def test_a_registration_of_an_official_is_refused(
    registry: Registry, account: str, about: dict[str, Any], expected: tuple[str, str]
) -> None:
    """S0-03, S4-10: whose official, and from when until when."""
    assert codes(registry.send("registry.official.register", {**OFFICIAL, **about}, account)) == [expected]


def test_the_administrator_names_officials_of_any_agency(registry: Registry) -> None:
    result = registry.accept("registry.official.register", {**OFFICIAL, "agency": SIANTAR}, "binaan")
    assert result["official_id"] == official_id(SIANTAR, "sekretaris")


def test_a_term_may_be_one_day(registry: Registry) -> None:
    """A deputy for the day of a leave."""
    assert not registry.send("registry.official.register", {**OFFICIAL, "valid_until": "2026-01-01"}).problems


def test_an_acting_head_may_decide_until_the_last_day(registry: Registry) -> None:
    """S4-10: a term ends at the end of its last day."""
    term = {"role": "kadis", "acting": True, "valid_from": "2026-03-01", "valid_until": "2026-03-02"}
    registry.accept("registry.official.register", {"official": "plt", **term})
    assert not registry.decide("verify", registry.recorded(), actor="plt").problems


def test_an_agency_may_send_only_what_it_is_permitted(registry: Registry) -> None:
    """Contract, "Who is speaking": permitted intake types."""
    registry.accept(
        "registry.agency.register",
        {**AGENCY, "agency": "bank-contoh", "level": "bank", "permitted": ["registry.business.verify"]},
        "binaan",
    )
    decision = registry.send("registry.official.register", OFFICIAL, "bank-contoh")
    assert codes(decision) == [("authority.type_not_permitted", "type")]


def test_a_bank_verifies_nothing_though_it_was_permitted(registry: Registry) -> None:
    """S0-13: a partner, not an authority. The registration says so at once, in a warning."""
    bank = {**AGENCY, "agency": "bank-contoh", "level": "bank", "permitted": ["registry.business.verify", "#"]}
    registered = registry.send("registry.agency.register", bank, "binaan")
    assert [(one.code, one.field) for one in registered.warnings] == [("agency.permitted_level", "data.permitted.0")]
    business_id = registry.recorded()
    for verb, papers in (("verify", {}), ("designate", {"decree": {"number": "SK-1", "date": "2026-02-01"}})):
        decision = registry.decide(verb, business_id, "bank-contoh", "kadis", **papers)
        assert codes(decision) == [("authority.level", "type")]


def test_a_pattern_of_a_type_that_is_planned_is_no_mistake(registry: Registry) -> None:
    """An OPD can be permitted today what is built tomorrow (S1-23)."""
    opd = {**AGENCY, "agency": "dinsos", "level": "opd", "permitted": ["aid.external_grant.report"]}
    assert registry.send("registry.agency.register", opd, "binaan").warnings == []


@pytest.mark.parametrize(
    ("level", "region", "right"),
    [
        ("kabkota", "14.03", True),
        ("kabkota", "14", False),
        ("kabkota", "00", False),
        ("kabkota", "14.03.01", False),
        ("province", "14", True),
        ("province", "14.03", False),
        ("province", "00", False),
        ("ministry", "00", True),
        ("ministry", "14", False),
        ("opd", "14.03", True),
        ("bank", "00", True),
    ],
)
def test_the_region_of_an_agency_is_as_large_as_its_level(
    registry: Registry, level: str, region: str, right: bool
) -> None:
    """A slip that gives a city a province would give it authority over all of it."""
    decision = registry.send("registry.agency.register", {**AGENCY, "level": level, "region": region}, "binaan")
    assert codes(decision) == ([] if right else [("agency.region_level", "data.region")])


# --- suspension -------------------------------------------------------------------------------------------------------


def suspend(registry: Registry, agency: str = MEDAN) -> Any:
    return registry.accept("registry.agency.suspend", {"agency": agency, "reason": "Kata sandi bocor"}, "binaan")


def test_a_suspended_agency_is_heard_in_nothing(registry: Registry) -> None:
    """From the very next message on: reports, decisions, officials and questions."""
    business_id = registry.recorded()
    assert suspend(registry) == {"agency": MEDAN, "sequence": 2, "outcome": "suspended"}
    refused = [
        registry.report(trade(name="Lain")),
        registry.decide("verify", business_id),
        registry.send("registry.official.register", OFFICIAL),
        registry.send("registry.agency.request", {}),
        registry.send("registry.official.request", {}),
    ]
    assert [codes(one) for one in refused] == [[("authority.agency_suspended", "source")]] * len(refused)
    assert not registry.report(trade(region="12.72"), person(nik=OTHER_NIK), SIANTAR).problems


def test_a_suspension_stops_what_comes_after_it_in_one_batch(registry: Registry) -> None:
    """What was sent before is decided as it was; what comes after is not, although both were fetched together."""
    stop = {"agency": MEDAN, "reason": "Kata sandi bocor"}
    before, _, after = registry.batch(
        [
            registry.report_message(trade(), person()),
            registry.message("binaan", "registry.agency.suspend", stop),
            registry.report_message(trade(name="Lain"), person()),
        ]
    )
    assert codes(before) == []
    assert codes(after) == [("authority.agency_suspended", "source")]


def test_a_suspended_agency_comes_back_by_being_reinstated(registry: Registry) -> None:
    """And as it was, with an event for every copy: why, and what was before."""
    suspend(registry)
    again = suspend(registry)
    back = registry.accept("registry.agency.reinstate", {"agency": MEDAN}, "binaan")
    twice = registry.accept("registry.agency.reinstate", {"agency": MEDAN}, "binaan")
    assert [one["outcome"] for one in (again, back, twice)] == ["unchanged", "reinstated", "unchanged"]
    told = [(fact.type, fact.sequence, fact.data.model_dump(exclude_none=True)["change"]) for fact in registry.facts]
    assert told == [
        ("registry.agency.suspended", 2, {"status_before": "active", "reason": "Kata sandi bocor"}),
        ("registry.agency.reinstated", 3, {"status_before": "suspended"}),
    ]
    assert not registry.report(trade(), person()).problems


def test_registering_a_suspended_agency_again_lets_nobody_back_in(registry: Registry) -> None:
    """A list that is sent every morning must not undo what was decided at night."""
    registry.accept("registry.agency.register", AGENCY, "binaan")
    suspend(registry, "dinkop-bengkalis")
    decision = registry.send("registry.agency.register", {**AGENCY, "name": "Nama Baru"}, "binaan")
    assert [(one.code, one.field) for one in decision.warnings] == [("agency.still_suspended", "data.agency")]
    assert decision.result["outcome"] == "updated"
    known = {one.agency: (one.name, one.status) for one in registry.all(AGENCIES)}
    assert known["dinkop-bengkalis"] == ("Nama Baru", "suspended")


@pytest.mark.parametrize("verb", ["suspend", "reinstate"])
def test_what_is_not_known_cannot_be_suspended(registry: Registry, verb: str) -> None:
    decision = registry.send(f"registry.agency.{verb}", {"agency": "entah-siapa", "reason": "x"}, "binaan")
    assert codes(decision) == [("agency.unknown", "data.agency")]


# --- the end of a term ------------------------------------------------------------------------------------------------


def test_a_term_that_ends_at_once_is_over_with_the_next_message(registry: Registry) -> None:
    """S0-03: whoever leaves, decides nothing more, not even today; what was decided before stays in order."""
    business_id = registry.recorded()
    assert not registry.decide("verify", business_id, actor="kabid").problems
    result = registry.accept("registry.official.end", {"official": "kabid"})
    assert (result["outcome"], result["sequence"]) == ("ended", 2)
    registry.decide("deactivate", business_id)
    registry.decide("reactivate", business_id)
    assert codes(registry.decide("verify", business_id, actor="kabid")) == [("actor.not_in_office", "actor")]
    (ended,) = [fact for fact in registry.facts if fact.type == "registry.official.ended"]
    state = ended.data.model_dump(mode="json", exclude_none=True)["official"]
    assert (state["status"], state["valid_until"]) == ("ended", "2026-03-02")


def test_a_term_may_be_given_a_last_day(registry: Registry) -> None:
    """The day itself included, and by the clock of the agency: 16:30 UTC is tomorrow in Kalimantan Timur."""
    for agency in (MEDAN, KALTIM):
        registry.accept("registry.official.end", {"official": "kadis", "last_day": "2026-03-02"}, agency)
    samarinda = registry.recorded(KALTIM, region="64.72", name="Amplang")
    registry.now = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
    medan = registry.recorded()
    assert codes(registry.decide("verify", medan)) == []
    assert codes(registry.decide("verify", samarinda, KALTIM)) == [("actor.not_in_office", "actor")]
    registry.now = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
    assert codes(registry.decide("deactivate", medan)) == [("actor.not_in_office", "actor")]


@pytest.mark.parametrize(
    ("now", "first_day"),
    [
        (datetime(2026, 3, 2, 15, 59, tzinfo=UTC), "2026-03-03"),
        (datetime(2026, 3, 2, 16, 0, tzinfo=UTC), "2026-03-03"),
    ],
)
def test_a_term_begins_at_midnight_in_the_agencys_own_zone(registry: Registry, now: datetime, first_day: str) -> None:
    """S4-10. An acting head of Samarinda's province (WITA) begins at 16:00 UTC of the day before."""
    term = {"role": "kadis", "acting": True, "valid_from": first_day, "valid_until": "2026-03-31"}
    registry.accept("registry.official.register", {"official": "plt", **term}, KALTIM)
    business_id = registry.recorded(KALTIM, region="64.72", name="Amplang")
    registry.now = now
    expected = [] if now.hour == 16 else [("actor.not_in_office", "actor")]
    assert codes(registry.decide("verify", business_id, KALTIM, actor="plt")) == expected


def test_an_acting_official_is_refused_after_the_dates_and_takes_office_again_by_registration(
    registry: Registry,
) -> None:
    """S4-10: a Plt. whose time is over; a new decree gives a new term, under the same handle."""
    term = {"role": "kadis", "acting": True, "valid_from": "2026-01-01"}
    registry.accept("registry.official.register", {"official": "plt", **term, "valid_until": "2026-03-01"})
    business_id = registry.recorded()
    assert codes(registry.decide("verify", business_id, actor="plt")) == [("actor.not_in_office", "actor")]
    ended = registry.accept("registry.official.end", {"official": "plt"})
    assert ended["outcome"] == "unchanged"
    registry.accept("registry.official.register", {"official": "plt", **term, "valid_until": "2026-04-01"})
    assert not registry.decide("verify", business_id, actor="plt").problems


def test_an_appointment_can_be_withdrawn_before_it_begins(registry: Registry) -> None:
    registry.accept("registry.official.register", {**OFFICIAL, "valid_from": "2026-03-03"})
    registry.accept("registry.official.end", {"official": "sekretaris"})
    registry.now = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
    assert codes(registry.decide("verify", registry.recorded(), actor="sekretaris")) == [
        ("actor.not_in_office", "actor")
    ]


@pytest.mark.parametrize(
    ("account", "about", "expected"),
    [
        (MEDAN, {"official": "entah"}, ("official.unknown", "data.official")),
        (MEDAN, {"last_day": "2026-03-01"}, ("official.last_day_past", "data.last_day")),
        (MEDAN, {"official": "kepala-baru", "last_day": "2026-03-31"}, ("official.term_reversed", "data.last_day")),
        (MEDAN, {"official": "plt", "last_day": "2026-06-01"}, ("official.end_later", "data.last_day")),
        (MEDAN, {"agency": SIANTAR}, ("official.other_agency", "data.agency")),
        (KALTIM, {"agency": MEDAN}, ("official.other_agency", "data.agency")),
        ("binaan", {}, ("field.required", "data.agency")),
        ("binaan", {"agency": "entah-siapa"}, ("agency.unknown", "data.agency")),
        ("entah-siapa", {}, ("authority.agency_unknown", "source")),
    ],
)
def test_an_end_is_refused(registry: Registry, account: str, about: dict[str, Any], expected: tuple[str, str]) -> None:
    """Of somebody unknown, in the past, before the beginning, later than it was to be; of another agency's."""
    plt = {"role": "kadis", "acting": True, "valid_from": "2026-01-01", "valid_until": "2026-05-31"}
    registry.accept("registry.official.register", {"official": "plt", **plt})
    registry.accept("registry.official.register", {**OFFICIAL, "official": "kepala-baru", "valid_from": "2026-04-01"})
    assert codes(registry.send("registry.official.end", {"official": "kadis", **about}, account)) == [expected]


def test_the_administrator_ends_a_term_of_any_agency(registry: Registry) -> None:
    result = registry.accept("registry.official.end", {"agency": SIANTAR, "official": "kadis"}, "binaan")
    assert (result["official_id"], result["outcome"]) == (official_id(SIANTAR, "kadis"), "ended")


# --- the questions ----------------------------------------------------------------------------------------------------


def agencies_seen(registry: Registry, account: str, **page: Any) -> list[str]:
    return [one["agency"] for one in registry.send("registry.agency.request", page, account).answer]


def test_an_agency_sees_itself_and_a_province_those_below_it(registry: Registry) -> None:
    """S3-06. A city does not see its neighbour, nor a province another province."""
    sumut = {**AGENCY, "level": "province", "permitted": ["registry.*.request"]}
    registry.accept("registry.agency.register", {**sumut, "agency": "dinkop-sumut", "region": "12"}, "binaan")
    ministry = {**sumut, "agency": "kemenumkm", "level": "ministry", "region": "00"}
    registry.accept("registry.agency.register", ministry, "binaan")
    assert agencies_seen(registry, MEDAN) == [MEDAN]
    assert agencies_seen(registry, "dinkop-sumut") == [MEDAN, SIANTAR, "dinkop-sumut"]
    assert agencies_seen(registry, KALTIM) == [KALTIM]
    everybody = [MEDAN, SIANTAR, "dinkop-sumut", KALTIM, "kemenumkm"]
    assert agencies_seen(registry, "kemenumkm") == agencies_seen(registry, "binaan") == everybody


def test_what_a_province_sees_comes_page_by_page(registry: Registry) -> None:
    """With its own tag, so that no page is empty."""
    sumut = {**AGENCY, "agency": "dinkop-sumut", "level": "province", "region": "12", "permitted": ["registry.#"]}
    registry.accept("registry.agency.register", sumut, "binaan")
    first = registry.send("registry.agency.request", {"limit": 2}, "dinkop-sumut")
    second = registry.send("registry.agency.request", {"limit": 2, "after": first.next}, "dinkop-sumut")
    assert [one["agency"] for one in first.answer] == [MEDAN, SIANTAR]
    assert ([one["agency"] for one in second.answer], second.next) == (["dinkop-sumut"], None)


def test_an_agency_is_told_its_officials_page_by_page(registry: Registry) -> None:
    """By the handles it has chosen, which nobody else is told, and whether the term covers today."""
    registry.accept("registry.official.end", {"official": "kabid"})
    first = registry.send("registry.official.request", {"limit": 1})
    second = registry.send("registry.official.request", {"limit": 1, "after": first.next})
    assert second.next is None
    shown = {one["handle"]: (one["role"], one["in_office"]) for one in (*first.answer, *second.answer)}
    assert shown == {"kadis": ("kadis", True), "kabid": ("kabid", False)}


@pytest.mark.parametrize(
    ("account", "about", "expected"),
    [
        (MEDAN, {"agency": SIANTAR}, ("authority.region", "data.agency")),
        (KALTIM, {"agency": MEDAN}, ("authority.region", "data.agency")),
        (KALTIM, {"agency": "entah-siapa"}, ("authority.region", "data.agency")),
        ("binaan", {}, ("field.required", "data.agency")),
        ("binaan", {"agency": "entah-siapa"}, ("agency.unknown", "data.agency")),
        ("entah-siapa", {}, ("authority.agency_unknown", "source")),
    ],
)
def test_a_question_about_others_officials_is_refused(
    registry: Registry, account: str, about: dict[str, Any], expected: tuple[str, str]
) -> None:
    """Who decides elsewhere is not for everybody; that an account is nobody is not said to everybody either."""
    assert codes(registry.send("registry.official.request", about, account)) == [expected]


def test_a_province_sees_who_decides_below_it(registry: Registry) -> None:
    """S3-06; the administrator sees it everywhere."""
    sumut = {**AGENCY, "agency": "dinkop-sumut", "level": "province", "region": "12", "permitted": ["registry.#"]}
    registry.accept("registry.agency.register", sumut, "binaan")
    for account in ("dinkop-sumut", "binaan"):
        answer = registry.send("registry.official.request", {"agency": MEDAN}, account).answer
        assert {one["role"] for one in answer} == {"kadis", "kabid"}


def test_agencies_are_stored_under_their_account(registry: Registry) -> None:
    """Authority is looked up by the account that the broker vouches for."""
    assert {one.agency for one in registry.all(AGENCIES)} >= {MEDAN, SIANTAR}
