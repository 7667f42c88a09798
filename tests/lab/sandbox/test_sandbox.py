"""Test that a command in the lab reaches only the lab's servers, over the lab's hops, and leaves nothing behind."""

import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from probe.lab.net.layout import Actions, Direction, PathConfig
from probe.lab.net.packets import ACK, RST, Packet, tcp_packet
from probe.lab.sandbox.isolation import find_leak, network_inode
from probe.lab.sandbox.job import Moment, ProcessFaults
from probe.lab.sandbox.sandbox import LabBroken, LabUnavailable, run_in_lab
from tests.support.lab.inside_lab import ROOT, SERVER, SERVER6, at_home, config
from tests.support.lab.virtual import Watcher

ASK = """
import socket, time
def ask(address, timeout=3):
    with socket.create_connection((address, 443), timeout=timeout) as connection:
        connection.sendall(b"hello")
        return connection.recv(2000).decode()
"""

SWEEP = """
import socket, struct, time
def sweep(address, ttls):
    sixth = ":" in address
    found = []
    for ttl in ttls:
        with socket.socket(socket.AF_INET6 if sixth else socket.AF_INET, socket.SOCK_DGRAM) as end:
            level, recverr, hops = (41, 25, 16) if sixth else (0, 11, 2)
            end.setsockopt(level, recverr, 1)
            end.setsockopt(level, hops, ttl)
            end.settimeout(2)
            end.connect((address, 53))
            end.send(b"probe")
            try:
                found.append(end.recv(100).decode())
            except OSError:
                _, ancillary, _, _ = end.recvmsg(2000, 1000, socket.MSG_ERRQUEUE)
                raw = ancillary[0][2]
                start = 16 + (8 if sixth else 4)
                family = socket.AF_INET6 if sixth else socket.AF_INET
                found.append([raw[5], socket.inet_ntop(family, raw[start:start + (16 if sixth else 4)])])
    return found
"""

HAS_TUN = os.access("/dev/net/tun", os.R_OK | os.W_OK)  # Debian lets every user open it, some containers do not
TUN = pytest.param("tun", marks=[] if HAS_TUN else pytest.mark.root)
wires = pytest.mark.parametrize("wires", [TUN, "veth"])


@wires
def test_user_reaches_servers_through_nat_and_all_hops(wires: str, tmp_path: Path) -> None:
    program = (
        ASK
        + SWEEP
        + f"""
tell([ask("{SERVER}"), ask("{SERVER6}"), sweep("{SERVER}", range(1, 8)), sweep("{SERVER6}", range(1, 8))])
"""
    )
    ipv4, ipv6, hops, hops6 = at_home(program, tmp_path, wires=wires)
    assert ipv4 == "192.88.99.77 hello"
    assert ipv6 == "3c00:88:99:77::1:5 hello"
    assert hops == [[11, "192.168.1.1"], *([11, f"10.9.{hop}.1"] for hop in range(2, 7)), "192.88.99.77 probe"]
    expected = [[3, "3c00:88:99:77::1"], *([3, f"3c00:9:{hop}::1"] for hop in range(2, 7))]
    assert hops6 == [*expected, "3c00:88:99:77::1:5 probe"]


@wires
def test_many_connections_at_once(wires: str, tmp_path: Path) -> None:
    program = """
import asyncio
async def one():
    reader, writer = await asyncio.open_connection("SERVER", 443)
    writer.write(b"x" * 1400)
    answer = await reader.read()
    writer.close()
    return len(answer)
async def main():
    return await asyncio.gather(*(one() for _ in range(100)))
tell(asyncio.run(main()))
""".replace("SERVER", SERVER)
    assert set(at_home(program, tmp_path, wires=wires, path=PathConfig(rtt_ms=50))) == {1400 + len("192.88.99.77 ")}


