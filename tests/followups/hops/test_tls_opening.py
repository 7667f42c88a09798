"""Test the handshake before encrypted bytes that are sent with limited TTL, on loopback."""

import asyncio

import pytest

from probe.followups.hops.hop_cases import HopCases
from probe.followups.hops.limited_payloads import Case, opening_of
from probe.followups.hops.mail_opening import open_tls
from probe.formats import failures as f
from probe.formats.transactions import TransactionRecord
from probe.session.classify import RemoteError
from probe.session.trace import Trace
from probe.steps.mail.smtp import SMTP
from probe.steps.tcp import tcp_connect
from probe.targets.target import parse_endpoint
from tests.support.servers.authority import issue
from tests.support.servers.loopback import Peer, TLSPeer, a_transaction, serving, tls_with

NAME, DATA = "service.example", b"EHLO anonymous.invalid\r\n"
CHANGE_CIPHER_SPEC, APPLICATION_DATA = 20, 23
CERTIFICATE = issue(NAME)


def record_types(raw: bytes) -> list[int]:
    """Return the types of the TLS records (RFC 8446, 5.1)."""
    found, at = [], 0
    while at < len(raw):
        found.append(raw[at])
        at += 5 + int.from_bytes(raw[at + 3 : at + 5], "big")
    return found


async def led(*, tls12: bool, banner: bytes = b"") -> tuple[bytes, list[bytes]]:
    """Return the payload, and what a server reads once it is sent."""
    read: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(tls: TLSPeer) -> None:
        if banner:
            await asyncio.sleep(0.02)  # not in the segment that ends the handshake
            await tls.send(banner)
        await read.put(await tls.read())

    handler = tls_with(CERTIFICATE.server_context(tls12=tls12), serve)
    async with serving(handler) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
        payload = await open_tls(conn, NAME, (), DATA, SMTP if banner else None)
        with pytest.raises(TimeoutError):  # nothing of the server follows before the payload
            async with asyncio.timeout(0.1):
                await conn.read()
        assert read.empty()
        await conn.write(payload)
        return payload, [await asyncio.wait_for(read.get(), 2.0)]


@pytest.mark.parametrize("banner", [b"", b"220 mail.example\r\n"])
async def test_end_of_the_handshake_is_sent_with_the_data(banner: bytes) -> None:
    payload, read = await led(tls12=False, banner=banner)
    assert record_types(payload) == [CHANGE_CIPHER_SPEC, APPLICATION_DATA, APPLICATION_DATA]
    assert read == [DATA] and len(payload) < 400


@pytest.mark.parametrize("banner", [b"", b"220 mail.example\r\n"])
async def test_older_handshake_is_complete_before_the_data(banner: bytes) -> None:
    payload, read = await led(tls12=True, banner=banner)
    assert record_types(payload) == [APPLICATION_DATA]
    assert read == [DATA]


async def test_server_without_tls_is_an_error() -> None:
    async def serve(peer: Peer) -> None:
        await peer.receive()
        await peer.send(b"220 mail.example\r\n")

    async with serving(serve) as server, a_transaction() as bench:
        conn = await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
        with pytest.raises(RemoteError, match="tls"):
            await open_tls(conn, NAME, (), DATA)


@pytest.mark.parametrize(
    ("operation", "url", "failure", "found"),
    [
        ("mail_greeting", f"imaps://{NAME}:993", f.RESET, True),
        ("mail_greeting", f"smtps://{NAME}:465", f.TIMEOUT, True),
        ("stun_exchange", f"turn://{NAME}:443;transport=tls", f.RESET, True),
        ("sip_options", f"sip://{NAME}:5061;transport=tls", f.TIMEOUT, True),
        ("sip_options", f"sip://{NAME}:5061;transport=tls", "unknown_failure: sip: refused", False),
        ("mail_greeting", f"smtp+starttls://{NAME}:587", f.RESET, False),
        ("http_round_trip", f"https://{NAME}:443/", f.RESET, False),
    ],
)
def test_failure_after_the_handshake_is_searched_inside_tls(
    operation: str, url: str, failure: str, found: bool
) -> None:
    record = TransactionRecord(transaction_id=1, kind="first", service="s", address="198.51.100.7", port=443)
    record.failed_operation, record.failure, record.steps = operation, failure, ["connect", "tls_handshake"]
    cases = HopCases(Trace())
    cases.note(record, record, parse_endpoint(url))
    searched: list[Case] = cases.of({NAME})
    assert [case.kind for case in searched] == ["inside_tls"] * found
    assert all(case.any_name and case.carrier == "tcp" and opening_of(case) is not None for case in searched)
