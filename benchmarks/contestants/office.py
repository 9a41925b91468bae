"""What a good engineer would write without a kernel that gathers: one report, one change, as plain documents.

Both peers share it. It checks the payload with the same contract, recognises a business by the same keys and numbers
what it tells. It leaves out what registry does besides, in the peers' favour: who may say what, which of several
observations stands, encryption at rest, guards against write skew, messages that are held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import orjson
import uuid_utils

from benchmarks.contestants.settings import Output
from shared.contracts.envelope import CONTACTS, EVENTS
from shared.contracts.registry.businesses import BusinessReport
from shared.kernel.keys import Keyring

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One to be published."""

    id: str
    exchange: str
    key: str
    type: str
    body: bytes


class Report:
    """A report, read and checked. Raises ``ValueError`` for one that is not valid."""

    def __init__(self, body: bytes, keyring: Keyring) -> None:
        envelope = orjson.loads(body)
        self.id: str = envelope["id"]
        self.identity = keyring.digest("intake", f"{envelope['source']}\0{self.id}".encode())
        self._checked = BusinessReport.model_validate(envelope["data"])
        told = self._checked.model_dump(mode="json", exclude_none=True)
        self.owner, self.business = told["owner"], told["business"]
        self.owner_id = keyring.token("nik", self.owner["nik"])
        ref = keyring.token("agency_ref", self.business["agency_ref"])
        name = self.business["name"].casefold()
        self.keys = [f"ref:{ref}", f"nib:{self.business['nib']}|{name}", f"own:{self.owner_id}|{name}"]

    def owner_change(self) -> Document:
        return {"$set": self.owner, "$inc": {"sequence": 1}}

    def business_after(self, known: Document | None) -> Document:
        """The whole document; a new one when nothing is known."""
        start: Document = known or {"_id": str(uuid_utils.uuid7()), "owner_id": self.owner_id, "sequence": 0}
        fields = {**start, **self.business, "keys": self.keys, "status": start.get("status", "terdata")}
        return {**fields, "sequence": start["sequence"] + 1, "changed_at": datetime.now(UTC)}

    def contact_changed(self, before: Document | None) -> bool:
        return before is None or any(before.get(name) != value for name, value in self.owner.items())


class Writer:
    """Makes a hop's outputs, of the same sizes as registry's."""

    def __init__(self, outputs: Sequence[Output]) -> None:
        self._outputs = outputs

    def messages(self, report: Report, business: Document, *, contact: bool) -> list[Message]:
        """The event, the reply, and the contact when there is one to tell."""
        told = [one for one in self._outputs if contact or one.exchange != CONTACTS]
        return [self._message(one, report, business) for one in told]

    def _message(self, output: Output, report: Report, business: Document) -> Message:
        id_ = str(uuid_utils.uuid7())
        data = business if output.exchange == EVENTS else report.owner if output.exchange == CONTACTS else report.id
        body = orjson.dumps({"id": id_, "correlationid": report.id, "type": output.type, "data": data})
        return Message(id_, output.exchange, output.key, output.type, body[: output.size].ljust(output.size))


@dataclass(frozen=True)
class Change:
    """What one transaction writes beside the state."""

    report: Report
    messages: Sequence[Message]

    @cached_property
    def outbox(self) -> list[Document]:
        return [
            {"_id": one.id, "exchange": one.exchange, "key": one.key, "type": one.type, "body": one.body}
            for one in self.messages
        ]

    @cached_property
    def ids(self) -> list[str]:
        return [one.id for one in self.messages]
