"""One message's life, by the routes and workers of notify in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest

from services.notify import handlers
from services.notify import message as messages
from services.notify.message import message_id
from services.notify.provider import Outcome, Outgoing
from services.notify.store import CONTACTS, PROGRAMMES
from shared.contracts.catalogue import TYPES, data_classes
from shared.contracts.fields import DataClass
from shared.contracts.notify import MessageEvent
from tests.services.notify import samples
from tests.services.notify.memory import CrashError, Memory
from tests.services.notify.samples import NOW, Ledger

Pieces = dict[str, Callable[[Memory], Any]]
PIECES: Pieces = {
    "contact": lambda it: it.tell("registry.contact.changed", samples.contact(), 1),
    "business": lambda it: it.tell("registry.business.designated", samples.business(), 3),
    "programme": lambda it: it.tell("aid.programme.opened", samples.programme(), 1),
    "agency": lambda it: it.tell("registry.agency.registered", samples.agency(), 1),
    "eligibility": lambda it: it.tell("aid.eligibility.assessed", samples.eligibility(), 1, "assessed-1", "chain-1"),
}


@pytest.fixture
def memory() -> Memory:
    return Memory(NOW)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def _prepare(memory: Memory, *without: str) -> None:
    for name, tell in PIECES.items():
        if name not in without:
            tell(memory)
    memory.review()


@pytest.mark.parametrize("order", list(permutations(PIECES)), ids="-".join)
async def test_whichever_piece_comes_last_completes_the_message(
    order: tuple[str, ...], memory: Memory, ledger: Ledger
) -> None:
    """The pieces come by different queues, so in all 120 orders; the sender runs between any two of them."""
    for name in order:
        PIECES[name](memory)
        memory.review()
        await memory.send(ledger)
    assert [one.message_id for one in ledger.taken] == [message_id("programme", "owner")]
    assert memory.told() == ["queued", "sent", "delivered"]
    assert samples.NAME in ledger.taken[0].text
    assert ledger.taken[0].to == samples.PHONE


async def test_facts_belong_to_the_chain_of_the_eligibility(memory: Memory, ledger: Ledger) -> None:
    """One correlation id shows the whole chain, also where a clock or a late contact has sent the message."""
    _prepare(memory)
    await memory.send(ledger)
    assert {fact.cause.correlation_id for fact in memory.facts if fact.cause} == {"chain-1"}
    assert {fact.cause.causation_id for fact in memory.facts if fact.cause} == {"assessed-1"}
    states = [fact.data.message for fact in memory.facts if isinstance(fact.data, MessageEvent)]
    assert {one.caused_by for one in states} == {"assessed-1"}
    assert [(one.state, one.channel, one.provider, one.attempt) for one in states] == [
        ("queued", None, None, 0),
        ("sent", "whatsapp", "ledger", 1),
        ("delivered", "whatsapp", "ledger", 1),
    ]
    assert [fact.sequence for fact in memory.facts] == [1, 2, 3]
    assert {fact.region for fact in memory.facts} == {"12.71.01.1001"}


def test_every_fact_is_in_the_catalogue_and_public() -> None:
    """Number and text never leave: no field of the event is personal."""
    assert set(data_classes(MessageEvent).values()) == {DataClass.PUBLIC}
    for verb in ("queued", "sent", "delivered", "failed", "uncertain", "suppressed", "expired"):
        assert TYPES[f"notify.message.{verb}"].model is MessageEvent


async def test_five_businesses_of_one_owner_are_one_message(memory: Memory, ledger: Ledger) -> None:
    """Issue 7: an owner with five businesses gets one message, not five; it is about the first recorded."""
    _prepare(memory, "business", "eligibility", "programme")
    for number in range(5):
        recorded = date(2026, 1, 9 - number)
        memory.tell("registry.business.recorded", samples.business(f"b{number}", recorded_on=recorded), 1)
        memory.tell("aid.eligibility.assessed", samples.eligibility(business_id=f"b{number}"), 1)
    PIECES["programme"](memory)
    memory.review()
    await memory.send(ledger)
    (sent,) = ledger.taken
    assert "usaha Anda (Keripik b4, Keripik b3, Keripik b2, dan 2 usaha lainnya)" in sent.text
    (message,) = memory.messages
    assert message.beneficiary_id == "b4"


async def test_the_beneficiary_stays_while_it_is_eligible(memory: Memory) -> None:
    """A reader's copy must not become wrong without an event: an earlier recorded business does not replace it."""
    _prepare(memory)
    earlier = samples.business("earlier", recorded_on=date(2020, 1, 1), region="12.72.01.1001")
    memory.tell("registry.business.recorded", earlier, 1)
    memory.tell("aid.eligibility.assessed", samples.eligibility(business_id="earlier"), 1)
    assert memory.messages[0].beneficiary_id == "business"
    memory.tell("aid.eligibility.assessed", samples.eligibility(eligible=False), 2)
    assert memory.messages[0].beneficiary_id == "earlier"
    assert memory.messages[0].region == "12.71.01.1001", "readers of the first region see all of it"
    assert memory.told() == ["queued"]


