"""Test which address counts behind a reverse proxy, and that no other peer can name one."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from probe.cli.listen_addresses import networks
from probe.cli.screen import UsageError
from probe.http_server.forwarded import client_address

TRUSTED = [ip_network("127.0.0.1"), ip_network("10.0.0.0/8"), ip_network("fd00::/64")]
PROXY = "127.0.0.1"
CLIENT = "203.0.113.9"


def found(*headers: tuple[str, str], peer: str = PROXY) -> str | None:
    return client_address(peer, CIMultiDict(headers), TRUSTED)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (CLIENT, CLIENT),
        (f"{CLIENT}:4711", CLIENT),
        ("2001:db8::9", "2001:db8::9"),
        ("[2001:db8::9]:4711", "2001:db8::9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("::ffff:203.0.113.9", CLIENT),
        (f"198.51.100.1, {CLIENT}", CLIENT),  # the left one is what the client says
        (f"{CLIENT}, 10.1.2.3", CLIENT),  # two proxies of the operator
        (f"{CLIENT}, 10.1.2.3, fd00::5, 127.0.0.1", CLIENT),
        (f"198.51.100.1,{CLIENT},10.1.2.3", CLIENT),
        (f"{CLIENT}, unknown", None),
        (f"{CLIENT}, unknown, 10.1.2.3", None),
        (f"{CLIENT}, ", None),
        ("", None),
        ("unix:", None),
        ("10.1.2.3", "10.1.2.3"),  # a client in the operator's own network
        ("1.2.3", None),
        ("203.0.113.9 ; x", None),
        ("203.0.113.９", None),
    ],
)
def test_rightmost_untrusted_address_of_x_forwarded_for_is_the_client(value: str, expected: str | None) -> None:
    assert found(("X-Forwarded-For", value)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"for={CLIENT}", CLIENT),
        (f"For={CLIENT};proto=https;by=10.0.0.1", CLIENT),
        (f'by=10.0.0.1; for="{CLIENT}:4711" ;host=helper.example', CLIENT),
        ('for="[2001:db8::9]:4711"', "2001:db8::9"),
        ('for="[2001:db8::9]"', "2001:db8::9"),
        (f"for=198.51.100.1, for={CLIENT}", CLIENT),
        (f"for={CLIENT}, for=10.1.2.3", CLIENT),
        (f'for=", for={CLIENT}', CLIENT),  # an open quote of the client does not hide the proxy's element
        (f'for="\\", for={CLIENT}', CLIENT),
        (f'for="a, for={CLIENT};by="b', None),
        ("for=unknown", None),
        ("for=_hidden", None),
        (f"for={CLIENT}, for=_hidden", None),
        (f"for={CLIENT}, proto=https", None),
        (f"for={CLIENT};for=198.51.100.1", None),
        (f"for {CLIENT}", None),
        (f"{CLIENT}", None),
        ("", None),
    ],
)
def test_rightmost_untrusted_node_of_forwarded_is_the_client(value: str, expected: str | None) -> None:
    assert found(("Forwarded", value)) == expected


def test_headers_of_an_untrusted_peer_do_not_count() -> None:
    headers = ("X-Forwarded-For", "198.51.100.1"), ("Forwarded", "for=198.51.100.1")
    assert found(*headers, peer=CLIENT) == CLIENT
    assert client_address(PROXY, CIMultiDict(headers), []) == PROXY


def test_request_of_the_proxy_itself_has_its_address() -> None:
    assert found() == PROXY


def test_several_lines_count_as_one() -> None:
    assert found(("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", CLIENT)) == CLIENT


def test_client_cannot_add_the_header_that_its_proxy_does_not_set() -> None:
    """Send both headers. One of the two is the client's, and nothing says which."""
    assert found(("X-Forwarded-For", CLIENT), ("Forwarded", "for=198.51.100.1")) is None
    assert found(("X-Forwarded-For", CLIENT), ("Forwarded", f'for="{CLIENT}:1"')) == CLIENT


def test_long_chains_are_cut() -> None:
    chain = ", ".join([CLIENT] + ["10.0.0.1"] * 16)
    assert found(("X-Forwarded-For", chain)) == "10.0.0.1"


@given(prefix=st.text(alphabet=st.sampled_from(list('for=",;[]:\\ 198.51_%ab\t')), max_size=40))
def test_nothing_before_the_proxys_element_changes_the_client(prefix: str) -> None:
    assert found(("Forwarded", f"{prefix}, for={CLIENT}")) == CLIENT
    assert found(("Forwarded", f'{prefix},for="[2001:db8::9]:1";by=10.0.0.1')) == "2001:db8::9"
    assert found(("X-Forwarded-For", f"{prefix}, {CLIENT}")) == CLIENT


@pytest.mark.parametrize("word", ["", "x", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/8/8", "fe80::1%eth0/64"])
def test_wrong_trusted_proxy_is_refused_with_a_sentence(word: str) -> None:
    with pytest.raises(UsageError, match="is no address or prefix") as refused:
        networks("--trusted-proxy", ["127.0.0.1", word])
    assert refused.value.exit_code == 2
