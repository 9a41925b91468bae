"""What people see: the console, progress, and the summary of a pass. Results go to stdout, talk to stderr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.cli.rounds import OUTCOMES, UNANSWERED, UNSENT, Tally
from services.cli.sheet import REFUSED

_SHOWN_REASONS = 10
_PIPE_WIDTH = 500
_MEANINGS = {
    **{word: outcome for outcome, word in OUTCOMES.items()},
    REFUSED: "refused; see Keterangan in the sheet",
    UNANSWERED: "no reply yet; run the same command again",
    UNSENT: "not sent yet; run the same command again",
}


class Advance(Protocol):
    def __call__(self) -> None: ...


def out() -> Console:
    """For what was asked for. Into a pipe nothing is cut to the width of a terminal."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def err() -> Console:
    """For everything else; made anew each time, since tests and pipes change the stream."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """One sentence about what is going on."""
    err().print(text, markup=False)


@contextmanager
def progress(text: str, total: int | None) -> Iterator[Advance]:
    """A bar on a terminal, nothing in a script. Without a total it only counts."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not Console(stderr=True).is_terminal,
    )
    with bar:
        task = bar.add_task(text, total=total)
        yield lambda: bar.advance(task)


def show_tally(tally: Tally, result: str | None) -> None:
    """The figures of a pass, the commonest reasons, and where the sheet is."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, justify in (("Hasil", "left"), ("rows", "right"), ("", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for outcome, rows in tally.outcomes.most_common():
        table.add_row(outcome, str(rows), _MEANINGS.get(outcome, ""))
    if tally.skipped:
        table.add_row("(dilewati)", str(tally.skipped), "left as they were")
    out().print(table)
    _show_reasons(tally)
    if result:
        out().print(f"The sheet with the result of every row: {result}", markup=False)


def _show_reasons(tally: Tally) -> None:
    if not tally.reasons:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("rows", justify="right")
    table.add_column("Alasan", overflow="fold")
    for reason, rows in tally.reasons.most_common(_SHOWN_REASONS):
        table.add_row(str(rows), reason)
    if (more := len(tally.reasons) - _SHOWN_REASONS) > 0:
        table.add_row("", f"… and {more} more")
    out().print("", table)


def as_json(tally: Tally, result: str | None) -> dict[str, Any]:
    """The same for scripts."""
    return {
        "outcomes": dict(tally.outcomes),
        "not_sent": tally.not_sent,
        "skipped": tally.skipped,
        "reasons": dict(tally.reasons),
        "sheet": result,
    }
