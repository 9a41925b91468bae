"""What notify answers: what is uncertain, and how its messages read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from services.notify import occasion, sms, template
from services.notify.message import Message
from services.notify.template import Invitation

SAMPLE = Invitation(
    owner_name="Contoh Tidak Nyata",
    businesses=("Keripik Contoh",),
    programme="Pelatihan kemasan dan digitalisasi",
    agency="Dinas Koperasi dan UMKM Kota Contoh",
    quota=100,
    how_to_apply="datang ke kantor dinas dengan KTP",
    apply_until=date(2026, 12, 31),
)


def shown(message: Message) -> dict[str, Any]:
    """The public state of a message, and where it stands."""
    return {**message.published().model_dump(mode="json"), "region": message.region, "reason": message.reason}


def previews(wanted: str | None, day: date) -> Iterator[dict[str, Any]]:
    """Each template with invented values: its text, how many SMS it takes, its WhatsApp form, and what causes it."""
    for name in template.names():
        if wanted in {None, name}:
            text, form = template.render(name, SAMPLE), template.form(name, SAMPLE)
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
