"""The commands of an integrator: `send`, `replies`, `tail`."""

from __future__ import annotations

import asyncio
import json as jsonlib
import sys
import uuid
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.json import JSON

from services.cli.client import PATIENCE_SECONDS, Intake, Reply, opened, pending_replies
from services.cli.connection import Address, find
from services.cli.events import Event, history
from services.cli.exits import Exit, no_reply, wrong_usage
from services.cli.options import Actor, As, Json, Patience, print_json, region_code
from services.cli.screen import out, say
from services.cli.sentences import describe
from shared.contracts.catalogue import BY_NAME, TYPES, Kind
from shared.contracts.envelope import ADMINISTRATOR
from shared.reference import region as regions
from shared.reference.invalid import Invalid

_SHORT_ID = 8


def send(
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="registry.business.report, or the full type name.")],
    payload: Annotated[str | None, typer.Argument(metavar="[JSON]", help="The data, if --data is not given.")] = None,
    *,
    account: As,
    data: Annotated[str | None, typer.Option("--data", metavar="FILE", help="The data as JSON; - is stdin.")] = None,
    intake_id: Annotated[
        str | None, typer.Option("--id", help="The message's id; the same id again is the same message.")
    ] = None,
    actor: Actor = None,
    time: Annotated[
        str | None, typer.Option(metavar="RFC3339", help="When it was observed; now, where a time is required.")
    ] = None,
    subject: Annotated[str | None, typer.Option(metavar="ID", help="The id of the thing it is about.")] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Send the data as the whole body, unchanged: to see what is refused.")
    ] = False,
    json: Json = False,
    patience: Patience = PATIENCE_SECONDS,
) -> None:
    """Send one message and print its reply.

    Example: `binaan send registry.business.verify '{"business_id": "0198…"}' --as dinkop-medan --actor kabid`

    Example: `binaan send aid.programme.open --data programme.json --as dinkop-medan --actor kadis`
    """
    key = known_key(kind, known_only=not raw)
    body = _body(payload, data)
    intake = Intake(
        id=intake_id or str(uuid.uuid4()),
        key=key,
        data=None if raw else parsed(body),
        time=time or _now_if_observed(key),
        subject=subject,
        actor=actor,
        raw=body if raw else None,
    )
    reply = asyncio.run(_ask(find(account), intake, patience))
    _show(reply, json=json)
    raise typer.Exit(Exit.REFUSED if reply.rejected else Exit.DONE)


def replies(*, account: As, json: Json = False) -> None:
    """Take and print the replies that nobody has fetched yet.

    A reply is there once: what is printed here no other program of the account will see.

    Example: `binaan replies --as dinkop-medan --json > replies.jsonl`
    """
    taken = asyncio.run(_take(find(account), json=json))
    if not taken and not json:
        say("No replies are waiting.")


