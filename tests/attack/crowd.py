"""Attack every kind of the helper's ports from 1,000 addresses in 20 networks, beside an honest client.

The addresses are loopback addresses, or IPv6 addresses of a network namespace (`crowd-ipv6`, which needs root).
Each try of the honest client has fresh tokens, as a run of our probe has.
"""

import asyncio
import json
import multiprocessing
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aioice.ice import get_host_addresses

from probe.steps.calls.voice import packets
from probe.steps.tls.client_hello import accepting_anything
from probe.wire.media.rtp import write_header
from probe.wire.media.sealed_payload import SealedFields, seal
from probe.wire.media.shape import PacketRequest, Shape
from probe.wire.media.shapes import SHAPES
from probe.wire.sip.call import Call
from probe.wire.sip.sdp import OPUS, write_offer
from probe.wire.sip.sip_message import SIPMessage, read_message
from probe.wire.stun import binding_request
from probe.wire.transfer import FrameReader
from tests.attack.helper_process import ROOT, HelperProcess, helper_process, question
from tests.attack.starvation import Field, allow_many_clients, site

NETWORKS, IN_EACH = 20, 50
WITHIN = 10.0  # seconds
PAUSE = 2.0  # seconds between two actions of an attacking address
SECONDS = float(os.environ.get("CROWD_SECONDS", "120"))  # for each kind of attack


@dataclass
class Ports:
    """Hold the helper under attack, the ports of its options, and addresses of attackers and of the honest client."""

    helper: HelperProcess
    host: str
    echo: int
    media: int
    sip: int
    transfer: int
    attackers: Sequence[str]
    tries: int = 0

    def new_honest(self) -> str:
        """Return an address of an honest client in a network without others."""
        self.tries += 1
        return f"2001:db8:f{self.tries % 4096:03x}::1" if ":" in self.host else f"127.{60 + self.tries % 190}.9.9"

    async def post(self, source: str, path: str, body: Any = None, *, limit: float = WITHIN) -> tuple[int, Any]:
        """Send a question from an address. Return status and answer. Raises OSError and TimeoutError."""
        async with asyncio.timeout(limit):
            reader, writer = await asyncio.open_connection(self.host, self.helper.port, local_addr=(source, 0))
            try:
                writer.write(question(body or {}, path=path, headers="Connection: close\r\n"))
                head, _, raw = (await reader.read()).partition(b"\r\n\r\n")
            finally:
                writer.transport.abort()
        return (int(head.split(b" ")[1]), json.loads(raw)) if head else (0, {})

    async def offers(self, source: str) -> dict[str, Any]:
        """Return the helper's offers. Raises OSError, and TimeoutError if none come in time."""
        status, answer = await self.post(source, "/v1/tokens")
        if status != 200:
            raise ConnectionError(f"status {status}")
        return dict(answer)


