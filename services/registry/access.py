"""The record of who has read what of whom: for every answer with personal data in it, in the transaction of the answer.

It answers an owner's question "who has read my data?" (UU PDP 27/2022 art. 32). It names persons by nothing but
``owner_id``, so it stays when a person's data go.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.contracts.authority import official_id
from shared.contracts.envelope import Received


class Access(BaseModel):
    """One answer: to which account, to which of its officials if it named one (as an opaque id), when, about which
    owners, to which question, and for what."""

    model_config = ConfigDict(frozen=True)

    access_id: str
    """In order of time, since a page is read by it."""
    at: AwareDatetime
    account: str
    official: str | None = None
    type: str
    purpose: str | None = None
    owner_ids: tuple[str, ...]


def recorded(message: Received[Any], owner_ids: Iterable[str], purpose: str | None, now: datetime) -> list[Access]:
    """What a decision must keep when its answer to ``message`` holds personal data of these owners: one record, or
    none where it holds nobody's."""
    about = tuple(dict.fromkeys(owner_ids))
    if not about:
        return []
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return [
        Access(
            access_id=f"{stamp}-{message.new_id('access')}",
            at=now,
            account=message.account,
            official=official_id(message.account, message.actor) if message.actor is not None else None,
            type=message.type,
            purpose=purpose,
            owner_ids=about,
        )
    ]


def described(one: Access) -> dict[str, Any]:
    """As the owner is told; whom else the same answer was about is nobody's business."""
    return {"at": one.at, **one.model_dump(mode="json", include={"account", "official", "type", "purpose"})}
