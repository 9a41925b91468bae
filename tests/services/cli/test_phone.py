"""The phone that the demo shows: the owner's message, and what is known of it as the events arrive."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from services.cli.demo.phone import Phone
from services.cli.demo.view import View
from services.cli.events import Event

MESSAGE, OTHER = "9749f6fe-0da3-809a-91c8-ed68d914e4d0", "1f49f6fe-0da3-809a-91c8-ed68d914e4d0"
TEXT = "Yth. Bapak/Ibu Contoh Tidak Nyata, usaha Keripik Ubi Mekar memenuhi syarat."


def event(key: str, subject: str, number: int, **state: object) -> Event:
    thing = key.split(".")[1]
    return Event(
        {
            "id": f"{key}-{subject}",
            "type": f"id.binaan.{key}.v1",
            "time": f"2026-03-02T03:00:0{number}.125Z",
            "subject": subject,
            "sequence": f"{number:020d}",
            "data": {thing: state},
        }
    )


def drawn(phone: Phone) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(phone)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_message_is_seen_to_arrive_step_by_step(tmp_path: Path) -> None:
    """The first one that is told of is followed; its text is there as soon as it was sent, and no other's."""
    view, spool = View(), tmp_path / "spool.jsonl"
    phone = Phone(view, spool)
    assert drawn(phone).strip() == ""
    view.take(event("registry.agency.registered", "a", 1, agency="dinkop-medan", name="Dinas Contoh"), now_running=True)
    view.take(event("registry.business.designated", "b", 1, agency="dinkop-medan"), now_running=True)
    view.take(event("notify.message.queued", MESSAGE, 1, beneficiary_id="b"), now_running=True)
    view.take(event("notify.message.queued", OTHER, 1, beneficiary_id="b"), now_running=True)
    waiting = drawn(phone)
    assert "Dinas Contoh" in waiting
    assert "pesan disiapkan" in waiting
    assert "Yth." not in waiting
    lines = [
        {
            "message_id": one,
            "at": "2026-03-02T03:00:01+00:00",
            "channel": "whatsapp",
            "to": "+6281100001234",
            "text": text,
        }
        for one, text in ((OTHER, "Bukan ini"), (MESSAGE, TEXT))
    ]
    spool.write_text("".join(json.dumps(one) + "\n" for one in lines))
    view.take(event("notify.message.sent", MESSAGE, 2, beneficiary_id="b", channel="whatsapp"), now_running=True)
    sent = drawn(phone)
    assert "Contoh Tidak Nyata" in sent
    assert "WhatsApp · +6281100001234" in sent
    assert "✓✓" not in sent
    view.take(event("notify.message.delivered", MESSAGE, 3, beneficiary_id="b", channel="whatsapp"), now_running=True)
    assert "✓✓ pesan sampai lewat whatsapp" in drawn(phone)
    assert "Bukan ini" not in drawn(phone)


def test_without_the_file_of_the_provider_the_states_are_shown(tmp_path: Path) -> None:
    """On another machine than notify's there is no text to show: the events hold none."""
    view = View()
    view.take(event("notify.message.queued", MESSAGE, 1), now_running=True)
    view.take(event("notify.message.failed", MESSAGE, 2, channel="sms"), now_running=True)
    assert "! " in drawn(Phone(view, None))
