"""Test which endpoints are asked again beside a failure that a ban of this client may explain."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from probe.connectivity.ban_checks import BanChecks
from probe.formats.transactions import TransactionRecord
from probe.resolution.address_trust import AddressAttempt
from probe.targets.target import parse_endpoint


def attempt(url: str) -> AddressAttempt:
    endpoint = parse_endpoint(url)
    return AddressAttempt("calls", endpoint, endpoint.host, None)


async def asked(failed: str, *answered: str) -> list[str]:
    """Return the endpoints that are asked again after a failure, while nothing shows that there is no ban."""
    found = []

    async def send(at: AddressAttempt, _: int) -> None:
        found.append(at.endpoint.url)

    session: Any = SimpleNamespace(
        may_be_banned=lambda trace, record: True, stopping=asyncio.Event(), asn_of=lambda address: 64500
    )
    checks = BanChecks(session, cast(Any, None), send)
    for number, url in enumerate(answered):
        checks.note_answered(attempt(url), number)
    await checks.ask_again(attempt(failed), cast(TransactionRecord, None))
    return found


async def test_endpoint_over_the_same_transport_is_asked_again() -> None:
    stun, web = "stun://192.0.2.2:3478;transport=udp", "tls://192.0.2.3:443"
    assert await asked("stun://192.0.2.1:3478;transport=udp", stun, web) == [stun]
    assert await asked("tls://192.0.2.1:443", stun, web) == [web]


async def test_connect_alone_is_asked_last() -> None:
    web, connect = "tls://192.0.2.2:443", "tcp://192.0.2.3:443"
    assert await asked("tls://192.0.2.1:443", web, connect) == [web]
    assert await asked("tls://192.0.2.1:443", connect) == [connect]


async def test_endpoint_over_the_other_transport_is_asked_where_no_other_answered() -> None:
    web = "tls://192.0.2.3:443"
    assert await asked("stun://192.0.2.1:3478;transport=udp", web) == [web]
