"""What a watched service and the test that kills it know of each other: a few numbers in a file that both have mapped.

What stands there survives a SIGKILL, so that it can be said afterwards what the victim was doing when it died.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import get_args

from shared.kernel.failpoints import Point

POINTS: tuple[Point, ...] = get_args(Point)
_UNARMED = -1
_LAYOUT = struct.Struct("<qqqqqd")
_FIELDS = ("commits", "inflight", "armed", "countdown", "died_at", "clock_offset")


class Control:
    """``commits`` of this process and deliveries it holds (``inflight``); the point at which it is to die, and how far
    its clock is wrong, in seconds."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_LAYOUT.pack(0, 0, _UNARMED, 0, _UNARMED, 0.0))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _LAYOUT.size)

    def __getitem__(self, field: str) -> float:
        return float(_LAYOUT.unpack_from(self._map)[_FIELDS.index(field)])

    def __setitem__(self, field: str, value: float) -> None:
        place = _FIELDS.index(field)
        struct.pack_into("<d" if field == "clock_offset" else "<q", self._map, 8 * place, value)

    def add(self, field: str, number: int) -> None:
        self[field] = int(self[field]) + number

    def begin(self) -> None:
        """Before a new process: it holds nothing, and dies nowhere unless told."""
        self["commits"] = self["inflight"] = 0
        self.arm(None)
        self["died_at"] = _UNARMED

    @property
    def holds_work(self) -> bool:
        return self["inflight"] > 0

    # --- dying at a point --------------------------------------------------------------------------------------------

    def arm(self, point: Point | None, hits: int = 1) -> None:
        """Die at the ``hits``-th time that the point is reached from now on."""
        self["countdown"] = hits
        self["armed"] = _UNARMED if point is None else POINTS.index(point)

    def is_armed_at(self, point: Point) -> bool:
        return self["armed"] == POINTS.index(point)

    def dies(self, point: Point) -> bool:
        """Whether this is the time; counts down."""
        if not self.is_armed_at(point):
            return False
        self.add("countdown", -1)
        return self["countdown"] <= 0

    def dying(self, point: Point) -> None:
        self["died_at"] = POINTS.index(point)

    @property
    def died_at(self) -> Point | None:
        place = int(self["died_at"])
        return None if place == _UNARMED else POINTS[place]