async def test_lost_eligibility_withdraws_and_regained_queues_again(memory: Memory, ledger: Ledger) -> None:
    """Level, not edge: what counts is what is true when the message could be sent."""
    _prepare(memory)
    memory.tell("aid.eligibility.assessed", samples.eligibility(eligible=False), 2)
    await memory.send(ledger)
    assert ledger.taken == []
    memory.tell("aid.eligibility.assessed", samples.eligibility(), 3)
    await memory.send(ledger)
    assert memory.told() == ["queued", "suppressed", "queued", "sent", "delivered"]
    assert _reasons(memory)[1] == "eligibility_lost"


async def test_one_of_two_eligibilities_lost_withdraws_nothing(memory: Memory, ledger: Ledger) -> None:
    """Only when all of an owner's businesses have lost it is there nothing to tell."""
    _prepare(memory)
    memory.tell("registry.business.recorded", samples.business("other"), 1)
    memory.tell("aid.eligibility.assessed", samples.eligibility(business_id="other"), 1)
    memory.tell("aid.eligibility.assessed", samples.eligibility(business_id="other", eligible=False), 2)
    await memory.send(ledger)
    assert "usaha Keripik business memenuhi" in ledger.taken[0].text


async def _die_sending(memory: Memory) -> None:
    """The process dies when it has claimed what is due and hands it to the provider."""

    class Dying(Ledger):
        async def send(self, messages: Any) -> list[Outcome]:
            raise CrashError

    with pytest.raises(CrashError):
        await memory.send(Dying())


async def test_a_beneficiary_lost_while_claimed_is_replaced_when_it_goes_back(memory: Memory) -> None:
    """A message must never be about a business that is no longer eligible, if another one is."""
    _prepare(memory)
    memory.tell("registry.business.recorded", samples.business("other"), 1)
    memory.tell("aid.eligibility.assessed", samples.eligibility(business_id="other"), 1)

    await _die_sending(memory)
    memory.tell("aid.eligibility.assessed", samples.eligibility(eligible=False), 2)
    ledger = Ledger()
    await memory.send(ledger)
    assert memory.messages[0].beneficiary_id == "other"
    assert "usaha Keripik other memenuhi" in ledger.taken[0].text


async def test_nothing_more_after_it_was_sent(memory: Memory, ledger: Ledger) -> None:
    """One intent, at most one message: lost and regained eligibility or new consent do not send again."""
    _prepare(memory)
    await memory.send(ledger)
    for sequence, eligible in ((2, False), (3, True)):
        memory.tell("aid.eligibility.assessed", samples.eligibility(eligible=eligible), sequence)
        await memory.send(ledger)
    memory.tell("registry.contact.changed", samples.contact(name="Lain"), 2)
    await memory.send(ledger)
    assert len(ledger.taken) == 1
    assert memory.told() == ["queued", "sent", "delivered"]


async def test_a_late_or_doubled_event_changes_nothing(memory: Memory) -> None:
    """There is no inbox for events: the sequence alone makes them idempotent."""
    _prepare(memory)
    memory.tell("aid.eligibility.assessed", samples.eligibility(eligible=False), 5)
    before = list(memory.messages)
    stale = [
        memory.tell("aid.eligibility.assessed", samples.eligibility(), 4),
        memory.tell("aid.eligibility.assessed", samples.eligibility(), 5),
        memory.tell("registry.contact.changed", samples.contact(phone=None), 1),
        memory.tell("registry.business.recorded", samples.business(owner_id="someone"), 2),
        memory.tell("aid.programme.closed", samples.programme(status="closed"), 1),
        memory.tell("registry.agency.registered", samples.agency(name="Lama"), 1),
    ]
    assert all(not one.changes and not one.facts for one in stale)
    assert memory.messages == before


