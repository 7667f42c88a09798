"""Run the step `near_reaction`: send packets with TTL 1, to see whether this computer or the first hop reacts to them.

Silence alone shows no place. A burst of SYNs then shows whether the system's own filter drops them, since the kernel
counts the repetitions that it could not send. Only one burst is made at a time, and its size is drawn, because the
counter is that of all programs.
"""

import asyncio
import errno
import secrets
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

from probe.formats.exchanges.near_reactions import NearPacket, NearReaction, NearSender
from probe.platforms.event_loop import forget
from probe.platforms.own_addresses import interface_addresses, local_gateways
from probe.platforms.sockets.ttl import Told, keep_errors, set_ttl, told_by_icmp
from probe.platforms.unsent_segments import unsent_repetitions
from probe.session.classify import classify
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.signatures.bogons import is_of_home, is_of_provider
from probe.steps.connection import address_of
from probe.steps.path.senders import DatagramSender
from probe.steps.sockets import open_socket

TURNS, MOST_TURNS = 2, 12  # packets to the address. The neutral host gets one more.
SENT_TWICE = 2  # one lost packet must not look like silence
AT_ONCE, PAUSE = 0.0005, 0.0001  # seconds of a call at most, and of them without the processor
REST = 1.2  # seconds. A router that reports few packets a second then reports the next one, which goes to the address.
PATIENCE = 0.3  # seconds to wait for the first hop, beside the round trip to a server
LEAST_BURST, MOST_BURST = 12, 20  # SYNs side by side
WATCHED = 1.6  # seconds. The kernel repeats a SYN after 1 s (RFC 6298, 2.1), and again 2 s later.
_LIMIT, _ONE_MORE_TURN = 30.0, 0.02
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})
_SIZE = 40  # bytes of a datagram without a protocol
To = Literal["target", "neutral"]
Place = tuple[str, int]  # address and port


async def near_reaction(
    tx: Transaction,
    ip: str,
    port: int,
    transport: Literal["tcp", "udp"],
    neutral: Place,
    *,
    pace: Pace,
    turn_for_burst: Callable[[], asyncio.Lock | None],
) -> NearReaction:
    """Send packets to `ip` and to the neutral host in turn, then what silence needs. Raises StepFailed.

    `turn_for_burst` returns the lock that the only burst of the run holds. None: no burst is made.
    """
    entry = NearReaction(address=address_of(ip, port), transport=transport)
    async with tx.step(entry, _LIMIT):
        packets = entry.packets
        packets.append(await _send(transport, "neutral", *neutral, pace))
        for number in range(MOST_TURNS):
            if number >= TURNS and not _needs_another(packets):
                break
            packets.append(await _send(transport, "target", ip, port, pace))
            packets.append(await _send(transport, "neutral", *neutral, pace))
        if _is_silent(packets):
            await asyncio.sleep(REST)
            packets.append(await _send(transport, "target", ip, port, pace))
            packets.append(await _send(transport, "neutral", *neutral, pace))
        if transport == "tcp" and _is_silent(packets):
            entry.datagram_refused = _refuses_datagram(ip, port, pace) and not _refuses_datagram(*neutral, pace)
            if not entry.datagram_refused and (turn := turn_for_burst()) is not None:
                async with turn:
                    await _send_burst(entry, ip, port, pace)
    return entry


def _is_silent(packets: Sequence[NearPacket]) -> bool:
    return all(one.outcome == "silent" for one in packets if one.to == "target")


def _needs_another(packets: Sequence[NearPacket]) -> bool:
    """Return whether resets came that nothing shows the origin of, as where this process had to pause in the call."""
    resets = [one for one in packets if one.to == "target" and one.outcome == "reset"]
    return bool(resets) and sum(one.at_once for one in resets) < TURNS


async def _send(transport: Literal["tcp", "udp"], to: To, ip: str, port: int, pace: Pace) -> NearPacket:
    """Send one packet, and another one after silence."""
    send = _syn if transport == "tcp" else _datagram
    found = await send(to, ip, port, pace)
    for _ in range(SENT_TWICE - 1):
        if found.outcome == "silent":
            found = await send(to, ip, port, pace)
    return found


# -- SYNs ----------------------------------------------------------------------------------------------------------


async def _syn(to: To, ip: str, port: int, pace: Pace) -> NearPacket:
    sock = _open(ip, socket.SOCK_STREAM, pace)
    try:
        began, busy = time.monotonic(), time.thread_time()
        try:
            sock.connect((ip, port))
        except BlockingIOError:
            known = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except OSError as error:
            return _not_sent(to, error.errno, time.monotonic() - began)
        else:
            known = 0
        seconds, busy = time.monotonic() - began, time.thread_time() - busy
        result = known or await _result(sock, ip, port, PATIENCE + 1.5 * pace.round_trip)
        if result is None:
            return NearPacket(to=to, outcome="silent")
        if result in _FORBIDDEN and ":" not in ip:  # no ICMP error of IPv4 has these numbers
            return _not_sent(to, result, time.monotonic() - began)
        found = _read(to, result, told_by_icmp(sock))
        found.at_once = bool(known) and seconds < AT_ONCE and seconds - busy < PAUSE and _measures_busy_time()
        found.seconds = round(seconds if known else time.monotonic() - began, 6)
        return found
    finally:
        _reset(sock)


