"""All NIK of a kecamatan over ten years of birth, tried against every token and id that an outside account can see.

A NIK is 16 digits of which the place, the birth date and a low serial number are all that varies: a regency can be
enumerated in minutes, so nothing that is made of a NIK without a secret hides it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from random import Random
from secrets import token_bytes

import orjson
import pytest

from deploy.local.world import World
from shared.kernel.keys import Keyring
from tests.samples import MEDAN
from tests.services.registry.memory import trade
from tests.services.registry.test_forgetting import WHO, Kernel

FIRST, LAST, SERIALS = date(1980, 1, 1), date(1989, 12, 31), 150
SIZE = 2 * SERIALS * ((LAST - FIRST).days + 1)
_HEX = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


def everybody() -> Iterator[str]:
    """Every NIK of 12.71.99 (a kecamatan that is nobody's) with a birth date in these years and a serial up to 150."""
    for number in range((LAST - FIRST).days + 1):
        born = FIRST + timedelta(days=number)
        for female in (0, 40):
            head = f"127199{born.day + female:02d}{born:%m%y}"
            yield from (f"{head}{serial:04d}" for serial in range(1, SERIALS + 1))


SPACES = (uuid.NAMESPACE_OID, uuid.NAMESPACE_DNS, uuid.NAMESPACE_URL, uuid.NAMESPACE_X500, uuid.UUID(int=0))
SCHEMES: Mapping[str, Callable[[bytes], bytes]] = {
    "plain": lambda nik: nik,
    "MD5": lambda nik: hashlib.md5(nik).digest(),
    "SHA-1": lambda nik: hashlib.sha1(nik).digest(),
    "SHA-256": lambda nik: hashlib.sha256(nik).digest(),
    "SHA-256 with our prefix": lambda nik: hashlib.sha256(b"nik\0" + nik).digest(),
    "HMAC with an empty key": lambda nik: hmac.digest(b"", nik, "sha256"),
    "HMAC with an empty key and our prefix": lambda nik: hmac.digest(b"", b"nik\0" + nik, "sha256"),
    **{
        f"UUIDv5 in {space}": lambda nik, space=space.bytes: hashlib.sha1(space + nik).digest()  # type: ignore[misc]
        for space in SPACES
    },
}
"""What somebody tries who has read how others do it, and our own source."""
_HEAD = 6
"""Bytes that are compared: before the bits that mark an id as a UUID, and enough that nothing agrees by chance."""


def seen_in(bodies: Iterable[bytes]) -> set[bytes]:
    """Every token and id in what an outside account reads, and every number."""
    text = b"\n".join(bodies).decode()
    return {bytes.fromhex(one.replace("-", ""))[:_HEAD] for one in _HEX.findall(text)} | {
        number.encode()[:_HEAD] for number in re.findall(r"[0-9]{16}", text)
    }


def recovered(seen: set[bytes]) -> dict[str, set[str]]:
    """Whom the dictionary finds, by scheme."""
    found: dict[str, set[str]] = {}
    for nik in everybody():
        raw = nik.encode()
        for name, scheme in SCHEMES.items():
            if scheme(raw)[:_HEAD] in seen and (name != "plain" or raw in _WHOLE):
                found.setdefault(name, set()).add(nik)
    return found


_RANDOM = Random(7)
PLANTED = sorted(_RANDOM.sample(list(everybody()), 40))
_WHOLE = {nik.encode() for nik in PLANTED}
"""A number that is seen in the clear counts as found when it is that very number."""


def test_the_dictionary_finds_everybody_where_no_secret_is_used() -> None:
    """That the test below can fail: the same attack on tokens and ids as others make them."""
    unkeyed: dict[str, Callable[[bytes], str]] = {
        "SHA-256 with our prefix": lambda nik: hashlib.sha256(b"nik\0" + nik).hexdigest()[:32],
        "HMAC with an empty key and our prefix": lambda nik: hmac.digest(b"", b"nik\0" + nik, "sha256")[:16].hex(),
        f"UUIDv5 in {uuid.NAMESPACE_OID}": lambda nik: str(uuid.uuid5(uuid.NAMESPACE_OID, nik.decode())),
    }
    bodies = [scheme(nik.encode()).encode() for nik in PLANTED for scheme in unkeyed.values()]
    assert recovered(seen_in(bodies)) == {name: set(PLANTED) for name in unkeyed}


@pytest.mark.servers
async def test_a_dictionary_of_a_kecamatan_finds_nobody_in_what_an_outside_account_sees(world: World) -> None:
    """More than a million NIK, forty of which are recorded and asked about: events, contacts aside, and all replies."""
    assert SIZE > 10**6
    kernel = Kernel(world, Keyring("k1", {"k1": token_bytes(32)}))
    await kernel.empty()
    await kernel.prepare([*WHO, "registry.person.match"])
    time, seen = kernel.now.isoformat(), list[bytes]()
    for number, nik in enumerate(PLANTED[:30]):
        owner = {"nik": nik, "name": f"Pemilik Contoh {number}"}
        told = {"owner": owner, "business": trade(name=f"Warung {number}", agency_ref=f"{number}")}
        seen += [one.body for one in await kernel.send("registry.business.report", told, time=time)]
    asked = {"niks": PLANTED, "purpose": "penyaluran"}
    answered = await kernel.send("registry.person.match", asked)
    seen += [one.body for one in [*answered, *await kernel.outbox.unsent()] if one.exchange != "binaan.contacts"]
    await kernel.mongo.close()
    matches = orjson.loads(answered[-1].body)["data"]["result"]["matches"]
    assert len([one for one in matches if "token" in one]) == 10
    assert MEDAN.encode() in b"".join(seen)
    found = seen_in(seen)
    assert len(found) > 100
    assert recovered(found) == {}