def test_user_namespace_looks_like_a_home_network(tmp_path: Path) -> None:
    program = """
import socket, fcntl, struct, os, pathlib
end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
kind = struct.unpack_from("H", fcntl.ioctl(end, 0x8927, struct.pack("16s24x", b"eth0")), 16)[0]
end.connect(("8.8.8.8", 53))
tell({
    "resolv": pathlib.Path("/etc/resolv.conf").read_text(), "kind": kind, "own": end.getsockname()[0],
    "sys": sorted(os.listdir("/sys/class/net")), "names": sorted(name for _, name in socket.if_nameindex()),
    "run": sorted(os.listdir("/run")), "passwd": pathlib.Path("/etc/passwd").read_text()[:4], "pids": os.getpid() < 100,
    "marked": pathlib.Path("/run/lab/mark").read_text(), "localhost": socket.gethostbyname("localhost"),
})
"""
    seen = at_home(program, tmp_path, files={"/run/lab/mark": "yes"}, seed=3)
    assert seen["resolv"] == "nameserver 192.168.1.1\n" and seen["kind"] == 1, "an Ethernet interface"
    assert seen["own"] == config(seed=3).home_address and seen["own"].startswith("192.168.1.")
    assert seen["sys"] == seen["names"] == ["eth0", "lo"]
    assert seen["run"] == ["etc", "lab"] and seen["passwd"] == "root" and seen["pids"]
    assert seen["marked"] == "yes" and seen["localhost"] == "127.0.0.1"


def test_dns_sent_to_the_router_reaches_the_isp_resolver(tmp_path: Path) -> None:
    program = """
import socket
end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end.settimeout(2)
end.sendto(b"question", ("192.168.1.1", 53))
answer, sender = end.recvfrom(100)
tell([answer.decode(), sender])
"""
    assert at_home(program, tmp_path) == ["192.88.99.77 question", ["192.168.1.1", 53]]


def test_delay_is_about_the_configured_one(tmp_path: Path) -> None:
    program = (
        ASK
        + f"""
start = time.monotonic()
connection = socket.create_connection(("{SERVER}", 443), timeout=3)
tell(time.monotonic() - start)
"""
    )
    assert 0.2 <= at_home(program, tmp_path, path=PathConfig(rtt_ms=200)) < 0.4


def reset_secrets(packet: Packet, direction: Direction) -> Actions | None:
    if direction is Direction.OUT and b"secret" in packet.payload:
        sequence = packet.ack
        reset = tcp_packet(packet.dst, packet.src, packet.dport, packet.sport, flags=RST | ACK, seq=sequence, ttl=51)
        return Actions(to_client=[(0.0, reset)])
    return None


def drop_secrets(packet: Packet, direction: Direction) -> Actions | None:
    return Actions(forward=b"secret" not in packet.payload)


def read_pcap(data: bytes) -> list[Packet]:
    """Return the packets of a little-endian pcap file of link type RAW."""
    magic, kind = struct.unpack_from("<I16xI", data)
    assert (magic, kind) == (0xA1B2C3D4, 101)
    packets, at = [], 24
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at + 8)
        packets.append(Packet(data[at + 16 : at + 16 + length]))
        at += 16 + length
    return packets


SAY = (
    ASK
    + f"""
def say(word):
    connection = socket.create_connection(("{SERVER}", 443), timeout=1)
    connection.sendall(word)
    try:
        return connection.recv(100).decode()
    except OSError as error:
        return type(error).__name__
tell([say(b"weather"), say(b"secret")])
"""
)


@pytest.mark.parametrize(
    ("censor", "outcome"),
    [(Watcher(4, True, reset_secrets), "ConnectionResetError"), (Watcher(4, False, drop_secrets), "TimeoutError")],
    ids=["injects", "drops"],
)
def test_censor_injects_or_drops(censor: Watcher, outcome: str, tmp_path: Path) -> None:
    assert at_home(SAY, tmp_path, censors=[censor]) == ["192.88.99.77 weather", outcome]


