"""Facts about people that stand in the way of aid, under an owner's id or a keyed token, never under a number."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from shared.contracts.fields import Day, Identifier, Payload, Public, Slug, Specific
from shared.reference.invalid import Invalid

CheckName = Literal["population_register", "death", "civil_servant", "kur", "bank_credit"]
MAX_FACTS = 100


def _no_number(value: str) -> str:
    if re.fullmatch(r"[0-9]{10,20}", re.sub(r"[ .-]", "", value)):
        raise Invalid(
            "person.number",
            "Orang disebut dengan owner_id atau token dari registry.person.match, bukan dengan nomornya.",
            "Name a person by the owner_id or the token of registry.person.match, not by a number.",
        )
    return value


PersonName = Annotated[Identifier, AfterValidator(_no_number)]
"""An ``owner_id``, or the token of ``registry.person.match`` for somebody who is not recorded."""


class CheckedFact(Payload):
    """What the records of an agency say: ``value`` is whether it is so (stands in the population register, has died,
    is in civil service or the forces, holds KUR, holds credit) as of a day."""

    person: Public[PersonName]
    check: Specific[CheckName]
    value: Specific[bool]
    observed_on: Specific[Day]


class ExclusionReport(Payload):
    """What an agency has found out about people; ``source`` is the record it has it from (``dukcapil``, ``sikp``)."""

    source: Public[Slug]
    facts: Specific[Annotated[tuple[CheckedFact, ...], Field(min_length=1, max_length=MAX_FACTS)]]
