"""Any question's answer as a table."""

from __future__ import annotations

from typing import Any

import pytest

from services.cli.ask import flat, rows_of
from services.cli.business import told as telling


@pytest.mark.parametrize(
    ("answer", "rows"),
    [
        ([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 2}]),
        ({"census": {"name": "x"}, "never_visited": [{"a": 1}]}, [{"a": 1}]),
        ({"census": {"name": "x"}, "never_visited": []}, []),
        ({"template": "x", "values": ["y"]}, [{"template": "x", "values": ["y"]}]),
        ([], []),
    ],
)
def test_the_rows_of_an_answer_are_its_list_or_itself(answer: Any, rows: list[Any]) -> None:
    """A census is answered with itself beside the businesses that nobody has visited."""
    assert rows_of(answer) == rows


def test_what_lies_within_is_headed_by_where_it_lies() -> None:
    row = {"business": {"name": "Kopi", "kbli": {"code": "10794"}}, "needs": ["capital"]}
    assert flat(row) == {"business.name": "Kopi", "business.kbli.code": "10794", "needs": ["capital"]}


def test_what_was_told_last_stands_first_in_whatever_zone_it_was_told() -> None:
    told = {
        "workers": {"at": "2026-01-05T03:00:00+00:00", "account": "oss"},
        "name": {"at": "2026-01-05T09:30:00+07:00", "account": "dinkop-medan"},
        "agency_ref:dinkop-medan": {"at": "2026-01-04T09:30:00+07:00", "account": "dinkop-medan"},
    }
    refs = {"dinkop-medan": "UMKM-1"}
    detail = {"told": told, "told_name": "Warung Siti Aminah", "agency_refs": refs}
    rows = telling({"business": {"name": "Warung S. A.", "workers": 3}, "detail": detail})
    assert [(row["isian"], row["nilai"], row["menurut"]) for row in rows] == [
        ("workers", 3, "oss"),
        ("name", "Warung Siti Aminah", "dinkop-medan"),
        ("agency_ref:dinkop-medan", "UMKM-1", "dinkop-medan"),
    ]
