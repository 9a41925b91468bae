"""What the demo prints. Everything can be recorded as plain text besides; what moves on a terminal is not."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from services.cli.demo.view import View, happened_at, state_of, thing_of
from services.cli.events import Event
from services.cli.sentences import describe

WIDTH = 100
_SHOWN_OF_A_KIND = 3
_WITHDRAWN = {
    "no_consent": " (pemilik tidak menyetujui pesan)",
    "no_phone": " (pemilik tidak punya nomor HP)",
    "no_mobile_phone": " (hanya ada nomor telepon rumah)",
}


class Screen:
    """Numbered steps, each with what is said in it and a few of the events that happen meanwhile."""

    def __init__(self, *, recorded: bool = False) -> None:
        self._console = Console(highlight=False, width=_width())
        self._record = Console(file=io.StringIO(), highlight=False, width=WIDTH) if recorded else None
        self._steps = 0
        self._events: Counter[str] = Counter()
        self._in_step = False

    def print(self, what: RenderableType = "", *, whole: bool = False, cut: bool = False) -> None:
        """Anything. `whole` leaves the breaking of long lines to the terminal, so that they can be copied; `cut` ends
        them at its edge."""
        for console in (self._console, self._record):
            if console is not None:
                console.print(what, soft_wrap=whole, no_wrap=cut or None, overflow="ellipsis" if cut else None)

    def line(self, text: str, style: str = "") -> None:
        """A line of a step."""
        self.print(Padding(Text(text, style=style), (0, 0, 0, 3), expand=False))

    def command(self, text: str) -> None:
        """The command that does the same by hand."""
        self.print(Text(f"   $ {text}", style="cyan"), whole=True)

    def heading(self, title: str) -> None:
        """The beginning of a numbered step."""
        self._steps += 1
        self.print()
        self.print(Text(f"{self._steps}  {title}", style="bold"))

    @contextmanager
    def step(self, title: str, watching: RenderableType | None = None) -> Iterator[None]:
        """A numbered step in which something happens; the time it took stands at its end. On a terminal, what is
        `watching` is drawn again and again meanwhile."""
        self.heading(title)
        self._events.clear()
        began, self._in_step = time.monotonic(), True
        try:
            with self._moving(watching):
                yield
                self._say_how_many_more()
        finally:
            self._in_step = False
        self.line(f"{time.monotonic() - began:.1f} s", "dim")

    def _moving(self, watching: RenderableType | None) -> AbstractContextManager[Any]:
        if not self._console.is_terminal:
            return nullcontext()
        if watching is None:
            return self._console.status("")
        return Live(watching, console=self._console, refresh_per_second=12, transient=True)

    def event(self, event: Event, view: View) -> None:
        """One line of the live feed, unless enough of its kind have been shown in this step."""
        self._events[event.key] += 1
        if self._in_step and self._events[event.key] <= _SHOWN_OF_A_KIND:
            text = f"   │ {happened_at(event).astimezone():%H:%M:%S}  {sentence(event, view)}"
            self.print(Text(text, style="green"), cut=True)

    def _say_how_many_more(self) -> None:
        more = {key: count - _SHOWN_OF_A_KIND for key, count in self._events.items() if count > _SHOWN_OF_A_KIND}
        if more:
            kinds = ", ".join(f"{count} × {key}" for key, count in sorted(more.items()))
            self.line(f"│ … dan {kinds}", "green")

    def save(self, path: Path) -> None:
        """Write what was recorded as plain text."""
        if self._record is not None and isinstance(self._record.file, io.StringIO):
            lines = (line.rstrip() for line in self._record.file.getvalue().strip("\n").splitlines())
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def sentence(event: Event, view: View) -> str:
    """What an event says, in Indonesian, with the name of the business it is about."""
    name = view.state("business", str(state_of(event).get("beneficiary_id"))).get("name")
    about = f"{name}: " if name and thing_of(event) != "business" else ""
    reason = _WITHDRAWN.get(str((event.data.get("change") or {}).get("reason")), "")
    return f"{about}{describe(event)}{reason}"


def _width() -> int:
    console = Console()
    return min(console.width, WIDTH) if console.is_terminal else WIDTH
