"""Any question's answer as a table."""

from __future__ import annotations

from typing import Any

import pytest

from services.cli.ask import flat, rows_of


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