# --- contact, consent, expiry -----------------------------------------------------------------------------------------


async def test_without_contact_it_waits_and_expires_after_a_day(memory: Memory, ledger: Ledger) -> None:
    """Issue 2: at most 24 h; one second earlier it still waits."""
    _prepare(memory, "contact")
    memory.now = NOW + timedelta(hours=24) - timedelta(seconds=1)
    await memory.send(ledger)
    assert memory.told() == ["queued"]
    memory.now = NOW + timedelta(hours=24)
    await memory.send(ledger)
    PIECES["contact"](memory)
    await memory.send(ledger)
    assert memory.told() == ["queued", "expired"]
    assert _reasons(memory)[1] == "no_contact"
    assert ledger.taken == []


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        ({"whatsapp": False, "sms": False}, "no_consent"),
        ({"phone": None}, "no_phone"),
        ({"phone": "+62614561234"}, "no_mobile_phone"),
    ],
)
async def test_what_was_lacking_comes_later_and_the_message_goes(
    lacking: dict[str, Any], reason: str, memory: Memory, ledger: Ledger
) -> None:
    """Consent or a number recorded while the programme is open puts the message back; the queue tells both."""
    memory.tell("registry.contact.changed", samples.contact(**lacking), 1)
    _prepare(memory, "contact")
    await memory.send(ledger)
    assert memory.told() == ["queued", "suppressed"]
    assert _reasons(memory)[1] == reason
    memory.tell("registry.contact.changed", samples.contact(), 2)
    await memory.send(ledger)
    assert memory.told() == ["queued", "suppressed", "queued", "sent", "delivered"]


async def test_consent_withdrawn_while_queued_takes_effect_before_sending(memory: Memory, ledger: Ledger) -> None:
    """Consent and erasure take effect before the next send, also for what is queued (issue 7)."""
    _prepare(memory)
    memory.tell("registry.contact.changed", samples.contact(whatsapp=False, sms=False), 2)
    await memory.send(ledger)
    assert ledger.taken == []
    assert _reasons(memory) == [None, "no_consent"]


async def test_a_number_that_changes_while_queued_is_the_one_that_is_written_to(memory: Memory, ledger: Ledger) -> None:
    """Whoever has the old number now must not read whom the office supports; nobody is told at both."""
    _prepare(memory)
    memory.tell("registry.contact.changed", samples.contact(phone="+6281100009999", name="Contoh Baru"), 2)
    await memory.send(ledger)
    memory.tell("registry.contact.changed", samples.contact(phone="+6281100008888"), 3)
    await memory.send(ledger)
    assert [one.to for one in ledger.taken] == ["+6281100009999"]
    assert "Contoh Baru" in ledger.taken[0].text


async def test_a_number_that_turns_out_to_be_no_mobile_withdraws_what_is_queued(memory: Memory, ledger: Ledger) -> None:
    """A landline cannot be sent an SMS; two numbers in one cell are none."""
    _prepare(memory)
    memory.tell("registry.contact.changed", samples.contact(phone="+62614561234"), 2)
    await memory.send(ledger)
    assert (ledger.taken, _reasons(memory)) == ([], [None, "no_mobile_phone"])


async def test_erasure_withdraws_and_a_late_contact_does_not_bring_it_back(memory: Memory, ledger: Ledger) -> None:
    """UU PDP art. 42–44: the tombstone has the higher sequence, so an older contact is ignored."""
    _prepare(memory)
    memory.tell("registry.contact.erased", samples.contact(name=None, phone=None), 3)
    memory.tell("registry.contact.changed", samples.contact(), 2)
    await memory.send(ledger)
    assert ledger.taken == []
    assert _reasons(memory)[-1] == "contact_erased"
    stored = memory.get(CONTACTS, "owner")
    assert samples.NAME not in stored.model_dump_json()
    assert samples.PHONE not in stored.model_dump_json()


async def test_sms_where_only_sms_was_agreed_to(memory: Memory, ledger: Ledger) -> None:
    """WhatsApp first, SMS when that is what the owner has agreed to."""
    memory.tell("registry.contact.changed", samples.contact(whatsapp=False), 1)
    _prepare(memory, "contact")
    await memory.send(ledger)
    assert ledger.taken[0].channel == "sms"


