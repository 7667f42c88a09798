"""Test the sniffer process on loopback: which packets it reports, and that it ends with its parent."""

import asyncio
import os
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.utils import PcapNgReader

from probe.formats.exchanges.recorded_packets import Flow, PacketRecord
from probe.packets import capture as capture_module
from probe.packets.capture import Capture
from probe.packets.dissect import dissect
from probe.platforms.raw_packets import may_capture
from probe.privacy.redact import KnownIdentifiers
from probe.signatures.device_prints import SEED_KEY, TSG, seeded_ipid
from probe.steps.tcp import tcp_connect
from tests.support.servers.loopback import a_transaction, serving

pytestmark = pytest.mark.root  # raw packets


@pytest.fixture
async def capture() -> AsyncIterator[Capture]:
    assert may_capture(), "these tests need CAP_NET_RAW"
    started = await Capture.start(keep=True)
    assert started is not None
    yield started
    await started.close()


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def refused(port: int) -> tuple[Flow, float]:
    """Connect to a closed port: SYN, RST."""
    since = time.monotonic()
    sock = socket.socket()
    sock.setblocking(False)
    try:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        local = sock.getsockname()[1]
    finally:
        sock.close()
    return Flow(protocol="tcp", local_port=local, address="127.0.0.1", port=port, transaction_id=5, since=since), since


def resets(packets: list[PacketRecord]) -> list[PacketRecord]:
    return [packet for packet in packets if packet.kind == "rst" and packet.direction == "in"]


@pytest.mark.parametrize("there", [(), (".cache", ".config", ".local/share")])
async def test_sniffer_writes_nothing_into_the_users_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...]
) -> None:
    for folder in there:
        (tmp_path / folder).mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    started = await Capture.start()
    assert started is not None
    flow, began = await refused(closed_port())
    assert resets(await started.packets([flow], began))
    await started.close()
    assert sorted(tmp_path.rglob("*")) == before


