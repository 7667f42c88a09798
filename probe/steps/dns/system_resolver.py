"""Ask the system's resolver with getaddrinfo."""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from probe.formats import failures as f
from probe.formats.entries import DNSAnswer, DNSQuery
from probe.platforms.hosts_file import addresses_in_hosts_file
from probe.session.classify import LocalFailure
from probe.session.pacing import Pace
from probe.session.trace import Transaction

_TIMEOUT = 15.0  # seconds, as in OONI's probe (ooni/probe-cli 7cb22410, `netxlite`)
_MOST_THREADS = 128  # threads, abandoned ones included
_FAMILIES = {frozenset({4}): socket.AF_INET, frozenset({6}): socket.AF_INET6}
_TYPES = {4: "A", 6: "AAAA"}

_threads = threading.BoundedSemaphore(_MOST_THREADS)


class _Found(NamedTuple):
    """Hold the addresses that getaddrinfo gave, and those that the hosts file has for the name."""

    addresses: list[str]
    in_hosts_file: frozenset[str]


async def resolve_system(
    tx: Transaction,
    hostname: str,
    *,
    pace: Pace,
    families: frozenset[int],
    engine: str = "system",
    timeout: float | None = None,
) -> list[str]:
    """Ask getaddrinfo for `hostname` and return the distinct addresses in its order.

    Writes one entry per family, as OONI's engine "system" does. A family without answers has no entry on success. On
    failure every entry has the failure. Raises StepFailed.
    """
    wanted = sorted(families & {4, 6})
    entries = [_entry(hostname, engine, _TYPES[family]) for family in wanted]
    first, others = entries[0], entries[1:]
    try:
        async with tx.step(first, _TIMEOUT if timeout is None else timeout):
            found = await _getaddrinfo(hostname, _FAMILIES.get(frozenset(wanted), socket.AF_UNSPEC), first)
            first, *others = _with_answers(entries, list(dict.fromkeys(found.addresses)))
            for entry in (first, *others):
                if entry.answers and {answer.address for answer in entry.answers} <= found.in_hosts_file:
                    entry.x_in_hosts_file = True
    finally:
        for other in others:
            _copy_outcome(entries[0], other)
            tx.keep(other)
    return list(dict.fromkeys(found.addresses))


def _entry(hostname: str, engine: str, query_type: str) -> DNSQuery:
    return DNSQuery(engine=engine, hostname=hostname, query_type=query_type, resolver_address="system")


def _with_answers(entries: list[DNSQuery], addresses: list[str]) -> list[DNSQuery]:
    """Give each entry the answers of its family, and drop entries without answers."""
    for entry in entries:
        entry.answers = [answer for answer in map(_answer, addresses) if answer.answer_type == entry.query_type]
    full = [entry for entry in entries if entry.answers]
    if full and full[0] is not entries[0]:
        entries[0].query_type, entries[0].answers = full[0].query_type, full[0].answers
        full[0] = entries[0]
    return full or entries


def _answer(ip: str) -> DNSAnswer:
    if ipaddress.ip_address(ip).version == 6:
        return DNSAnswer(answer_type="AAAA", ipv6=ip)
    return DNSAnswer(answer_type="A", ipv4=ip)


def _copy_outcome(of: DNSQuery, to: DNSQuery) -> None:
    to.failure, to.getaddrinfo_error = of.failure, of.getaddrinfo_error
    to.t0, to.t, to.tags = of.t0, of.t, list(of.tags)


async def _getaddrinfo(hostname: str, family: int, entry: DNSQuery) -> _Found:
    try:
        return await _in_thread(hostname, family)
    except socket.gaierror as error:
        entry.getaddrinfo_error = error.errno
        raise
    except BlockingIOError as error:  # EAI_SYSTEM with EAGAIN: the C library could not open a file
        raise LocalFailure(f.FILES_EXHAUSTED) from error


async def _in_thread(hostname: str, family: int) -> _Found:
    """Call getaddrinfo in a daemon thread. A call that hangs does not delay the program's end."""
    places = _threads
    if not places.acquire(blocking=False):
        raise LocalFailure(f.FILES_EXHAUSTED)
    loop = asyncio.get_running_loop()
    found: asyncio.Future[_Found] = loop.create_future()

    def work() -> None:
        try:
            addresses = _ask_libc(hostname, family)
            outcome: _Found | BaseException = _Found(addresses, frozenset(addresses_in_hosts_file(hostname)))
        except BaseException as error:  # any error belongs to the waiting task
            outcome = error
        finally:
            places.release()
        with suppress(RuntimeError):  # the event loop is already closed
            loop.call_soon_threadsafe(_deliver, found, outcome)

    _start(work, places)
    return await found


def _start(work: Callable[[], None], places: threading.BoundedSemaphore) -> None:
    try:
        threading.Thread(target=work, daemon=True, name="getaddrinfo").start()
    except RuntimeError as error:
        places.release()
        raise LocalFailure(f.FILES_EXHAUSTED) from error


def _ask_libc(hostname: str, family: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(hostname, None, family, socket.SOCK_STREAM)]


def _deliver(found: asyncio.Future[_Found], outcome: _Found | BaseException) -> None:
    if found.done():
        return
    if isinstance(outcome, BaseException):
        found.set_exception(outcome)
    else:
        found.set_result(outcome)