# --- programmes -------------------------------------------------------------------------------------------------------


async def test_a_closed_programme_withdraws_what_is_not_sent(memory: Memory, ledger: Ledger) -> None:
    """Also what waits for its contact, at once and not only when the day has passed."""
    _prepare(memory, "contact")
    memory.tell("aid.programme.closed", samples.programme(status="closed"), 2)
    memory.review()
    assert memory.told() == ["queued", "suppressed"]
    assert _reasons(memory)[1] == "programme_closed"
    PIECES["contact"](memory)
    await memory.send(ledger)
    assert ledger.taken == []


async def test_closing_is_seen_by_the_sender_before_the_review_is_through(memory: Memory, ledger: Ledger) -> None:
    """A review of 40,000 takes a while; meanwhile nothing goes out."""
    _prepare(memory)
    memory.tell("aid.programme.closed", samples.programme(status="closed"), 2)
    await memory.send(ledger)
    assert ledger.taken == []
    assert memory.told() == ["queued", "suppressed"]


@pytest.mark.parametrize("announce", ["never", "on_invited"])
async def test_a_programme_that_does_not_announce_tells_nobody(announce: str, memory: Memory, ledger: Ledger) -> None:
    """The contract's ``announce`` decides, not the eligibility."""
    memory.tell("aid.programme.opened", samples.programme(announce=announce), 1)
    _prepare(memory, "programme")
    await memory.send(ledger)
    assert memory.facts == []
    assert memory.messages == []


async def test_the_last_day_ends_at_midnight_where_the_programme_is(memory: Memory, ledger: Ledger) -> None:
    """Dates are in the region's own zone: 2 March ends in Medan (WIB) at 17:00 UTC."""
    memory.tell("aid.programme.opened", samples.programme(apply_until=date(2026, 3, 2)), 1)
    _prepare(memory, "programme", "contact")
    memory.now = NOW.replace(hour=17)
    PIECES["contact"](memory)
    await memory.send(ledger)
    assert memory.told() == ["queued", "expired"]
    assert _reasons(memory)[1] == "apply_until_passed"

    other = Memory(NOW.replace(hour=16, minute=59))
    other.tell("aid.programme.opened", samples.programme(apply_until=date(2026, 3, 2)), 1)
    _prepare(other, "programme")
    await other.send(ledger)
    assert "paling lambat 2 Maret 2026" in ledger.taken[0].text