class Flow:
    """Send datagrams from an address to a port, and keep those that come back."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    @classmethod
    @contextmanager
    def open(cls, host: str, port: int, source: str) -> Any:
        """Open a socket of `source`."""
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.bind((source, 0))
            sock.connect((host, port))
            yield cls(sock)

    def send(self, datagram: bytes) -> None:
        with suppress(OSError):
            self._sock.send(datagram)

    async def receive(self, seconds: float) -> bytes | None:
        """Return the next datagram, None without one."""
        with suppress(OSError, TimeoutError):
            return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self._sock, 2000), seconds)
        return None

    async def ask(self, datagram: bytes, tries: int = 4, pause: float = 0.5) -> bytes | None:
        """Repeat a datagram until something comes back."""
        for _ in range(tries):
            self.send(datagram)
            if (answer := await self.receive(pause)) is not None:
                return answer
        return None


# -- what an honest client wants ---------------------------------------------------------------------------------------


async def answer(ports: Ports, source: str) -> bool:
    """Ask for the control of a target that needs no network: an answer is enough."""
    return (await ports.post(source, "/v1/measure", {"target": "nothing"}))[0] == 404


async def echo(ports: Ports, source: str) -> bool:
    """Use a token that is some seconds old, as a follow-up does."""
    token = bytes.fromhex((await ports.offers(source))["echo"]["token"])
    await asyncio.sleep(6.0)
    with Flow.open(ports.host, ports.echo, source) as flow:
        return await flow.ask(binding_request(token)) is not None


async def established(flow: Flow, token: bytes, shape: type[Shape]) -> bool:
    """Open a media flow as our probe does."""
    cookie = bytes(20)
    for _ in range(2):
        request = PacketRequest(token, cookie, secrets.token_bytes(12))
        response = await flow.ask(shape.write_request(request))
        cookie = (shape.read_response(response, request.reference) if response else None) or bytes(20)
        if not any(cookie):
            return False
    return True


async def media(ports: Ports, source: str, count: int = 50) -> bool:
    """Open a pair of flows, of which nine tenths of the packets come back."""
    token = bytes.fromhex((await ports.offers(source))["media"]["token"])

    async def one(shape: type[Shape]) -> bool:
        with Flow.open(ports.host, ports.media, source) as flow:
            if not await established(flow, token, shape):
                return False
            writer, came = shape(token, "forth"), 0
            for number in range(count):
                flow.send(writer.write_packet(number, seal(SealedFields(number, 0), token, "forth")))
                came += await flow.receive(0.02) is not None
                await asyncio.sleep(0.01)
            while await flow.receive(0.2) is not None:
                came += 1
            return came >= 0.9 * count

    return all(await asyncio.gather(*(one(SHAPES[name]) for name in ("rtp", "opaque"))))


async def called(flow: Flow, call: Call) -> SIPMessage | None:
    """Call until the final response, None without one. A refusal is a final response too."""
    invite = call.invite(write_offer("192.0.2.1", 40002, 4711))
    for _ in range(4):
        flow.send(invite)
        until = time.monotonic() + 0.7
        while (left := until - time.monotonic()) > 0 and (raw := await flow.receive(left)) is not None:
            message = read_message(raw)
            if message.code >= 200:
                flow.send(call.ack(message))
                return message
    return None


async def sip(ports: Ports, source: str) -> bool:
    """Make a call whose voice comes back."""
    token = (await ports.offers(source))["sip"]["token"]
    with (
        Flow.open(ports.host, ports.sip, source) as flow,
        Flow.open(ports.host, ports.sip + 2, source) as voice,
    ):
        call = Call(ports.host, "udp", callee=token, port=ports.sip)
        final = await called(flow, call)
        if final is None or final.code != 200:
            return False
        back = 0
        for number in range(25):
            voice.send(write_header(OPUS, number, 960 * number, 7) + bytes(100))
            back += await voice.receive(0.2) is not None
        flow.send(call.bye(final))
        return back > 20


async def webrtc(ports: Ports, source: str) -> bool:
    """Make a call over ICE and DTLS from the usual local address, whose voice comes back."""
    from probe.steps.calls.webrtc_transport import Transport, closed

    token, back = (await ports.offers(source))["webrtc"]["token"], list[bytes]()
    transport = Transport(lambda raw: back.append(raw), controlling=True)
    try:
        await transport.gather()
        status, theirs = await ports.post(source, "/v1/webrtc", {"token": token, **transport.description()})
        if status != 200:
            return False
        address = get_host_addresses(use_ipv4=True, use_ipv6=False)[0]  # aioice uses no loopback address
        await transport.connect(theirs, address, theirs["ports"]["4"])
        await transport.secure(theirs)
        for _, packet in packets(OPUS, 0.5):
            await transport.send(packet)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
    finally:
        await closed(transport)
    return len(back) > 20


async def received(ports: Ports, source: str, token: bytes, seconds: float) -> FrameReader:
    """Read a transfer for some seconds."""
    frames = FrameReader()
    reader, writer = await asyncio.open_connection(
        ports.host, ports.transfer, local_addr=(source, 0), ssl=accepting_anything(()), server_hostname="a.example"
    )
    try:
        writer.write(token)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while data := await reader.read(65536):
                    frames.feed(data)
    finally:
        writer.transport.abort()
    return frames


async def transfer(ports: Ports, source: str) -> bool:
    """Receive a pair of transfers for three seconds, at half of the pace or more."""
    token = bytes.fromhex((await ports.offers(source))["transfer"]["token"])
    found = await asyncio.gather(*(received(ports, source, token, 3.0) for _ in range(2)))
    return all(each.newest is not None and each.newest.sent > 90_000 for each in found)


WANTED: dict[str, Callable[[Ports, str], Awaitable[bool]]] = {
    "answer": answer,
    "echo": echo,
    "media flow": media,
    "SIP call": sip,
    "WebRTC call": webrtc,
    "transfer": transfer,
}

# -- what one attacking address does, again and again ------------------------------------------------------------------


async def ask_for_tokens(ports: Ports, source: str) -> None:
    for _ in range(5):
        await ports.offers(source)


async def hold_flows(ports: Ports, source: str) -> None:
    """Open two flows, and keep them busy as long as they last."""
    token, shape = bytes.fromhex((await ports.offers(source))["media"]["token"]), SHAPES["opaque"]
    with Flow.open(ports.host, ports.media, source) as flow:
        if await established(flow, token, shape):
            writer = shape(token, "forth")
            for number in range(17):
                flow.send(writer.write_packet(number, seal(SealedFields(number, 0), token, "forth")))
                await asyncio.sleep(2.0)


async def hold_calls(ports: Ports, source: str) -> None:
    token = (await ports.offers(source))["sip"]["token"]
    with Flow.open(ports.host, ports.sip, source) as flow:
        final = await called(flow, Call(ports.host, "udp", callee=token, port=ports.sip))
        await asyncio.sleep(13.0 if final is not None and final.code == 200 else 0.0)


async def open_webrtc_calls(ports: Ports, source: str) -> None:
    """Open calls and never check the path."""
    token = (await ports.offers(source))["webrtc"]["token"]
    ours = {"ufrag": "abcd", "pwd": "a" * 22, "fingerprint": ":".join(["AB"] * 32)}
    await ports.post(source, "/v1/webrtc", {**ours, "token": token})


async def take_transfers(ports: Ports, source: str) -> None:
    token = bytes.fromhex((await ports.offers(source))["transfer"]["token"])
    await asyncio.gather(*(received(ports, source, token, 8.0) for _ in range(2)))


async def hold_silent_connections(ports: Ports, source: str) -> None:
    """Open connections to two ports, send nothing, and open them again as soon as they are closed."""

    async def hold(port: int) -> None:
        while True:
            reader, writer = await asyncio.open_connection(ports.host, port, local_addr=(source, 0))
            try:
                await reader.read()
            finally:
                writer.transport.abort()
            await asyncio.sleep(1.0)

    await asyncio.gather(*map(hold, [ports.transfer] * 4 + [ports.helper.port] * 4))


async def ask_slow_questions(ports: Ports, source: str) -> None:
    """Ask about pages that never answer."""
    await Field(ports.helper, _SITE[0]).ask("slow", source=source, to=ports.host)


_SITE = [0]  # port of the site with these pages

ATTACKS: dict[str, Callable[[Ports, str], Awaitable[None]]] = {
    "tokens": ask_for_tokens,
    "media": hold_flows,
    "sip": hold_calls,
    "webrtc": open_webrtc_calls,
    "transfers": take_transfers,
    "silence": hold_silent_connections,
    "questions": ask_slow_questions,
}
HURT: dict[str, Sequence[str]] = {
    "tokens": ("answer", "echo"),
    "media": ("media flow",),
    "sip": ("SIP call",),
    "webrtc": ("WebRTC call",),
    "transfers": ("transfer",),
    "silence": ("transfer", "answer"),
    "questions": ("question",),
    "together": (*WANTED, "question"),
}
"""What the honest client tries beside an attack."""


async def slow_question(ports: Ports, source: str) -> bool:
    """Ask about a page that is measured."""
    return await Field(ports.helper, _SITE[0]).ask("honest", source=source, to=ports.host) == 200


WANTED_TOO = {**WANTED, "question": slow_question}


@dataclass
class CrowdOutcome:
    """Hold the tries of the honest client by what it wanted: whether each succeeded, and its seconds."""

    tries: dict[str, list[tuple[bool, float]]] = field(default_factory=dict)
    processor: float = 0.0  # seconds that the helper computed per second

    @property
    def fine(self) -> bool:
        """Return whether 95 of 100 tries of each kind succeeded within WITHIN."""
        return all(
            sum(ok and taken < WITHIN for ok, taken in tries) >= 0.95 * len(tries) for tries in self.tries.values()
        )

    def sentence(self) -> str:
        """Return the figures of each kind."""
        return ", ".join(
            f"{name} {sum(ok and taken < WITHIN for ok, taken in tries)} of {len(tries)}"
            for name, tries in self.tries.items()
        )


async def _attack(one: Callable[[Ports, str], Awaitable[None]], ports: Ports, source: str, wait: float) -> None:
    await asyncio.sleep(wait)
    while True:
        with suppress(OSError, TimeoutError, KeyError, ValueError, EOFError):
            await one(ports, source)
        await asyncio.sleep(PAUSE)


async def _try(name: str, ports: Ports, outcome: CrowdOutcome, until: float) -> None:
    """Try again and again. A try may begin anew within its time, as a run does that is told that a helper is busy."""
    while time.monotonic() < until:
        began, fine, source = time.monotonic(), False, ports.new_honest()
        while not fine and time.monotonic() - began < WITHIN:
            with suppress(OSError, TimeoutError, KeyError, ValueError, EOFError):
                async with asyncio.timeout(began + WITHIN - time.monotonic()):
                    fine = await WANTED_TOO[name](ports, source)
            await asyncio.sleep(0.3)
        outcome.tries.setdefault(name, []).append((fine, time.monotonic() - began - 0.3))
        await asyncio.sleep(4.0)


async def _attack_forever(ports: Ports, names: Sequence[str]) -> None:
    async with site() as _SITE[0]:
        count = len(ports.attackers)
        attacks = (
            _attack(ATTACKS[names[at % len(names)]], ports, source, PAUSE * at / count)
            for at, source in enumerate(ports.attackers)
        )
        await asyncio.gather(*attacks)


@contextmanager
def _attacked(ports: Ports, names: Sequence[str]) -> Iterator[None]:
    """Attack from a process of its own. It gets less of the processor, since attackers have other machines."""

    def attack() -> None:
        os.nice(10)
        asyncio.run(_attack_forever(ports, names))

    process = multiprocessing.get_context("fork").Process(target=attack)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def attackers(host: str) -> list[str]:
    """Return the addresses: 20 times a /24 of loopback with 50 addresses, or a /48 with 50 networks of /56."""
    places = [(net, each) for each in range(IN_EACH) for net in range(NETWORKS)]
    if ":" in host:
        return [f"2001:db8:{net + 1:x}:{each:x}00::1" for net, each in places]
    return [f"127.{net + 20}.0.{each + 1}" for net, each in places]


def free_ports(count: int) -> list[int]:
    """Return free even ports, 16 apart, for TCP and UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        start = 20_000 + sock.getsockname()[1] % 5_000 * 2
    return [start + 16 * number for number in range(count)]


