"""Test where a request to a local server may come from, and how secrets are compared."""

import secrets

import pytest

from probe.local_server.listening import PortError, bind
from probe.local_server.request_origin import foreign, is_secret, new_secret, token_in


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost:80", "LOCALHOST:80"])
def test_own_names_are_accepted(host: str) -> None:
    assert foreign(80, {"Host": host, "Origin": f"http://{host}"}) is None


@pytest.mark.parametrize("host", ["", "127.0.0.1", "127.0.0.1:81", "attacker.example:80", "[::1]:80", "127.1:80"])
def test_other_host_is_refused(host: str) -> None:
    refused = foreign(80, {"Host": host})
    assert refused is not None and refused.status == 421


@pytest.mark.parametrize("origin", ["null", "https://127.0.0.1:80", "http://127.0.0.1:81", "http://attacker.example"])
def test_other_origin_is_refused(origin: str) -> None:
    refused = foreign(80, {"Host": "127.0.0.1:80", "Origin": origin})
    assert refused is not None and refused.status == 403


def test_secrets_differ_and_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = new_secret(), new_secret()
    assert first != second and len(first) >= 40
    compared: list[tuple[bytes, bytes]] = []
    monkeypatch.setattr(secrets, "compare_digest", lambda one, other: compared.append((one, other)) or one == other)
    assert is_secret("\udc80", "x") is False and is_secret("x", "x") is True
    assert compared == [(b"\x80", b"x"), (b"x", b"x")]


def test_token_is_taken_once_only() -> None:
    assert (token_in("a=1&token=x"), token_in("token=x&token=y"), token_in("")) == ("x", "", "")


def test_port_in_use_is_refused_without_its_address() -> None:
    with bind(0) as bound:
        port = bound.getsockname()[1]
        with pytest.raises(PortError) as refused:
            bind(port)
    assert str(port) not in str(refused.value)
