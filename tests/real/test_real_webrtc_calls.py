"""Test a WebRTC call to our helper through coturn as relay, on loopback."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aioice.ice
import pytest

from probe.formats.exchanges.media import WebRTCCall
from probe.helper.calls.webrtc import WebRTC
from probe.steps.calls.webrtc_call import Relay, webrtc_call
from tests.real.test_real_sip_calls import IP, free_ports, running
from tests.support.servers.loopback import a_transaction

COTURN = ["/usr/bin/turnserver", "--no-cli", "--no-tls", "--no-dtls", "--lt-cred-mech", "--realm=relay.example"]


async def called(port: int, password: str) -> WebRTCCall:
    server = WebRTC()

    async def signal(question: Mapping[str, Any]) -> Mapping[str, Any]:
        return await server.answer(json.loads(json.dumps(question)), b"peer")

    async with a_transaction() as bench:
        relay, token = Relay(IP, port, "us", password), server.offer()["token"]
        await webrtc_call(bench.tx, IP, token, signal, pace=bench.pace, seconds=0.5, relay=relay)
    await server.close()
    (entry,) = bench.tx.entries
    assert isinstance(entry, WebRTCCall) and not bench.trace.bugs
    return entry


async def test_call_passes_coturn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Call through the relay alone. Without its password there is no other way."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: [IP])
    port, first = free_ports(2)
    options = ["--user=us:secret", f"--listening-ip={IP}", f"--relay-ip={IP}", f"--listening-port={port}"]
    options += [f"--min-port={first}", f"--max-port={first + 20}", "--allow-loopback-peers"]
    options += ["--log-file=stdout", f"--pidfile={tmp_path / 'pid'}", f"--userdb={tmp_path / 'db'}"]
    async with running([*COTURN, *options], tmp_path):
        for _ in range(20):  # coturn does not say when it listens
            entry = await called(port, "secret")
            if entry.failure is None:
                break
            await asyncio.sleep(0.2)
        refused = await called(port, "wrong")
    assert (entry.failure, entry.sent, entry.returned) == (None, 25, 25)
    assert refused.failure is not None and refused.signalled is None
