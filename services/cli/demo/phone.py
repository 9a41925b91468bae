"""The phone of one owner: the message as it is read there, and what is known of it, as the events arrive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.align import Align
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from services.cli.demo.exhibit import written_messages
from services.cli.demo.view import View, happened_at, state_of, subject_of
from services.cli.events import Event
from services.cli.sentences import describe

_WIDTH = 58
_TICKS = {"queued": "◷", "sent": "✓", "delivered": "✓✓", "read": "✓✓"}
_CHANNELS = {"whatsapp": "WhatsApp", "sms": "SMS"}


class Phone:
    """Follows the first message of which this run tells, unless another one is to be shown. `spool` is where the local
    provider writes, if it can be read: the events hold no text."""

    def __init__(self, view: View, spool: Path | None, message_id: str | None = None) -> None:
        self.message_id = message_id
        self._view, self._spool = view, spool
        self._written: Mapping[str, Any] | None = None

    def __rich__(self) -> RenderableType:
        """As it stands now."""
        steps = list(self._steps())
        return Align.center(_framed(self._sender(steps), self._text(steps), steps)) if steps else Text("")

    def _steps(self) -> Iterator[Event]:
        for event in list(self._view.seen):
            if not event.key.startswith("notify.message."):
                continue
            if self.message_id is None and event.key == "notify.message.queued":
                self.message_id = subject_of(event)
            if subject_of(event) == self.message_id:
                yield event

    def _sender(self, steps: Sequence[Event]) -> str:
        beneficiary = self._view.state("business", str(state_of(steps[0]).get("beneficiary_id")))
        agencies = (one for one in self._view.states("agency") if one.get("agency") == beneficiary.get("agency"))
        return str(next(agencies, {}).get("name") or "Binaan")

    def _text(self, steps: Sequence[Event]) -> Mapping[str, Any] | None:
        went = any(event.key != "notify.message.queued" for event in steps)
        if self._written is None and self._spool is not None and went:
            found = (one for one in written_messages(self._spool) if one["message_id"] == self.message_id)
            self._written = next(found, None)
        return self._written


def _framed(sender: str, written: Mapping[str, Any] | None, steps: Sequence[Event]) -> Panel:
    said = [_line(event) for event in steps]
    parts: list[RenderableType] = [Text(sender, style="bold"), *([] if written is None else [_bubble(written, steps)])]
    return Panel(Group(*parts, *said), box=box.HEAVY, width=_WIDTH, title="● ▬▬▬▬", border_style="bright_black")


def _bubble(written: Mapping[str, Any], steps: Sequence[Event]) -> Panel:
    at = datetime.fromisoformat(str(written["at"])).astimezone()
    last = steps[-1].key.rpartition(".")[2]
    return Panel(
        Text(str(written.get("text", ""))),
        box=box.ROUNDED,
        border_style="green",
        title=f"{_CHANNELS.get(str(written.get('channel')), 'Pesan')} · {written.get('to', '')}",
        title_align="left",
        subtitle=f"{at:%H.%M} {_TICKS.get(last, '')}",
        subtitle_align="right",
    )


def _line(event: Event) -> Text:
    at = happened_at(event).astimezone()
    verb = event.key.rpartition(".")[2]
    ticks = Text(f"{_TICKS.get(verb, '!'):<3}", style="bright_cyan" if verb in {"delivered", "read"} else "")
    return Text(f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}  ", style="dim").append(ticks).append(describe(event))
