"""The road for facts about people: who asks whether somebody is known, and the token for who is not yet."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.contracts.fields import Payload, Personal, Public, Published, Slug

MAX_NIKS = 500
Niks = Annotated[tuple[Annotated[str, StringConstraints(max_length=64)], ...], Field(min_length=1, max_length=MAX_NIKS)]


class PersonMatch(Payload):
    """Are these people owners here? Each NIK is looked at by itself, so that a wrong one harms no other."""

    niks: Personal[Niks]
    purpose: Public[Slug | None] = None


class PersonState(Published):
    """Somebody who was asked about before being recorded: the token that was given, and who it has become."""

    token: Public[str]
    owner_id: Public[str]


class PersonChange(Published):
    """What one event adds: nothing so far."""


class PersonEvent(Published):
    person: Public[PersonState]
    change: Public[PersonChange] = PersonChange()
