"""How the Python process is set up for this kind of work.

The guarantee of this file: it changes how fast a process runs, and nothing else.
"""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 10_000, 20, 20


def collect_seldom() -> None:
    """Look for cycles after 10,000 new objects instead of 700, and at older ones accordingly more seldom.

    A batch makes tens of thousands of objects that live until it is committed and are in no cycle: looking at them
    again and again costs processor time and finds nothing (docs/decisions/0014).
    """
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
