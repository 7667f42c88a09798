"""Test how the address that a STUN server saw us at is compared with the one that a test helper saw."""

import pytest

from probe.formats.exchanges.calls import STUNExchange
from probe.run.mapped_networks import note_mapped_networks
from probe.session.trace import Trace, TransactionFacts
from tests.support.faults.attempts import Quick, a_session

OWN, POOL, OTHER, UNKNOWN = "8.8.8.8", "8.8.4.4", "1.1.1.1", "9.9.9.9"
NETWORKS = {OWN: 64500, POOL: 64500, OTHER: 64501, "2001:4860:4860::8888": 64500}


async def compared(mapped: str | None, *seen: str, as_control: bool = False) -> str | None:
    session, trace = a_session(Quick()), Trace()
    session.asn_of, session.helpers_saw = lambda address: NETWORKS.get(address, 0), lambda: seen
    session.as_control = as_control
    entry = STUNExchange(address="192.0.2.1:3478", transport="udp")
    if mapped is not None:
        entry.note_mapped(mapped)
    async with trace.transaction(TransactionFacts("first")) as tx, tx.step(entry, 1.0):
        pass
    note_mapped_networks(trace, session)
    (kept,) = trace.entries
    assert isinstance(kept, STUNExchange)
    assert mapped is None or mapped not in kept.model_dump_json()
    return kept.mapped_network


@pytest.mark.parametrize(
    ("mapped", "seen", "found"),
    [
        (OWN, (OWN,), "same"),
        (POOL, (OWN,), "same"),
        (UNKNOWN, (UNKNOWN,), "same"),
        (OTHER, (OWN,), "other"),
        (OTHER, (OWN, OTHER), "same"),
        (OTHER, (), None),
        (OTHER, (UNKNOWN,), None),
        (OTHER, (OWN, UNKNOWN), None),
        (UNKNOWN, (OWN,), None),
        (OTHER, ("2001:4860:4860::8888",), None),
        ("192.168.1.7", (), "private"),
        ("100.64.3.4", (OWN,), "private"),
        ("fd00::7", (OWN,), "private"),
        (None, (OWN,), None),
    ],
)
async def test_networks_are_compared_and_no_address_is_written(
    mapped: str | None, seen: tuple[str, ...], found: str | None
) -> None:
    assert await compared(mapped, *seen) == found


async def test_helper_knows_only_what_is_private() -> None:
    assert await compared("192.168.1.7", as_control=True) == "private"
    assert await compared(OTHER, as_control=True) is None