def tail(
    *,
    account: As = ADMINISTRATOR,
    region: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only what lies in a region: 12.71, or 12 for a province.")
    ] = None,
    pattern: Annotated[
        str, typer.Option("--type", metavar="PATTERN", help="Only these types; * is one word, # any number of words.")
    ] = "#",
    from_start: Annotated[
        bool, typer.Option("--from-start", "--history", help="Begin with the first event kept, not with the next one.")
    ] = False,
    count: Annotated[int | None, typer.Option(min=1, metavar="N", help="End after N events.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0.1, metavar="SECONDS", help="End after this time.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print whole events, one JSON object a line.")] = False,
) -> None:
    """Show public events as they happen, one line each. Takes nothing away from any subscriber.

    With --count and --timeout both, the exit code is 4 when the time ends first.

    Example: `binaan tail --type 'registry.business.*' --region 12.71`

    Example: `binaan tail --from-start --type aid.eligibility.assessed --count 10 --json`
    """
    code = region_code(region) if region is not None else None
    follower = _Follower(pattern, code, count, json=json)
    asyncio.run(follower.follow(find(account), timeout, from_start=from_start))
    if count and follower.left:
        raise no_reply(f"{count - follower.left} of {count} events came within {timeout} s.")


# -- send --------------------------------------------------------------------------------------------------------------


async def _ask(address: Address, intake: Intake, patience: float) -> Reply:
    async with opened(address, patience) as door:
        return await door.ask(intake)


def known_key(kind: str, *, known_only: bool = True) -> str:
    """The short name of an intake type."""
    key = BY_NAME[kind].key if kind in BY_NAME else kind
    found = TYPES.get(key)
    if not known_only or (found and found.kind is Kind.INTAKE):
        return key
    takes = [one.key for one in TYPES.values() if one.kind is Kind.INTAKE]
    near = get_close_matches(key, takes, n=3, cutoff=0.5) or takes
    raise wrong_usage(f"There is no type {kind} to send. Perhaps: {', '.join(near)}. (--raw sends it nevertheless.)")


def _body(payload: str | None, data: str | None) -> bytes:
    if (payload is None) == (data is None):
        raise wrong_usage("Give the data either as an argument or with --data FILE (- for stdin).")
    if payload is not None:
        return payload.encode()
    if data == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(str(data)).read_bytes()
    except OSError as error:
        raise wrong_usage(f"{data} cannot be read: {(error.strerror or 'it cannot be opened').lower()}.") from None


def parsed(body: bytes) -> Any:
    try:
        return jsonlib.loads(body)
    except ValueError as error:
        where = f" (line {error.lineno})" if isinstance(error, jsonlib.JSONDecodeError) else ""
        raise wrong_usage(f"The data is not JSON{where}.") from None


def _now_if_observed(key: str) -> str | None:
    observed = key in TYPES and TYPES[key].observed
    return datetime.now(UTC).isoformat(timespec="seconds") if observed else None


def _show(reply: Reply, *, json: bool) -> None:
    if json or not out().is_terminal:
        print_json(reply.envelope)
        return
    colour = "red" if reply.rejected else "green"
    out().print(f"[{colour}]{reply.verb}[/]", JSON.from_data(reply.data))


async def _take(address: Address, *, json: bool) -> int:
    taken = 0
    async with aclosing(pending_replies(address)) as found:
        async for reply in found:
            taken += 1
            _show_waiting(reply, json=json)
    return taken


def _show_waiting(reply: Reply, *, json: bool) -> None:
    if json:
        print_json(reply.envelope, indent=None)
    else:
        said = reply.texts() or jsonlib.dumps(reply.result)
        out().print(f"{reply.verb:9}  {reply.data.get('intake_id')}  {said}", markup=False)


# -- tail --------------------------------------------------------------------------------------------------------------


class _Follower:
    """Prints the events that are wanted until there are enough of them or the time is over."""

    def __init__(self, pattern: str, region: str | None, count: int | None, *, json: bool) -> None:
        self.left = count or 0
        self._endless = count is None
        self._pattern = pattern
        self._region = region
        self._json = json

    async def follow(self, address: Address, seconds: float | None, *, from_start: bool) -> None:
        listening = asyncio.Event()
        telling = asyncio.create_task(self._tell(listening))
        try:
            async with asyncio.timeout(seconds):
                await self._print_all(address, listening, from_start=from_start)
        except TimeoutError:
            return
        finally:
            telling.cancel()

    async def _tell(self, listening: asyncio.Event) -> None:
        await listening.wait()
        say("Listening; end with Ctrl-C.")

    async def _print_all(self, address: Address, listening: asyncio.Event, *, from_start: bool) -> None:
        async with aclosing(history(address, "first" if from_start else "next", listening)) as events:
            async for event in events:
                if event.is_wanted(self._pattern, self._region) and self._print(event):
                    return

    def _print(self, event: Event) -> bool:
        """Whether that was the last one."""
        if self._json:
            print_json(event.envelope, indent=None)
        else:
            out().print(line_of(event), markup=False)
        self.left -= 1
        return not self._endless and self.left == 0


def line_of(event: Event) -> str:
    """Time (this machine's zone), type, subject cut short, place, and what it says."""
    subject = str(event.envelope.get("subject", ""))[-_SHORT_ID:]
    columns = _clock(event), f"{event.key:32}", f"…{subject:{_SHORT_ID}}", f"{_place(event.region):22}", describe(event)
    return "  ".join(columns).rstrip()


def _clock(event: Event) -> str:
    with suppress(ValueError):
        return datetime.fromisoformat(str(event.envelope.get("time"))).astimezone().strftime("%H:%M:%S")
    return "--:--:--"


def _place(code: str) -> str:
    with suppress(Invalid):
        return regions.parse(regions.regency_or_above(code)).name
    return code