async def test_a_large_programme_is_reviewed_in_steps(
    memory: Memory, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step is a unit of work of its own and says how far it is, so a restart goes on where it stood."""
    monkeypatch.setattr(handlers, "REVIEWED_AT_ONCE", 3)
    _prepare(memory, "programme", "eligibility", "business", "contact")
    for number in range(10):
        memory.tell("registry.business.recorded", samples.business(f"b{number}", f"o{number}"), 1)
        memory.tell("aid.eligibility.assessed", samples.eligibility(business_id=f"b{number}"), 1)
        memory.tell("registry.contact.changed", samples.contact(f"o{number}"), 1)
    PIECES["programme"](memory)
    seen = []
    while (await memory.run(handlers.review_needs, handlers.review)).changes:
        seen.append((len(memory.messages), memory.get(PROGRAMMES, "programme").review_after))
    assert seen == [(3, "programme/b2"), (6, "programme/b5"), (9, "programme/b8"), (10, None)]
    await memory.send(ledger)
    assert len(ledger.taken) == 10


async def test_a_business_that_changes_hands_takes_its_invitation_along(memory: Memory, ledger: Ledger) -> None:
    """The message to the former owner is withdrawn, the new owner gets one."""
    _prepare(memory)
    memory.tell("registry.contact.changed", samples.contact("heir", phone="+6281100009999"), 1)
    memory.tell("registry.business.updated", samples.business(owner_id="heir"), 4)
    await memory.send(ledger)
    assert [one.to for one in ledger.taken] == ["+6281100009999"]
    states = {one.owner_id: one.state for one in memory.messages}
    assert states == {"owner": "suppressed", "heir": "delivered"}


async def test_after_the_last_day_there_is_no_reason_to_tell(memory: Memory) -> None:
    """Who becomes eligible then never had a message; nothing is queued only to expire."""
    memory.tell("aid.programme.opened", samples.programme(apply_until=date(2026, 3, 1)), 1)
    _prepare(memory, "programme")
    assert memory.facts == []


async def test_what_is_suppressed_when_the_last_day_passes_stays_so(memory: Memory, ledger: Ledger) -> None:
    """It has ended already, for its own reason; consent after the last day changes nothing."""
    memory.tell("aid.programme.opened", samples.programme(apply_until=date(2026, 3, 2)), 1)
    memory.tell("registry.contact.changed", samples.contact(whatsapp=False, sms=False), 1)
    _prepare(memory, "programme", "contact")
    memory.now = NOW + timedelta(days=2)
    memory.tell("registry.contact.changed", samples.contact(), 2)
    await memory.send(ledger)
    assert memory.told() == ["queued", "suppressed"]


async def test_a_message_queued_again_has_its_own_day_to_wait(memory: Memory) -> None:
    """Eligible again after a week, and still no contact: 24 h from then, not from the first time."""
    _prepare(memory, "contact")
    memory.tell("aid.eligibility.assessed", samples.eligibility(eligible=False), 2)
    memory.now = NOW + timedelta(days=7)
    memory.tell("aid.eligibility.assessed", samples.eligibility(), 3)
    assert memory.told() == ["queued", "suppressed", "queued"]
    assert memory.messages[0].due_at == memory.now + timedelta(hours=24)


async def test_news_of_a_queued_message_does_not_put_it_behind_others(memory: Memory) -> None:
    """What has waited longest is sent first; a change of number is no reason to wait again."""
    _prepare(memory)
    memory.now = NOW + timedelta(minutes=5)
    memory.tell("registry.contact.changed", samples.contact(phone="+6281100009999"), 2)
    assert memory.messages[0].due_at == NOW


# --- sending ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("commits", [0, 1])
@pytest.mark.parametrize("handed_over", [True, False])
async def test_a_crash_between_claim_and_record_sends_once(
    commits: int, handed_over: bool, memory: Memory, ledger: Ledger
) -> None:
    """Died before the claim, or after it with or without the provider having it: afterwards it is sent once."""
    _prepare(memory)
    memory.crash_at_commit = commits
    with pytest.raises(CrashError):
        await memory.send(ledger)
    memory.crash_at_commit = None
    if not handed_over:
        ledger.taken.clear()
    await memory.send(ledger)
    assert len(ledger.taken) == 1
    assert memory.told() == ["queued", "sent", "delivered"]
    assert memory.messages[0].attempt == (2 if commits and not handed_over else 1)


async def test_after_the_claim_lost_eligibility_no_longer_withdraws(memory: Memory, ledger: Ledger) -> None:
    """What the provider has cannot be called back; the books say that it was sent."""
    _prepare(memory)
    memory.crash_at_commit = 1
    with pytest.raises(CrashError):
        await memory.send(ledger)
    memory.crash_at_commit = None
    memory.tell("aid.eligibility.assessed", samples.eligibility(eligible=False), 2)
    await memory.send(ledger)
    assert memory.told() == ["queued", "sent", "delivered"]


async def test_a_claim_the_provider_has_never_seen_follows_what_is_true_again(memory: Memory) -> None:
    """A provider that can be asked makes it certain that nothing has left; so nothing has to leave any more."""
    _prepare(memory)

    await _die_sending(memory)
    memory.tell("aid.eligibility.assessed", samples.eligibility(eligible=False), 2)
    ledger = Ledger()
    await memory.send(ledger)
    assert ledger.taken == []
    assert memory.told() == ["queued", "suppressed"]


async def test_a_text_that_cannot_be_written_fails_and_harms_no_neighbour(memory: Memory, ledger: Ledger) -> None:
    """Before anything is sent, with a reason that repeats nothing; the others go."""
    _prepare(memory)
    memory.tell("registry.business.recorded", samples.business("bad", "other", name="Warung\nGratis"), 1)
    memory.tell("registry.contact.changed", samples.contact("other"), 1)
    memory.tell("aid.eligibility.assessed", samples.eligibility(business_id="bad"), 1)
    await memory.send(ledger)
    assert {one.owner_id: (one.state, one.reason) for one in memory.messages} == {
        "owner": ("delivered", None),
        "other": ("failed", "text_control_character"),
    }
    assert len(ledger.taken) == 1


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (["sent"], ["sent"]),
        (["sent", "delivered"], ["sent", "delivered"]),
        (["delivered", "sent"], ["sent", "delivered"]),
        (["delivered", "delivered"], ["sent", "delivered"]),
        (["failed"], ["failed"]),
        (["failed", "failed"], ["failed"]),
        (["uncertain", "delivered"], ["uncertain", "sent", "delivered"]),
        (["uncertain", "uncertain"], ["uncertain"]),
        (["delivered", "failed"], ["sent", "delivered"]),
    ],
)
def test_outcomes_move_a_message_only_forward(outcome: list[Any], expected: list[str]) -> None:
    """Told twice, late or by a receipt after all: the books never go back (issue 7 builds on this)."""
    memory = Memory(NOW)
    _prepare(memory)
    message = messages.claim(memory.messages[0], "sms", "elsewhere")
    told: list[str] = []
    for state in outcome:
        step = messages.record(message, Outcome(message_id=message.message_id, state=state), NOW)
        message = step.message
        told += [fact.type.rpartition(".")[2] for fact in step.facts]
    assert told == expected


def test_what_a_standing_process_has_sent_after_all_is_said(memory: Memory) -> None:
    """A process that stood still sends what another has withdrawn: the truth is that it was sent, and it is told."""
    _prepare(memory)
    memory.tell("aid.eligibility.assessed", samples.eligibility(eligible=False), 2)
    withdrawn = memory.messages[0]
    outcome = Outcome(message_id=withdrawn.message_id, state="delivered")
    assert messages.record(withdrawn, outcome, NOW).message.state == "delivered"
    refused = Outcome(message_id=withdrawn.message_id, state="failed")
    memory.tell("aid.eligibility.assessed", samples.eligibility(), 3)
    for message in (withdrawn, memory.messages[0]):
        assert messages.record(message, refused, NOW).message == message


def test_a_move_that_is_not_allowed_is_a_mistake_of_ours(memory: Memory) -> None:
    """A delivered message cannot be claimed again; it raises rather than sends."""
    _prepare(memory)
    delivered = memory.messages[0].model_copy(update={"state": "delivered"})
    with pytest.raises(ValueError, match="cannot go from delivered to sending"):
        messages.claim(delivered, "sms", "local")


def test_what_is_personal_does_not_show_in_logs() -> None:
    """A message on its way out is an argument of many calls; a traceback must not show number or text."""
    out = Outgoing("id", NOW, "sms", samples.PHONE, f"Yth. {samples.NAME}")
    assert samples.PHONE not in repr(out)
    assert samples.NAME not in repr(out)


def _reasons(memory: Memory) -> list[str | None]:
    return [fact.data.change.reason for fact in memory.facts if isinstance(fact.data, MessageEvent)]


# --- records that turn out to be one ----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize(
    ("survivor_eligible", "said"), [(True, ["queued", "sent", "delivered"]), (False, ["queued", "suppressed"])]
)
async def test_a_double_record_that_is_merged_is_not_told_of(
    order: tuple[int, ...], survivor_eligible: bool, said: list[str], memory: Memory, ledger: Ledger
) -> None:
    """However the events of the merge come: the owner is told once if the business that lives on is eligible, and what
    was not sent yet is withdrawn if it is not."""
    _prepare(memory)
    double = {"business_id": "business", "status": "digabung", "merged_into": "survivor"}
    memory.tell("registry.business.recorded", samples.business("survivor"), 1)
    events: list[Callable[[], Any]] = [
        lambda: memory.tell("registry.business.merged", samples.business(**double), 4),
        lambda: memory.tell("registry.business.updated", samples.business("survivor", absorbed=("business",)), 2),
        lambda: memory.tell("aid.eligibility.assessed", samples.eligibility(eligible=False), 2, "assessed-2"),
    ]
    if survivor_eligible:
        eligible = samples.eligibility(business_id="survivor")
        memory.tell("aid.eligibility.assessed", eligible, 1, "assessed-3", "chain-3")
    for number in order:
        events[number]()
    memory.review()
    await memory.send(ledger)
    assert memory.told() == said
    assert len(ledger.taken) == int(survivor_eligible)
