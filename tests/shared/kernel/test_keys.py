"""Without the key file the database names nobody; with it everything is found again, also after a rotation."""

from __future__ import annotations

import base64
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.keys import KeyFile, KeyFileError, Keyring

OLD, NEW = b"o" * 32, b"n" * 32
RING = Keyring("k1", {"k1": OLD})


@given(st.binary(max_size=300), st.text(max_size=40))
def test_what_is_sealed_opens_again_where_it_belongs(plain: bytes, context: str) -> None:
    """Nothing is lost by sealing."""
    assert RING.open(RING.seal(plain, context), context) == plain


@given(st.data())
def test_a_single_altered_or_missing_byte_is_noticed(data: st.DataObject) -> None:
    """Whatever part of it was hit, key name and nonce included, the error says so instead of something else failing."""
    sealed = bytearray(RING.seal(b"Ibu Contoh", "owners/1"))
    position = data.draw(st.integers(0, len(sealed) - 1))
    sealed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(KeyFileError):
        RING.open(bytes(sealed), "owners/1")
    with pytest.raises(KeyFileError):
        RING.open(bytes(sealed[:position]), "owners/1")


def test_sealed_data_cannot_be_moved_to_somebody_else() -> None:
    """Who can write to the database must not be able to give one owner's telephone number to another."""
    with pytest.raises(KeyFileError):
        RING.open(RING.seal(b"+62", "owners/1"), "owners/2")


def test_equal_values_are_sealed_differently() -> None:
    """Equal telephone numbers must not be recognisable by equal bytes."""
    assert RING.seal(b"+62", "owners/1") != RING.seal(b"+62", "owners/1")


def test_after_rotation_old_data_opens_and_new_data_needs_the_new_key() -> None:
    """Keys are added at the end and made current; what is sealed says with which one."""
    rotated = Keyring("k2", {"k1": OLD, "k2": NEW})
    assert rotated.open(RING.seal(b"old", "c"), "c") == b"old"
    sealed = rotated.seal(b"new", "c")
    assert Keyring("k2", {"k2": NEW}).open(sealed, "c") == b"new"
    with pytest.raises(KeyFileError, match="does not hold"):
        RING.open(sealed, "c")


IDS = KeyFile("k1", {"k1": OLD}).with_ids().ids
BOTH = Keyring("k2", {"k1": OLD, "k2": NEW}, ids=IDS, unnamed="k1")
ONLY_NEW = Keyring("k2", {"k2": NEW}, ids=IDS)


def test_ids_and_what_recognises_a_message_outlive_every_rotation() -> None:
    """A message that comes again after the rotation, within 90 days, is known, and would make the same ids."""
    for ring in (BOTH, ONLY_NEW):
        assert ring.new_id("a", "b") == RING.new_id("a", "b")
        assert ring.digest("intake", b"x") == RING.digest("intake", b"x")


def test_the_ids_of_a_file_do_not_lead_back_to_the_key_they_were_once_made_with() -> None:
    """Or the key could not be given up."""
    assert IDS is not None
    assert OLD not in IDS
    assert Keyring("k1", {"k1": IDS[:32]}).token("nik", "1") != RING.token("nik", "1")


def test_a_token_names_its_key_and_is_found_by_every_key_that_is_held() -> None:
    """What was stored under the older key is found until it is brought over; then that key can go."""
    old, new = RING.token("nik", "1"), ONLY_NEW.token("nik", "1")
    assert new.startswith("k2.")
    assert BOTH.tokens("nik", "1") == (new, old)
    assert ONLY_NEW.tokens("nik", "1") == (new,)


def test_while_the_old_key_is_current_a_new_one_is_already_looked_for() -> None:
    """Replicas change their key file one after another: each must find what the others have written meanwhile."""
    first_step = Keyring("k1", {"k1": OLD, "k2": NEW}, ids=IDS, unnamed="k1")
    assert first_step.token("nik", "1") == RING.token("nik", "1")
    assert set(first_step.tokens("nik", "1")) == set(BOTH.tokens("nik", "1"))


