"""Where the broker is, and whose password goes with an account."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.connection import find
from services.cli.exits import CliError, Exit

LOCAL = "amqp://binaan:secret@127.0.0.1:5672/binaan"
REMOTE = "amqps://binaan:secret@broker.example/binaan"


def url(account: str, **env: str) -> str:
    return find(account, env).url


def test_the_account_in_the_url_has_the_urls_password() -> None:
    assert url("binaan", BINAAN_AMQP_URL=LOCAL) == LOCAL
    assert url("binaan", BINAAN_AMQP_URL=LOCAL, BINAAN_PASSWORD="other") == LOCAL


def test_a_demo_account_on_this_machine_has_its_name_as_password() -> None:
    """Contract, "Local stack"."""
    assert url("dinkop-medan", BINAAN_AMQP_URL=LOCAL) == "amqp://dinkop-medan:dinkop-medan@127.0.0.1:5672/binaan"


def test_elsewhere_no_password_is_guessed() -> None:
    """A guess at somebody else's broker is an attack on it."""
    with pytest.raises(CliError, match="BINAAN_PASSWORD") as caught:
        find("dinkop-medan", {"BINAAN_AMQP_URL": REMOTE})
    assert caught.value.code == Exit.USAGE


def test_a_given_password_is_used_and_written_safely() -> None:
    """A password may hold what means something in a URL."""
    made = url("dinkop-medan", BINAAN_AMQP_URL=REMOTE, BINAAN_PASSWORD="p@ss/w:rd?")
    assert made == "amqps://dinkop-medan:p%40ss%2Fw%3Ard%3F@broker.example/binaan"


@pytest.mark.parametrize("path", ["", "/"])
def test_without_a_virtual_host_it_is_ours(path: str) -> None:
    assert url("binaan", BINAAN_AMQP_URL=f"amqp://binaan:x@localhost{path}").endswith("localhost/binaan")


def test_what_can_be_shown_holds_no_password() -> None:
    address = find("binaan", {"BINAAN_AMQP_URL": REMOTE})
    assert "secret" not in repr(address)
    assert address.where == "broker.example"


@pytest.mark.parametrize("text", ["broker.example", "http://x/", "amqp://", "amqp://h:notaport/"])
def test_an_address_that_is_none_is_wrong_usage(text: str) -> None:
    with pytest.raises(CliError, match="is not an address") as caught:
        find("binaan", {"BINAAN_AMQP_URL": text})
    assert caught.value.code == Exit.USAGE


def test_without_an_address_and_without_a_stack_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="binaan stack up") as caught:
        find("binaan", {"BINAAN_STACK_ROOT": str(tmp_path)})
    assert caught.value.code == Exit.UNREACHABLE
