"""Rows packed into messages: the same rows make the same messages, and each has the reply it would have had alone."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.cli.client import Intake, Reply
from services.cli.parcels import ROWS, Numbered, Packer

TIME = "2026-01-05T09:30:00.000+07:00"


def rows(*numbers: int, size: int = 0, changed: int | None = None) -> list[Numbered]:
    return [
        (
            number,
            Intake(
                f"id-{number}{'-new' if number == changed else ''}", "registry.business.report", {"x": "y" * size}, TIME
            ),
        )
        for number in numbers
    ]


def packed(given_rows: list[Numbered]) -> list[Intake]:
    return list(Packer(2, "+".join).pack(given_rows))


@given(st.sets(st.integers(2, 2000)), st.data())
def test_a_corrected_row_makes_one_message_new(numbers: set[int], data: st.DataObject) -> None:
    """The others are known to registry by their ids, and answered again."""
    ordered = sorted(numbers)
    before = packed(rows(*ordered))
    assert [row for one in before for row in one.id.split("+")] == [f"id-{number}" for number in ordered]
    if ordered:
        after = packed(rows(*ordered, changed=data.draw(st.sampled_from(ordered))))
        assert len({one.id for one in after} - {one.id for one in before}) == 1


def test_a_row_that_is_taken_out_moves_no_other_into_another_message() -> None:
    """Rows go by where they stand: an office that empties a row does not send the whole sheet anew."""
    before = packed(rows(*range(2, 2 + 4 * ROWS)))
    after = packed(rows(*(number for number in range(2, 2 + 4 * ROWS) if number != 5)))
    assert [one.id for one in after[1:]] == [one.id for one in before[1:]]


def test_a_message_stays_below_what_the_door_takes() -> None:
    """Long addresses in every row: the broker takes 1 MiB."""
    messages = packed(rows(*range(2, 202), size=10_000))
    assert max(len(one.body("dinkop-medan")) for one in messages) < 1 << 20
    assert sum(len(one.data["reports"]) for one in messages) == 200


def test_each_row_has_the_reply_it_would_have_had_alone() -> None:
    packer = Packer(2, "+".join)
    (message,) = packer.pack(rows(2, 3, 4))
    verdicts: list[dict[str, Any]] = [
        {"row": 0, "outcome": "created", "business_id": "b-0", "warnings": [{"field": "data.reports.0.owner.nik"}]},
        {
            "row": 1,
            "outcome": "rejected",
            "problems": [{"field": "data.reports.1.business"}, {"field": "data.reports.1"}],
        },
        {"row": 2, "outcome": "rejected", "problems": [{"field": "data.reports.2.time"}]},
    ]
    reply = Reply("accepted", {"result": {"outcome": "reported", "reports": verdicts}}, {})
    alone = dict(packer.unpack(message.id, reply))
    first, second, third = (alone[f"id-{number}"] for number in (2, 3, 4))
    assert first
    assert second
    assert third
    assert (first.rejected, first.result["business_id"], first.problems[0]["field"]) == (False, "b-0", "data.owner.nik")
    assert (second.rejected, [one["field"] for one in second.problems]) == (True, ["data.business", "data"])
    assert [one["field"] for one in third.problems] == ["time"]


def test_what_is_said_of_the_whole_message_is_said_of_each_row() -> None:
    """The account may not, or nobody has answered."""
    packer = Packer(2, "+".join)
    refused = Reply("rejected", {"problems": [{"code": "authority.type"}]}, {})
    first, second = packer.pack(rows(2, 2 + ROWS))
    assert list(packer.unpack(first.id, refused)) == [("id-2", refused)]
    assert list(packer.unpack(second.id, None)) == [(f"id-{2 + ROWS}", None)]