def test_no_real_address_can_be_reached(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        outside.setblocking(False)
        program = f"""
import socket
def outcome(address, port):
    try:
        socket.create_connection((address, port), timeout=0.8).close()
        return "reached"
    except OSError as error:
        return type(error).__name__
addresses = ("1.1.1.1", 443), ("2606:4700:4700::1111", 443), ("127.0.0.1", {outside.getsockname()[1]})
tell([outcome(address, port) for address, port in addresses])
"""
        assert at_home(program, tmp_path) == ["TimeoutError", "TimeoutError", "ConnectionRefusedError"]
        with pytest.raises(BlockingIOError):
            outside.accept()


def test_without_ipv6_and_without_network(tmp_path: Path) -> None:
    program = (
        ASK
        + f"""
def outcome(address):
    try:
        return ask(address, 0.5)
    except OSError as error:
        return error.errno or type(error).__name__
tell([outcome("{SERVER}"), outcome("{SERVER6}")])
"""
    )
    assert at_home(program, tmp_path, no_ipv6="absent") == ["192.88.99.77 hello", 101], "ENETUNREACH"
    assert at_home(program, tmp_path, no_ipv6="silent") == ["192.88.99.77 hello", "TimeoutError"]
    assert at_home(program, tmp_path, no_network="silent") == ["TimeoutError", "TimeoutError"]
    assert at_home(program, tmp_path, no_network="unreachable") == [101, 101]
    assert at_home(program, tmp_path, no_network="unplugged") == [101, 101]


def test_helper_is_ready_when_it_listens_and_has_its_own_resolver(tmp_path: Path) -> None:
    helper = f"""
import socket, time
for _ in range(100):  # The services start beside the helper, and a busy computer takes its time.
    time.sleep(0.3)
    try:
        connection = socket.create_connection(("{SERVER}", 443), timeout=3)
        break
    except ConnectionRefusedError:
        continue
connection.sendall(b"helper")
seen = connection.recv(100)
listener = socket.create_server(("192.88.99.200", 8080))
while True:
    visitor, address = listener.accept()
    visitor.sendall(seen + b"|" + open("/etc/resolv.conf", "rb").read() + b"|" + address[0].encode())
    visitor.close()
"""
    program = """
import socket
connection = socket.create_connection(("192.88.99.200", 8080), timeout=3)
tell(connection.makefile().read())
"""
    answer = at_home(program, tmp_path, lab=config(helper_resolver=SERVER), helper=[sys.executable, "-c", helper])
    assert answer == f"192.88.99.200 helper|nameserver {SERVER}\n|192.88.99.77"


def test_servers_may_be_a_function(tmp_path: Path) -> None:
    key = b"held by the caller"

    def serve(ready: object) -> None:
        listener = socket.create_server((SERVER, 80))
        assert callable(ready)
        ready()
        while True:
            visitor, _ = listener.accept()
            visitor.sendall(key)
            visitor.close()

    program = f"import socket,sys\nsys.exit(socket.create_connection(('{SERVER}', 80), 3).recv(100) != {key!r})"
    assert run_in_lab(config(), command=[sys.executable, "-c", program], servers=serve, cwd=str(tmp_path)) == 0


def test_failed_part_is_named_with_its_output(tmp_path: Path) -> None:
    broken = [sys.executable, "-c", "raise SystemExit('no key found')"]
    with pytest.raises(LabBroken, match=r"servers ended.*\n*.*no key found"):
        run_in_lab(config(), command=["true"], servers=broken, cwd=str(tmp_path))
    with pytest.raises(LabBroken, match=r"Not ready after 0\.3 s: the lab's helper"):
        run_in_lab(config(), command=["true"], helper=["sleep", "9"], cwd=str(tmp_path), ready_within=0.3)

    def explode(packet: Packet, direction: Direction) -> Actions | None:
        raise RuntimeError("the censor has a bug")

    ping = f"import socket,time; socket.create_connection(('{SERVER}', 443), 9)"
    with pytest.raises(LabBroken, match=r"(?s)fabric ended.*the censor has a bug"):
        lab = config(censors=[Watcher(4, True, explode)])
        run_in_lab(lab, command=[sys.executable, "-c", ping], cwd=str(tmp_path))


def test_lab_without_isolation_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the check another name for the lab's interface, so that the real one is an unknown interface."""
    monkeypatch.setattr(
        "probe.lab.sandbox.first_process.find_leak", lambda callers_inode, own, beside: find_leak(callers_inode, "eth7")
    )
    with pytest.raises(LabUnavailable, match=r"did not create: eth0\. The lab therefore runs nothing"):
        run_in_lab(config(), command=["touch", "ran"], cwd=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_callers_network_namespace_is_a_leak() -> None:
    assert "same network namespace" in str(find_leak(network_inode()))


def test_no_descriptors_are_left_open(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    assert run_in_lab(config(), command=["true"], cwd=str(tmp_path)) == 0
    assert set(os.listdir("/proc/self/fd")) == before


ODD_ETC = """
import os, sys
from pathlib import Path
from probe.lab.sandbox import kernel
from probe.lab.net.layout import FabricConfig
from probe.lab.sandbox.sandbox import run_in_lab

user, group = os.geteuid(), os.getegid()
kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS)
Path("/proc/self/setgroups").write_text("deny")
Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
kernel.mount("odd", "/etc", "tmpfs")
Path("/etc/kept").write_text("kept\\n")
os.symlink("kept", "/etc/relative")
if sys.argv[1] == "link":
    os.symlink("../run/systemd/resolve/stub-resolv.conf", "/etc/resolv.conf")
sys.exit(run_in_lab(FabricConfig(), command=["cat", "/etc/resolv.conf", "/etc/kept", "/etc/relative"]))
"""


@pytest.mark.parametrize("kind", ["link", "missing"])
def test_resolv_conf_may_be_a_dangling_link_or_missing(kind: str) -> None:
    done = subprocess.run([sys.executable, "-c", ODD_ETC, kind], capture_output=True, text=True, cwd=ROOT, timeout=20)
    assert (done.returncode, done.stdout) == (0, "nameserver 192.168.1.1\nkept\nkept\n"), done.stderr


def test_recording_holds_the_packets_behind_the_router(tmp_path: Path) -> None:
    record = tmp_path / "wire.pcap"
    at_home(SAY, tmp_path, record=str(record), censors=[Watcher(4, True, reset_secrets)])
    packets = read_pcap(record.read_bytes())
    sent = [packet.payload for packet in packets if packet.dst == SERVER and packet.payload]
    assert sent == [b"weather", b"secret"]
    resets = [packet for packet in packets if packet.src == SERVER and packet.tcp_flags & RST]
    injected = [packet for packet in resets if packet.ttl == 48]  # the server's own come with another TTL
    assert len(injected) == 1, "injected packets are recorded too"


def test_working_folder_is_real_and_the_rest_of_tmp_is_hidden(tmp_path: Path) -> None:
    kept, hidden = tmp_path / "work", tmp_path / "other"
    kept.mkdir()
    hidden.mkdir()
    at_home("import os\nopen('result', 'w').write('seen')\ntell(os.getcwd())", kept)
    assert (kept / "result").read_text() == "seen" and (kept / "result").stat().st_uid == os.getuid()
    assert at_home(f"import os\ntell(os.path.exists({str(hidden)!r}))", kept) is False
    assert at_home(f"import os\ntell(os.path.exists({str(hidden)!r}))", kept, keep=[str(hidden)]) is True


def test_environment_gains_only_the_given_variables(tmp_path: Path) -> None:
    seen = at_home("import os\ntell(dict(os.environ))", tmp_path, env={"PROBE_CC": "XX"})
    mine = {**os.environ, "PROBE_CC": "XX"}
    assert {name: value for name, value in seen.items() if mine.get(name) != value} == {}
    assert set(mine) - set(seen) == set()


def test_command_is_interrupted_after_its_first_connection(tmp_path: Path) -> None:
    """Test that neither the start of the command nor connections to other addresses count."""
    program = (
        ASK
        + """
ask(SERVER6)
time.sleep(1.0)
began = time.monotonic()
ask(SERVER)
try:
    time.sleep(5)
    tell(None)
except KeyboardInterrupt:
    tell(time.monotonic() - began)
"""
    )
    program = program.replace("SERVER6", repr(SERVER6)).replace("SERVER", repr(SERVER))
    meant = Moment(0.5, (SERVER,))
    after = at_home(program, tmp_path, faults=ProcessFaults(interruption=meant), path=PathConfig(rtt_ms=100))
    assert after is not None and 0.4 < after < 2.0


def test_command_may_end_before_its_interruption(tmp_path: Path) -> None:
    program = ASK + f"tell(ask({SERVER!r}))\n"
    assert (
        at_home(program, tmp_path, faults=ProcessFaults(interruption=Moment(20.0, (SERVER,)))) == "192.88.99.77 hello"
    )


def test_command_has_the_configured_limit_of_descriptors(tmp_path: Path) -> None:
    program = """
import errno, os
opened = []
try:
    while len(opened) < 100:
        opened.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    failed = error.errno
for descriptor in opened:
    os.close(descriptor)
tell([len(opened) < 24, failed == errno.EMFILE])
"""
    assert at_home(program, tmp_path, faults=ProcessFaults(open_files=24)) == [True, True]