def test_a_file_of_before_seals_with_its_current_key_and_makes_tokens_with_its_first() -> None:
    """As such a file has always been read: nobody's tokens change because the program is newer."""
    rotated = Keyring("k2", {"k1": OLD, "k2": NEW})
    assert rotated.tokens("nik", "1") == (RING.token("nik", "1"),)
    assert rotated.new_id("a", "b") == RING.new_id("a", "b")


def test_a_stamp_names_every_key_that_a_document_depends_on() -> None:
    """By it the worker finds what is left to do, and a service says at its start what it could not read."""
    mixed = BOTH.stamp([f"nik:{RING.token('nik', '1')}", f"own:{BOTH.token('own', 'x')}", "something else"])
    assert mixed == "k1 k2"
    assert mixed not in BOTH.settled
    assert BOTH.stamp(["nik:" + BOTH.token("nik", "1")]) in BOTH.settled
    assert BOTH.stamp([]) in BOTH.settled
    assert ONLY_NEW.missing(["k1 k2", "k2"]) == {"k1"}
    assert not BOTH.missing(["k1 k2", "k2"])


def test_tokens_mean_nothing_without_the_key_or_in_another_sense() -> None:
    """All NIK of a regency can be enumerated in minutes: a token depends on the key, and on what it is a token of."""
    tokens = {RING.token("nik", "1"), RING.token("phone", "1"), RING.token("nik", "2")}
    tokens.add(Keyring("k1", {"k1": NEW}).token("nik", "1"))
    assert len(tokens) == 4
    assert all(len(token) == 32 and int(token, 16) for token in tokens)


def test_ids_tell_their_parts_apart_and_are_uuids() -> None:
    """``new_id`` of (a, bc) and (ab, c) must not meet; readers may store an id as a UUID."""
    assert RING.new_id("a", "bc") != RING.new_id("ab", "c")
    made = uuid.UUID(RING.new_id("dinkop-medan", "1", "business"))
    assert (made.version, made.variant) == (8, uuid.RFC_4122)


def test_the_key_file_is_read(tmp_path: Path) -> None:
    """As an operator writes it."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"current": "k1", "keys": {"k1": base64.b64encode(OLD).decode()}}))
    assert Keyring.load(path).token("nik", "1") == RING.token("nik", "1")


GOOD = base64.b64encode(OLD).decode()
BAD: dict[str, Any] = {
    "nothing": "",
    "not JSON": "{",
    "a list": [],
    "no keys": {"current": "k1"},
    "no current": {"keys": {"k1": GOOD}},
    "current is not there": {"current": "k2", "keys": {"k1": GOOD}},
    "current is a list": {"current": ["k1"], "keys": {"k1": GOOD}},
    "no key at all": {"current": "k1", "keys": {}},
    "keys in a list": {"current": "k1", "keys": [GOOD]},
    "a number as key": {"current": "k1", "keys": {"k1": 7}},
    "not base64": {"current": "k1", "keys": {"k1": "?" * 44}},
    "16 bytes": {"current": "k1", "keys": {"k1": base64.b64encode(OLD[:16]).decode()}},
    "a name with a blank": {"current": "k 1", "keys": {"k 1": GOOD}},
    "ids of 32 bytes": {"current": "k1", "keys": {"k1": GOOD}, "ids": GOOD},
    "ids are a number": {"current": "k1", "keys": {"k1": GOOD}, "ids": 1},
    "unnamed names no key": {"current": "k1", "keys": {"k1": GOOD}, "unnamed": "k0"},
    "an old key of 16 bytes": {"current": "k1", "keys": {"k1": GOOD, "k0": base64.b64encode(OLD[:16]).decode()}},
}


@pytest.mark.parametrize("content", BAD.values(), ids=list(BAD))
def test_a_key_file_that_is_not_as_it_must_be_is_refused_without_its_content(content: Any, tmp_path: Path) -> None:
    """A service does not start without its keys, and the reason it logs must not show them."""
    path = tmp_path / "keys.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(KeyFileError, match=r"keys\.json") as refused:
        Keyring.load(path)
    assert GOOD not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_missing_or_binary_key_file_is_refused(tmp_path: Path) -> None:
    """The likeliest mistakes of all: no file, a directory, the raw key."""
    (tmp_path / "raw").write_bytes(b"\xff" * 32)
    for name in ("none", "raw", "."):
        with pytest.raises(KeyFileError):
            Keyring.load(tmp_path / name)