def crowd(name: str, *, host: str = "127.0.0.1", seconds: float = SECONDS) -> CrowdOutcome:
    """Run an attack of 1,000 addresses against the real command, and return what the honest client got."""
    allow_many_clients(16_000)
    names = list(ATTACKS) if name == "together" else [name]
    echo_, media_, sip_, transfer_ = free_ports(4)
    options = ["--lab", "--echo", str(echo_), "--media", str(media_), "--sip", str(sip_), "--webrtc"]
    options += ["--transfer", str(transfer_)]
    with helper_process(*options, host=f"[{host}]" if ":" in host else host) as helper:
        ports = Ports(helper, host, echo_, media_, sip_, transfer_, attackers(host))
        # aioice finds no address in the namespace of IPv6, which has a loopback interface alone.
        wanted = [each for each in HURT[name] if ":" not in host or each != "WebRTC call"]
        with _attacked(ports, names):
            outcome = asyncio.run(_measured(ports, wanted, seconds))
        assert helper.written() == b"", helper.written()[:2000]
    return outcome


async def _measured(ports: Ports, wanted: Sequence[str], seconds: float) -> CrowdOutcome:
    outcome = CrowdOutcome()
    async with site() as _SITE[0]:
        await asyncio.sleep(PAUSE + 6.0)
        began, before = time.monotonic(), _processor_seconds(ports.helper.pid)
        await asyncio.gather(*(_try(name, ports, outcome, began + seconds) for name in wanted))
        outcome.processor = (_processor_seconds(ports.helper.pid) - before) / (time.monotonic() - began)
    return outcome


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def crowd_over_ipv6(name: str, seconds: float) -> int:
    """Run an attack in a network namespace with all addresses of 2001:db8::/32 (root). Return its exit code."""
    prepare = "ip link set lo up; sysctl -qw net.ipv6.ip_nonlocal_bind=1; ip -6 route add local 2001:db8::/32 dev lo"
    run = f"{prepare}; exec {sys.executable} -m tests.attack.crowd {name} ::1 {seconds}"
    return subprocess.run(["unshare", "-n", "sh", "-c", run], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    found = crowd(sys.argv[1], host=sys.argv[2], seconds=float(sys.argv[3]))
    print(f"{sys.argv[1]} at {sys.argv[2]}: {found.sentence()}; helper computed {found.processor:.2f} s a second")
    raise SystemExit(not found.fine)
