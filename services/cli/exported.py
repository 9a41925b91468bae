"""What an exported register said, row by row, so that importing it again tells only what was changed.

A report says of every field that it was seen so, and when. An office that corrects one telephone number in a register
of thousands has seen that number and nothing else; told whole, the rest would stand as its own word of today, above
what others have seen before. So an export keeps of each value a short keyed hash, in the ledger beside the file.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from shared.contracts.registry.businesses import ReportedBusiness
from shared.contracts.registry.owners import ReportedOwner

Parts = Mapping[str, Mapping[str, Any]]
"""The data of a report: `owner` and `business`, each by field."""
_MODELS: Mapping[str, type[BaseModel]] = {"owner": ReportedOwner, "business": ReportedBusiness}
FIELDS = tuple(f"{part}.{name}" for part, model in _MODELS.items() for name in model.model_fields)
_WIDTH = 6
"""Letters of a hash, 36 bits: a change goes unnoticed once in 70,000,000,000."""
_TOLD = "-" * _WIDTH
"""Of a field that has been told since, and is told from then on: it may have to be taken back."""


@dataclass(slots=True)
class Exported:
    """By business, the hashes of its fields in one text, in the order of `FIELDS`."""

    salt: bytes
    rows: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, salt: bytes, content: Mapping[str, Any]) -> Exported:
        """As it was kept; nothing of a version with other fields. Raises `ValueError`, `KeyError`, `AttributeError`."""
        rows = content["rows"] if content.get("fields") == list(FIELDS) else {}
        return cls(salt, {str(business_id): str(row) for business_id, row in rows.items()})

    def content(self) -> dict[str, Any]:
        """To be kept as JSON."""
        return {"fields": list(FIELDS), "rows": self.rows}

    def add(self, business_id: str, data: Parts) -> None:
        """Keep what a row says."""
        self.rows[business_id] = "".join(self._hash(_value(data, one)) for one in FIELDS)

    def changed(self, business_id: str, data: Parts) -> dict[str, dict[str, Any]]:
        """What a row says otherwise than when it was exported, or has said otherwise since."""
        kept = self._kept(business_id)
        return {
            part: {name: value for name, value in fields.items() if kept[f"{part}.{name}"] != self._hash(value)}
            for part, fields in data.items()
        }

    def emptied(self, business_id: str, data: Parts) -> list[str]:
        """The paths of what a row has no value of, and had when it was exported, or when it was told since."""
        kept, nothing = self._kept(business_id), self._hash(None)
        return [one for one in FIELDS if kept[one] != nothing and _value(data, one) is None]

    def tells(self, business_id: str, data: Parts, emptied: Iterable[str]) -> bool:
        """Remember what is told of a business; whether any of it has been told before, in these words or others."""
        fields = {*emptied, *(f"{part}.{name}" for part, fields in data.items() for name in fields)}
        kept = self._kept(business_id)
        before = any(kept[one] == _TOLD for one in fields)
        self.rows[business_id] = "".join(_TOLD if one in fields else kept[one] for one in FIELDS)
        return before

    def _kept(self, business_id: str) -> dict[str, str]:
        row = self.rows[business_id]
        return {one: row[at * _WIDTH : (at + 1) * _WIDTH] for at, one in enumerate(FIELDS)}

    def _hash(self, value: Any) -> str:
        text = json.dumps(value, sort_keys=True, ensure_ascii=False)
        return base64.b64encode(hmac.digest(self.salt, text.encode(), hashlib.sha256))[:_WIDTH].decode()


def _value(data: Parts, path: str) -> Any:
    part, _, name = path.partition(".")
    return data[part].get(name)
