"""The doors for receipts: ``/webhooks/whatsapp`` and ``/webhooks/twilio``. Zenziva documents none.

The guarantee of this file: an answer of 200 means that what was said is committed. Said again, it changes nothing. A
receipt for a message that nobody knows is kept and counted; one without a good signature changes nothing at all.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from services.notify.contact import CHANNELS, Contact
from services.notify.desk import Desk, refusal_needs
from services.notify.provider import Outcome
from services.notify.receipt import (
    Said,
    Stray,
    Unknown,
    Word,
    outcomes_in,
    read_meta,
    read_twilio,
    signed_by_meta,
    signed_by_twilio,
)
from services.notify.sending import recording_needs
from services.notify.store import STRAYS, contacts_at
from shared.contracts.envelope import Received
from shared.decision import Decision
from shared.kernel.doors import Door, Request, Response
from shared.kernel.routes import Decide, Needs, Run
from shared.kernel.state import ById, ByTag, Lookup, WorkingSet

WHATSAPP = "/webhooks/whatsapp"
TWILIO = "/webhooks/twilio"
_META_HEADER, _TWILIO_HEADER = "x-hub-signature-256", "x-twilio-signature"
_OK = Response(200, b"")
_FORBIDDEN = Response(403, b"The signature is missing or wrong.\n")
_MOST_AT_ONCE = 200
_TWILIO_BYTES = 64 * 1024
"""One text or status each. Its signature is over the fields, so a body must be taken apart before it can be trusted."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was news in a batch: refusals, each with its provider, and how many receipts name no message of ours."""

    refusals: Sequence[tuple[str | None, Outcome]]
    strays: int


class Gathering:
    """Commits together what has come while the last commit was under way: code per receipt, cost per batch. ``heed``
    is told of the refusals, which may say something of the provider itself, ``strays`` how many nobody here knows."""

    def __init__(
        self,
        heed: Callable[[str | None, Outcome], None] = lambda _provider, _outcome: None,
        strays: Callable[[int], None] = lambda _number: None,
    ) -> None:
        self._heed, self._strays = heed, strays
        self._turn = asyncio.Lock()
        self._waiting: list[tuple[Sequence[Said], asyncio.Future[None]]] = []

    async def commit(self, said: Sequence[Said], run: Run) -> None:
        """Returns when it is committed. Raises what the unit of work raises."""
        if not said:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((said, done))
        async with self._turn:
            if not done.done():
                await self._next(run)
        await done

    async def _next(self, run: Run) -> None:
        """The oldest of those who wait, as many as go together; the one who asks is among them, sooner or later."""
        while self._waiting:
            batch = [self._waiting.pop(0)]
            while self._waiting and sum(len(one) for one, _ in batch) < _MOST_AT_ONCE:
                batch.append(self._waiting.pop(0))
            await self._together(batch, run)

    async def _together(self, batch: Sequence[tuple[Sequence[Said], asyncio.Future[None]]], run: Run) -> None:
        said = [each for one, _ in batch for each in one]
        try:
            decision = await run(hearing_needs(said), hearing(said))
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
            if len(batch) == 1:
                _settle(batch[0][1], error)
                return
            for one in batch:  # one that cannot be taken must not keep the others out
                await self._together([one], run)
        else:
            heard: Heard = decision.answer
            for provider, outcome in heard.refusals:
                self._heed(provider, outcome)
            if heard.strays:
                self._strays(heard.strays)
            for _, done in batch:
                _settle(done, None)