async def test_scapy_is_loaded_for_a_pcapng_file_alone(capture: Capture, tmp_path: Path) -> None:
    def megabytes() -> float:
        pages = Path(f"/proc/{capture._process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize() / 2**20

    flow, began = await refused(closed_port())
    assert resets(await capture.packets([flow], began))
    before = megabytes()
    assert before < 25
    assert await capture.write(str(tmp_path / "run.pcapng"), KnownIdentifiers()) is None
    assert megabytes() > before + 10


async def test_flow_gets_only_its_own_packets(capture: Capture) -> None:
    port = closed_port()
    flow, began = await refused(port)
    other, _ = await refused(closed_port())
    found = resets(await capture.packets([flow], began))
    assert found
    assert {(packet.transaction_id, packet.port, packet.flags) for packet in found} == {(5, port, "RA")}
    assert all(0 <= packet.t < 5 for packet in found)
    assert other.port not in {packet.port for packet in found}
    assert await capture.packets([], began) == []


async def test_packets_of_a_hidden_flow_are_in_no_record(capture: Capture) -> None:
    flow, began = await refused(closed_port())
    shown, _ = await refused(closed_port())
    found = await capture.packets([replace(flow, hidden=True), shown], began)
    assert {packet.port for packet in found} == {shown.port}


@pytest.mark.parametrize("public", ["31.13.84.5", "31.13.84.6"])
async def test_reset_is_compared_with_the_address_that_a_helper_saw(capture: Capture, public: str) -> None:
    """Give the class a reset of the family TSG as the sniffer reports it, to a computer behind a translator."""
    server, there, ours = "149.154.167.99", int(IPv4Address("149.154.167.99")), int(IPv4Address("31.13.84.5"))
    head = IP(src=server, dst="192.168.1.2", flags="DF", id=seeded_ipid(1980, ours, there % SEED_KEY))
    found = dissect(bytes(head / TCP(sport=443, dport=40001, flags="RA", window=1980)), outgoing=False)
    assert found is not None
    capture.ours = lambda: [public]
    capture._keep({"t": 2.0, "key": list(found.key), "fields": found.fields, "hidden": found.hidden})
    flow = Flow("tcp", 40001, server, 443, transaction_id=5, since=1.0)
    (record,) = [packet.model_dump(mode="json") for packet in await capture.packets([flow], 1.0)]
    assert record.get("device_print") == (TSG.name if public == "31.13.84.5" else None)
    assert (record["window"], record["dont_fragment"]) == (1980, True)
    assert not {"ipid", "destination", "payload", "hidden"} & set(record)


async def test_reused_port_belongs_to_the_flow_of_that_time(capture: Capture) -> None:
    flow, began = await refused(closed_port())
    later = replace(flow, transaction_id=9, since=flow.since + 60)
    assert {packet.transaction_id for packet in await capture.packets([later, flow], began)} == {5}


async def test_connect_step_names_its_flow(capture: Capture) -> None:
    async def greet(peer: object) -> None: ...

    async with serving(greet) as server, a_transaction() as bench:  # type: ignore[arg-type]
        await tcp_connect(bench.tx, server.ip, server.port, pace=bench.pace)
        flows, zero = bench.trace.flows, bench.trace.zero
        found = await capture.packets(flows, zero)
    assert {packet.kind for packet in found} >= {"synack"}
    assert {packet.transaction_id for packet in found} == {bench.tx.record.transaction_id}


async def test_pcapng_holds_the_named_flows_with_another_address(capture: Capture, tmp_path: Path) -> None:
    flow, began = await refused(closed_port())
    await refused(closed_port())
    await capture.packets([flow], began)
    path = tmp_path / "run.pcapng"
    assert await capture.write(str(path), KnownIdentifiers()) is None
    assert path.stat().st_mode & 0o777 == 0o600
    with PcapNgReader(str(path)) as reader:
        packets = [packet for packet in reader if packet.haslayer(TCP)]
    assert {str(packet[TCP].flags) for packet in packets} >= {"S", "RA"}
    assert {flow.port} == {packet[TCP].dport if packet[TCP].flags == "S" else packet[TCP].sport for packet in packets}
    assert all("192.0.2.1" in {packet[IP].src, packet[IP].dst} for packet in packets)


async def test_missing_folder_is_one_sentence(capture: Capture, tmp_path: Path) -> None:
    problem = await capture.write(str(tmp_path / "nowhere" / "run.pcapng"), KnownIdentifiers())
    assert problem is not None
    assert "No such file" in problem


async def test_late_answer_is_not_taken_for_another_orders(
    capture: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop the sniffer for longer than the answer is waited for, as a busy computer does."""
    path = tmp_path / "run.pcapng"
    monkeypatch.setattr(capture_module, "ANSWER_WITHIN", 0.1)
    os.kill(capture._process.pid, signal.SIGSTOP)
    flow, began = await refused(closed_port())
    assert await capture.packets([flow], began) == []
    asyncio.get_running_loop().call_later(0.5, os.kill, capture._process.pid, signal.SIGCONT)
    assert await capture.write(str(path), KnownIdentifiers()) is None
    assert path.stat().st_size > 100
    assert [other.name for other in tmp_path.iterdir()] == ["run.pcapng"]


async def test_complete_file_is_not_reported_as_missing(
    capture: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drop the sniffer's answer, as if it came too late."""
    monkeypatch.setattr(capture_module, "WRITTEN_WITHIN", 2.0)
    monkeypatch.setattr(capture._answers, "put_nowait", lambda answer: None)
    assert await capture.write(str(tmp_path / "run.pcapng"), KnownIdentifiers()) is None
    assert (tmp_path / "run.pcapng").exists()


async def test_sniffer_that_never_answers_writes_no_file_later(
    capture: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_module, "WRITTEN_WITHIN", 0.2)
    os.kill(capture._process.pid, signal.SIGSTOP)
    assert "does not answer" in str(await capture.write(str(tmp_path / "run.pcapng"), KnownIdentifiers()))
    with pytest.raises(ProcessLookupError):
        os.kill(capture._process.pid, signal.SIGCONT)
    assert list(tmp_path.iterdir()) == []


async def test_full_disk_leaves_no_half_written_file(tmp_path: Path) -> None:
    """Let the kernel refuse more than 600 bytes in a file (RLIMIT_FSIZE), as a full disk does after some bytes."""
    started = await Capture.start(keep=True)
    assert started is not None
    resource.prlimit(started._process.pid, resource.RLIMIT_FSIZE, (600, 600))
    flows = [(await refused(closed_port()))[0] for _ in range(20)]
    await started.packets(flows, flows[0].since)
    problem = await started.write(str(tmp_path / "run.pcapng"), KnownIdentifiers())
    await started.close()
    assert problem is not None and "File too large" in problem
    assert list(tmp_path.iterdir()) == []


async def test_sniffer_ends_with_its_parent() -> None:
    started = await Capture.start()
    assert started is not None
    pid = started._process.pid
    await started.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_killed_sniffer_costs_only_its_packets(capture: Capture) -> None:
    capture._process.kill()
    await capture._process.wait()
    flow, began = await refused(closed_port())
    zero = time.monotonic()
    assert await capture.packets([flow], began) == []
    assert await capture.write("/nowhere", KnownIdentifiers()) is not None
    assert time.monotonic() - zero < 2  # no wait for an ended process


async def test_beyond_the_limit_the_oldest_flows_are_dropped(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.packets.capture.MOST_PENDING", 3)
    for port in range(1, 6):
        capture._keep({"t": float(port), "key": ["tcp", port, "192.0.2.9", 443], "fields": {}})
    assert list(capture._pending) == [("tcp", port, "192.0.2.9", 443) for port in (3, 4, 5)]
    assert capture._waiting == 3
