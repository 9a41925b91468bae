"""What notify answers: what has become of messages, how far a campaign is, and how its messages read. Nothing that is
answered here names a person, a number or a text that somebody was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from services.notify import occasion, sms, template
from services.notify.audience import Programme
from services.notify.message import Message
from services.notify.template import Digest, Invitation, Reminder, Values

SAMPLE = Invitation(
    owner_name="Contoh Tidak Nyata",
    businesses=("Keripik Contoh",),
    programme="Pelatihan kemasan dan digitalisasi",
    agency="Dinas Koperasi dan UMKM Kota Contoh",
    quota=100,
    how_to_apply="datang ke kantor dinas dengan KTP",
    apply_until=date(2026, 12, 31),
)

_SAMPLES: Mapping[str, Values] = {
    "programme_eligible": SAMPLE,
    "programmes_eligible": Digest(
        SAMPLE.owner_name,
        (
            SAMPLE,
            replace(SAMPLE, programme="Bantuan mesin kemasan", businesses=("Keripik Contoh", "Sirup Contoh")),
        ),
    ),
    "rat_due": Reminder(SAMPLE.owner_name, "pengurus", "Koperasi Contoh", SAMPLE.agency, 2025, date(2026, 6, 30)),
}


def sample(name: str) -> Values:
    """Invented values for a template, by what stands before its language and version."""
    return _SAMPLES[name.partition("_id_v")[0]]


def shown(message: Message) -> dict[str, Any]:
    """The public state of a message, where it stands, until when it waits, and how it came there."""
    return {
        **message.published().model_dump(mode="json"),
        "programme_id": message.programme_id,
        "cooperative_id": message.cooperative_id,
        "region": message.region,
        "reason": message.reason,
        "waits_until": message.due_at.isoformat() if message.due_at is not None else None,
        "history": [one.model_dump(mode="json", exclude_none=True) for one in message.moves],
    }


def progress(programme: Programme, counts: Mapping[str, int]) -> dict[str, Any]:
    """How many owners stand where. ``looking`` while not all who may be eligible have been looked at."""
    return {
        "programme_id": programme.programme_id,
        "programme": programme.name,
        "agency": programme.agency,
        "region": programme.region,
        "status": programme.status,
        "apply_until": programme.apply_until.isoformat() if programme.apply_until is not None else None,
        "looking": programme.review_at is not None,
        "total": sum(counts.values()),
        "states": {state: number for state, number in counts.items() if number},
    }


def previews(wanted: str | None, day: date) -> Iterator[dict[str, Any]]:
    """Each template with invented values: its text, how many SMS it takes, its WhatsApp form, and what causes it."""
    for name in template.names():
        if wanted in {None, name}:
            values = sample(name)
            text, form = template.render(name, values), template.form(name, values)
            length = sms.measure(text)
            yield {
                "template": name,
                "text": text,
                "sms": {"encoding": length.encoding, "units": length.units, "segments": length.segments},
                "whatsapp": None
                if form is None
                else {
                    "name": form.name,
                    "language": form.language,
                    "category": form.category,
                    "parameters": list(form.parameters),
                    "text": template.filled(name, form.parameters),
                },
                "causes": [_cause(one) for one in occasion.occasions() if one.template == name],
            }


def _cause(one: occasion.Occasion) -> dict[str, Any]:
    return {
        "event": one.event,
        "when": one.when,
        "to": one.to,
        "category": one.category,
        "priority": one.priority,
        "valid_from": one.valid_from.isoformat(),
    }