def _settle(done: asyncio.Future[None], error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


# --- what is said -----------------------------------------------------------------------------------------------------


def hearing_needs(said: Sequence[Said]) -> Needs:
    """The messages it is about, and whoever can be reached at a number that wants nothing more."""
    outcomes = recording_needs(outcomes_in(said))

    def needs(message: Received[Any], state: WorkingSet) -> Iterator[Lookup]:
        yield from outcomes(message, state)
        for one in said:
            if isinstance(one, Unknown):
                yield ById(STRAYS, _stray_id(message, one.mark))
            elif isinstance(one, Word):
                people = contacts_at(message, one.number)
                yield from people
                for contact in () if state.missing(people) else _all(state, people):
                    yield from refusal_needs(state, contact.owner_id)
            else:
                yield ById(STRAYS, _stray_id(message, _mark(one)))

    return needs


def hearing(said: Sequence[Said]) -> Decide:
    """Write it all down. The answer is what was news in it."""

    def decide(message: Received[Any], state: WorkingSet, now: datetime) -> Decision:
        desk = Desk(state, now)
        for one in said:
            if isinstance(one, Word):
                for contact in _all(state, contacts_at(message, one.number)):
                    desk.refuse(contact.owner_id, CHANNELS)
            elif isinstance(one, Unknown):
                _keep(desk, state, message, one.mark, one.status)
            elif not desk.hear(one):
                _keep(desk, state, message, _mark(one), one.state)
        decision = desk.decision()
        strays = sum(isinstance(one, Stray) for one in decision.changes)
        return replace(decision, answer=Heard(tuple(desk.refusals), strays))

    return decide


def _all(state: WorkingSet, people: Sequence[ByTag[Contact]]) -> Iterator[Contact]:
    return (contact for one in people for contact in state.all(one))


def _mark(outcome: Outcome) -> str:
    return f"ours/{outcome.message_id}.{outcome.attempt}/{outcome.state}"


def _stray_id(message: Received[Any], mark: str) -> str:
    return message.token("stray", mark)


def _keep(desk: Desk, state: WorkingSet, message: Received[Any], mark: str, status: str) -> None:
    id_ = _stray_id(message, mark)
    if state.get(ById(STRAYS, id_)) is None:
        stray = Stray(stray_id=id_, kind=mark.partition("/")[0], status=status, received_at=message.received_at)
        desk.keep_once(stray)


# --- the doors --------------------------------------------------------------------------------------------------------


def whatsapp(secrets: Sequence[tuple[str, str]], gathering: Gathering, count: Callable[[str], None]) -> Door:
    """Meta's: ``secrets`` are the pairs of app secret and verify token of the numbers in use."""

    async def answer(request: Request, run: Run) -> Response:
        if request.method == "GET":
            return _subscribed(request, [token for _, token in secrets])
        if request.method != "POST":
            return Response(405)
        header = request.headers.get(_META_HEADER)
        if not any(signed_by_meta(request.body, header, secret) for secret, _ in secrets):
            count("forged")
            return _FORBIDDEN
        said = read_meta(request.body)
        if said is None:
            return Response(400, b"Not a JSON object.\n")
        await gathering.commit(said, run)
        count("taken")
        return _OK

    return Door(answer, signature=_META_HEADER)


def _subscribed(request: Request, tokens: Sequence[str]) -> Response:
    """The challenge that Meta sends when the address is entered, given back if it knows the token."""
    query = {name: values[0] for name, values in parse_qs(request.query.decode("latin-1")).items()}
    given = query.get("hub.verify_token", "").encode()
    known = any(hmac.compare_digest(given, token.encode()) for token in tokens)
    if query.get("hub.mode") != "subscribe" or not known:
        return _FORBIDDEN
    return Response(200, query.get("hub.challenge", "").encode())


def twilio(accounts: Sequence[tuple[str, str]], gathering: Gathering, count: Callable[[str], None]) -> Door:
    """Twilio's: ``accounts`` are pairs of auth token and the address as Twilio knows it, without its query."""

    async def answer(request: Request, run: Run) -> Response:
        if request.method != "POST":
            return Response(405)
        query = request.query.decode("latin-1")
        header = request.headers.get(_TWILIO_HEADER)
        addresses = [(token, f"{url}?{query}" if query else url) for token, url in accounts]
        if not any(signed_by_twilio(url, request.body, header, token) for token, url in addresses):
            count("forged")
            return _FORBIDDEN
        handle = parse_qs(query).get("handle", [None])[0]
        await gathering.commit(read_twilio(request.body, handle), run)
        count("taken")
        return _OK

    return Door(answer, signature=_TWILIO_HEADER, max_bytes=_TWILIO_BYTES)
