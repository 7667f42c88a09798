"""Test getaddrinfo: it is recorded as OONI's engine "system", and it delays nothing."""

import asyncio
import errno
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from probe.formats.entries import DNSQuery
from probe.steps.dns import system_resolver as systemresolver
from probe.steps.dns.system_resolver import resolve_system
from tests.support.loop_clock import LoopClock
from tests.support.servers.dns import a_good_transaction, addresses_of
from tests.support.servers.loopback import Bench, a_transaction

BOTH = frozenset({4, 6})
V4, V6 = "192.0.2.1", "2001:db8::1"


def sending(monkeypatch, *addresses: str, error: int | None = None) -> list[tuple[object, ...]]:
    calls: list[tuple[object, ...]] = []

    def fake(*arguments: object) -> list[tuple[object, ...]]:
        calls.append(arguments)
        if error is not None:
            raise socket.gaierror(error, "as requested")
        return [(0, 0, 0, "", (ip, 0)) for ip in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", fake)
    return calls


def hanging(monkeypatch) -> threading.Event:
    release = threading.Event()

    def fake(*arguments: object) -> list[tuple[object, ...]]:
        release.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", fake)
    return release


def entries_of(bench: Bench) -> list[DNSQuery]:
    return [entry for entry in bench.trace.entries if isinstance(entry, DNSQuery)]


async def ask(bench: Bench, families: frozenset[int] = BOTH, timeout: float | None = None) -> list[str]:
    return await resolve_system(bench.tx, "a.example", pace=bench.pace, families=families, timeout=timeout)


async def test_both_families_have_one_entry_each(monkeypatch) -> None:
    sending(monkeypatch, V6, V4, "192.0.2.2", V4)
    async with a_good_transaction() as bench:
        assert await ask(bench) == [V6, V4, "192.0.2.2"]
    one, six = entries_of(bench)
    assert (one.query_type, addresses_of(one)) == ("A", [V4, "192.0.2.2"])
    assert (six.query_type, addresses_of(six)) == ("AAAA", [V6])
    for entry in (one, six):
        assert (entry.engine, entry.resolver_address, entry.failure) == ("system", "system", None)
        assert (entry.transaction_id, entry.tags) == (1, ["web", "first"])
    assert (one.t0, one.t) == (six.t0, six.t)
    assert six.model_dump()["resolver_address"] == "system"


@pytest.mark.parametrize(("address", "kind"), [(V4, "A"), (V6, "AAAA")])
async def test_family_without_answer_has_no_entry_on_success(monkeypatch, address: str, kind: str) -> None:
    sending(monkeypatch, address)
    async with a_good_transaction() as bench:
        assert await ask(bench) == [address]
    (entry,) = entries_of(bench)
    assert (entry.query_type, addresses_of(entry)) == (kind, [address])


@pytest.mark.parametrize(
    ("error", "failure"),
    [(-2, "dns_nxdomain_error"), (-5, "dns_no_answer"), (-3, "dns_server_misbehaving"), (-4, "dns_server_misbehaving")],
)
async def test_failure_is_in_both_entries(monkeypatch, error: int, failure: str) -> None:
    sending(monkeypatch, error=error)
    async with a_transaction() as bench:
        await ask(bench)
    assert [(e.query_type, e.failure, e.getaddrinfo_error) for e in entries_of(bench)] == [
        ("A", failure, error),
        ("AAAA", failure, error),
    ]
    assert bench.tx.record.failure == failure


async def test_single_family_is_requested_from_libc(monkeypatch) -> None:
    calls = sending(monkeypatch, V4)
    async with a_good_transaction() as bench:
        await ask(bench, frozenset({4}))
    assert calls[0][2] == socket.AF_INET
    assert [entry.query_type for entry in entries_of(bench)] == ["A"]


async def test_addresses_of_the_hosts_file_are_marked(monkeypatch) -> None:
    """Show that only answers that stand in the hosts file as a whole are marked, each family alone."""
    sending(monkeypatch, V4, V6)
    for in_file, marked in (([V4], {"A"}), ([V4, V6], {"A", "AAAA"}), (["192.0.2.9"], set()), ([], set())):
        monkeypatch.setattr(systemresolver, "addresses_in_hosts_file", lambda name, found=in_file: found)
        async with a_good_transaction() as bench:
            await ask(bench)
        assert {entry.query_type for entry in entries_of(bench) if entry.x_in_hosts_file} == marked
    sending(monkeypatch, V4, "192.0.2.7")
    monkeypatch.setattr(systemresolver, "addresses_in_hosts_file", lambda name: [V4])
    async with a_good_transaction() as bench:
        await ask(bench)
    assert not any(entry.x_in_hosts_file for entry in entries_of(bench))


async def test_system_resolver_finds_localhost() -> None:
    async with a_good_transaction() as bench:
        found = await resolve_system(bench.tx, "localhost", pace=bench.pace, families=BOTH)
    assert set(found) & {"127.0.0.1", "::1"}


async def test_blocked_lookup_is_timeout(monkeypatch) -> None:
    release = hanging(monkeypatch)
    async with a_transaction() as bench:
        clock = LoopClock()
        await ask(bench, timeout=0.2)
    assert await clock.stop() < 1
    assert [entry.failure for entry in entries_of(bench)] == ["generic_timeout_error"] * 2
    release.set()
    await asyncio.sleep(0.1)  # the late answer finds no waiting task, and nothing breaks


def test_blocked_lookup_does_not_delay_exit() -> None:
    program = (
        "import asyncio, socket, time\n"
        "socket.getaddrinfo = lambda *a: time.sleep(30)\n"
        "from probe.session.pacing import Pace\n"
        "from probe.steps.dns.dns import resolve_system\n"
        "from probe.session.trace import Trace, TransactionFacts\n"
        "async def main():\n"
        "    trace = Trace()\n"
        "    async with trace.transaction(TransactionFacts('lookup')) as tx:\n"
        "        await resolve_system(tx, 'a', pace=Pace(), families=frozenset({4, 6}), timeout=0.1)\n"
        "    print(trace.entries[0].failure)\n"
        "asyncio.run(main())\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=25, env=dict(os.environ), check=True
    )
    assert done.stdout == "generic_timeout_error\n"
    assert done.stderr == ""
    assert time.monotonic() - began < 20


async def test_too_many_blocked_lookups_are_local_failure(monkeypatch) -> None:
    monkeypatch.setattr(systemresolver, "_threads", threading.BoundedSemaphore(1))
    release = hanging(monkeypatch)
    async with a_transaction() as bench:
        await ask(bench, timeout=0.1)
    async with a_transaction() as other:
        await ask(other, timeout=0.1)
    release.set()
    assert {entry.failure for entry in entries_of(other)} == {"unknown_failure: too many open files"}


async def test_file_refused_to_libc_is_local_failure(monkeypatch) -> None:
    """Check that glibc's EAI_SYSTEM, or EAGAIN instead of EMFILE, is a local failure. Python raises a plain OSError."""

    def denied(*_: object) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(socket, "getaddrinfo", denied)
    async with a_transaction() as bench:
        await ask(bench)
    assert {entry.failure for entry in entries_of(bench)} == {"unknown_failure: too many open files"}
