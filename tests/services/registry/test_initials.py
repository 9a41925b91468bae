"""A business keeps its name among those who may read it; everybody else reads its owner's initials."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.initials import _TITLES as TITLES
from services.registry.initials import holds, initialled, neutral

NAME = "Siti Aminah"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("UD Siti Aminah", "UD S. A."),
        ("ud SITI   AMINAH jaya", "ud S. A. jaya"),
        ("Siti Aminah", "S. A."),
        ("Warung Aminah Siti", "Warung A. S."),
        ("Warung Siti-Aminah/Medan", "Warung S. A./Medan"),
        ("Toko SitiAminah", "Toko S. A."),
        ("TokoSitiAminah", "Toko S. A."),
        ("S.I.T.I. A.M.I.N.A.H Catering", "S. A. Catering"),
        ("Sıtí Amınâh", "Sıtí Amınâh"),
        ("Sítì Àmïnâh Kue", "S. A. Kue"),
        ("Ｓｉｔｉ Ａｍｉｎａｈ", "S. A."),
        ("Siti Aminah dan Siti Aminah", "S. A. dan S. A."),
        ("Kedai \u201cSiti_Aminah\u201d", "Kedai \u201cS. A.\u201d"),
    ],
)
def test_the_owners_full_name_is_shown_by_its_initials(told: str, shown: str) -> None:
    """In every spelling that an office's list reasonably has. A dotless i is another letter, and stays."""
    assert initialled(told, NAME) == shown


@pytest.mark.parametrize(
    "told",
    ["Keripik Ubi Mekar", "Warung Siti", "Aminah Catering", "Siti Aminahwati", "Parsiti Aminah", "Siti Nur Aminah"],
)
def test_a_name_that_is_not_the_owners_stays_as_it_is(told: str) -> None:
    """One word of a name says little, and many trades share it; another person's name is not the owner's."""
    assert initialled(told, NAME) == told
    assert not holds(told, NAME)


@pytest.mark.parametrize("name", ["Hj. Siti Aminah, S.E.", "Ibu Siti Aminah", "Dra. SITI AMINAH", "Siti binti Aminah"])
def test_titles_and_degrees_are_no_part_of_a_name(name: str) -> None:
    """The register has them, a shop sign seldom."""
    assert initialled("UD Siti Aminah", name) == "UD S. A."


@pytest.mark.parametrize("name", [None, "", "Suparman", "A. B.", "Siti"])
def test_a_name_of_one_word_is_left_alone(name: str | None) -> None:
    """Suparman is a name of thousands: a trade name with it alone names nobody in particular."""
    assert initialled("Warung Suparman Siti", name) == "Warung Suparman Siti"


def test_of_who_was_erased_not_even_one_word_stays() -> None:
    """Then the business's name is all that is left, and the person has asked to be forgotten."""
    assert neutral("Warung Bu Siti", NAME) == "Warung Bu S."
    assert neutral("UD Siti Aminah", NAME) == "UD S. A."
    assert neutral("Warung Suparman", "Suparman") == "Warung S."
    assert neutral("Sitinjak Motor", NAME) == "Sitinjak Motor"


WORDS = st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=8), min_size=2, max_size=4)


@given(
    WORDS,
    st.lists(st.sampled_from(["UD", "Toko", "Jaya", "88", "-", "/", "."]), max_size=4),
    st.integers(0, 4),
    st.sampled_from(" -_/. "),
)
def test_wherever_it_stands_and_whatever_is_between_it_is_found(
    words: list[str], others: list[str], place: int, between: str
) -> None:
    """And once it is shortened it is not there any more."""
    name = " ".join(words)
    text = " ".join([*others[:place], between.join(word.title() for word in words), *others[place:]])
    if len([word for word in words if word not in TITLES]) > 1:
        assert holds(text, name)
        assert not holds(initialled(text, name), name)
    assert initialled(text, None) == text


@given(st.text(max_size=60), st.text(max_size=40))
def test_no_text_is_too_odd(text: str, name: str) -> None:
    """Whatever an office sends, it is a text again."""
    assert isinstance(initialled(text, name), str)
    assert isinstance(neutral(text, name), str)