def _measures_busy_time() -> bool:
    """Return whether the system's clock of the thread is fine enough to notice a pause."""
    return time.get_clock_info("thread_time").resolution < PAUSE / 10


def _open(ip: str, kind: socket.SocketKind, pace: Pace) -> socket.socket:
    sock = open_socket(ip, kind, pace.contacts)
    keep_errors(sock)
    set_ttl(sock, 1)
    return sock


async def _result(sock: socket.socket, ip: str, port: int, seconds: float) -> int | None:
    """Return the error number of a connect that goes on, 0 for success. None: nothing came."""
    connecting = asyncio.ensure_future(asyncio.get_running_loop().sock_connect(sock, (ip, port)))
    try:
        await asyncio.wait({connecting}, timeout=seconds)
        # On a busy computer the result is there by now, and no event was handled yet.
        await asyncio.wait({connecting}, timeout=_ONE_MORE_TURN)
        if not connecting.done():
            return None
        connecting.result()
    except OSError as error:
        return 0 if error.errno == errno.EISCONN else error.errno
    finally:
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
    return 0


def _read(to: To, number: int, reports: Sequence[Told]) -> NearPacket:
    """Return the result of one packet. `reports` are the ICMP errors that the kernel kept for it."""
    for report in reports:
        if report.expired:
            return NearPacket(to=to, outcome="expired", sender=_sender(report.sender))
    if reports:
        return NearPacket(to=to, outcome="unreachable", sender=_sender(reports[0].sender))
    if number == 0:
        return NearPacket(to=to, outcome="connected")
    return NearPacket(to=to, outcome="reset" if number in {errno.ECONNREFUSED, errno.ECONNRESET} else "unreachable")


def _not_sent(to: To, number: int | None, seconds: float) -> NearPacket:
    failure = classify(OSError(number or 0, ""))
    return NearPacket(to=to, outcome="not_sent", seconds=round(seconds, 6), failure=failure)


def _sender(address: str) -> NearSender:
    if not address:
        return "other"
    if address in interface_addresses():
        return "own"
    if is_of_home(address) and address in local_gateways():
        return "router"
    return "provider" if is_of_provider(address) else "other"


# -- datagrams -----------------------------------------------------------------------------------------------------


async def _datagram(to: To, ip: str, port: int, pace: Pace) -> NearPacket:
    began = time.monotonic()
    try:
        sender = DatagramSender(ip, port, pace)
    except OSError as error:
        return _not_sent(to, error.errno, time.monotonic() - began)
    try:
        reply = await sender.send(1)
    except OSError as error:
        return _not_sent(to, error.errno, time.monotonic() - began)
    finally:
        sender.close()
    if reply.sender:
        return NearPacket(to=to, outcome="expired", sender=_sender(reply.sender), seconds=reply.round_trip)
    if reply.end in {"refused", "unreachable"}:
        return NearPacket(to=to, outcome="unreachable", sender=_sender(reply.reporter), seconds=reply.round_trip)
    return NearPacket(to=to, outcome="connected" if reply.end else "silent", seconds=reply.round_trip)


def _refuses_datagram(ip: str, port: int, pace: Pace) -> bool:
    """Return whether the system itself refuses to send a datagram there."""
    with _open(ip, socket.SOCK_DGRAM, pace) as sock:
        try:
            sock.connect((ip, port))
            sock.send(secrets.token_bytes(_SIZE))
        except OSError:
            return True
    return False


# -- a burst of SYNs -----------------------------------------------------------------------------------------------


async def _send_burst(entry: NearReaction, ip: str, port: int, pace: Pace) -> None:
    """Open SYNs side by side, and count the failed repetitions of all programs while the kernel repeats them.

    They are counted for an equal time before.
    """
    if (at_first := unsent_repetitions()) is None:
        return
    await asyncio.sleep(WATCHED)
    before = unsent_repetitions() or 0
    size = LEAST_BURST + secrets.randbelow(MOST_BURST - LEAST_BURST + 1)
    socks = [_open(ip, socket.SOCK_STREAM, pace) for _ in range(size)]
    try:
        for sock in socks:
            sock.connect_ex((ip, port))
        await asyncio.sleep(WATCHED)
        after = unsent_repetitions() or 0
        entry.burst, entry.burst_answered = size, sum(map(_has_result, socks))
        entry.beside_not_sent, entry.burst_not_sent = before - at_first, after - before
    finally:
        for sock in socks:
            _reset(sock)


def _has_result(sock: socket.socket) -> bool:
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or told_by_icmp(sock):
        return True
    with suppress(OSError):
        sock.getpeername()  # raises ENOTCONN while the connect goes on
        return True
    return False


def _reset(sock: socket.socket) -> None:
    """Close with a reset. A SYN that is not answered yet is not repeated any more."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    forget(asyncio.get_running_loop(), sock)
    sock.close()
