"""What notify can find wrong with a message, beyond what every service finds: code, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from shared.contracts import problem as common
from shared.contracts.problem import Problem

TEXTS: Mapping[str, tuple[str, str]] = {
    "programme.of_another": (
        "Pesan tentang program ini hanya dijawab kepada instansi penyelenggaranya.",
        "Only the agency that runs this programme is told of its messages.",
    ),
    "programme.not_known_yet": (
        "Program ini belum sampai di sini; periksa programme_id, atau ulangi sebentar lagi.",
        "This programme is not known here; look at programme_id, or ask again in a moment.",
    ),
    "template.unknown": (
        "Templat ini tidak ada; kosongkan untuk melihat semuanya.",
        "There is no such template; leave it out to see all.",
    ),
}


def problem(code: str, field: str | None) -> Problem:
    """A problem with its texts. Raises ``KeyError`` for a code that has none."""
    return common.problem(code, field, *TEXTS[code])
