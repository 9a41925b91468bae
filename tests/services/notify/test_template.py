"""The words an owner reads: exact, because they have been agreed, and strict, because they cannot be called back."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, meta

from services.notify import template
from services.notify.template import Digest, Invitation, Reminder, TextError, date_in_words, listing, render, thousands

TEMPLATE = "programme_eligible_id_v1"
INVITATION = Invitation(
    owner_name="Contoh Tidak Nyata",
    businesses=("Keripik Ubi Mekar",),
    programme="Pelatihan kemasan dan digitalisasi",
    agency="Dinas Koperasi dan UMKM Kota Medan",
    quota=100,
)


def test_text_for_one_business_says_that_eligible_is_not_received() -> None:
    """Golden: issue 2 wants greeting, business, programme, places and no promise ("belum tentu menerima")."""
    assert render(TEMPLATE, INVITATION) == (
        "Yth. Bapak/Ibu Contoh Tidak Nyata, usaha Keripik Ubi Mekar memenuhi syarat program Pelatihan kemasan dan "
        "digitalisasi dari Dinas Koperasi dan UMKM Kota Medan. Tersedia 100 tempat, dan memenuhi syarat belum tentu "
        "menerima. Untuk mendaftar, hubungi Dinas Koperasi dan UMKM Kota Medan."
    )


def test_text_for_several_businesses_with_a_last_day() -> None:
    """Golden: one message names all businesses of an owner, and says how and until when to apply."""
    several = replace(
        INVITATION,
        businesses=("Keripik Ubi Mekar", "Warung Contoh"),
        quota=1500,
        how_to_apply="Datang ke loket 2 kantor dinas.",
        apply_until=date(2026, 3, 31),
    )
    assert render(TEMPLATE, several) == (
        "Yth. Bapak/Ibu Contoh Tidak Nyata, usaha Anda (Keripik Ubi Mekar dan Warung Contoh) memenuhi syarat program "
        "Pelatihan kemasan dan digitalisasi dari Dinas Koperasi dan UMKM Kota Medan. Tersedia 1.500 tempat, dan "
        "memenuhi syarat belum tentu menerima. Cara mendaftar: Datang ke loket 2 kantor dinas, paling lambat "
        "31 Maret 2026."
    )


def test_an_owner_without_a_name_is_greeted_all_the_same() -> None:
    """An office may know a number and no name; that is no reason not to tell."""
    assert render(TEMPLATE, replace(INVITATION, owner_name=None)).startswith("Yth. Bapak/Ibu pemilik usaha, usaha ")


@pytest.mark.parametrize(
    "hole",
    [
        {"programme": ""},
        {"programme": None},
        {"agency": ""},
        {"quota": None},
        {"businesses": ()},
        {"businesses": ("A", "")},
    ],
)
def test_a_missing_value_is_an_error(hole: dict[str, Any]) -> None:
    """Strict: "program None dari" must never reach anybody."""
    with pytest.raises(TextError, match="value_missing"):
        render(TEMPLATE, replace(INVITATION, **hole))


def test_a_template_that_names_an_unknown_value_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A typing error in a template shows before the first message, not in it."""
    (tmp_path / "typo_v1.jinja").write_text("Yth. {{ owner_nmae }}")
    loader = template._TEMPLATES.loader
    monkeypatch.setattr(loader, "searchpath", [str(tmp_path)])
    with pytest.raises(TextError, match="value_missing"):
        render("typo_v1", INVITATION)


@pytest.mark.parametrize(
    "smuggled", ["Keripik\nTransfer Rp100.000", "Keripik\x07", "Keripik\u2028x", "Keripik\u202egnp"]
)
@pytest.mark.parametrize("count", [1, 2])
def test_control_characters_are_refused(smuggled: str, count: int) -> None:
    """Who names a business must not be able to write lines of a government message."""
    with pytest.raises(TextError, match="control_character"):
        render(TEMPLATE, replace(INVITATION, businesses=(smuggled, "Warung Contoh")[:count]))


def test_no_error_repeats_a_value() -> None:
    """Errors are logged and stored; names are not."""
    with pytest.raises(TextError) as caught:
        render(TEMPLATE, replace(INVITATION, owner_name="Rahasia\x00"))
    assert "Rahasia" not in repr(caught.value)
    assert caught.value.__context__ is None or "Rahasia" not in repr(caught.value.__context__)


def test_names_are_shown_as_they_are() -> None:
    """No HTML: a phone would show the letters of "&amp;"; and a name is a value, never a template."""
    text = render(TEMPLATE, replace(INVITATION, businesses=("Tempe & Tahu <Asli> {{ quota }}",)))
    assert "usaha Tempe & Tahu <Asli> {{ quota }} memenuhi" in text


def test_every_template_uses_only_values_that_exist() -> None:
    """All templates, also those of branches that the golden texts do not take."""
    folder = Path(template.__file__).parent / "templates"
    known = {field.name for values in (Invitation, Digest, Reminder) for field in fields(values)}
    sources = list(folder.glob("*.jinja"))
    assert sources
    for source in sources:
        environment = Environment()
        environment.filters = template._TEMPLATES.filters
        assert meta.find_undeclared_variables(environment.parse(source.read_text("utf-8"))) <= known, source.name


def test_numbers_dates_and_lists_are_indonesian() -> None:
    """Dots between thousands, the month in words, the serial comma of PUEBI."""
    assert [thousands(one) for one in (0, 999, 1000, 1_234_567)] == ["0", "999", "1.000", "1.234.567"]
    assert [date_in_words(date(2026, month, 1)) for month in (1, 8, 12)] == [
        "1 Januari 2026",
        "1 Agustus 2026",
        "1 Desember 2026",
    ]
    assert [listing(["A"]), listing(["A", "B"]), listing(["A", "B", "C"])] == ["A", "A dan B", "A, B, dan C"]
    assert listing(["A", "B", "C", "D", "E"]) == "A, B, C, dan 2 usaha lainnya"
