"""Run the probe in the user's namespace, then query the name servers with the probe's own steps.

    in_the_lab.py '{"answers": FILE, "resolver": [IP, NAME], "root": NAME, "marks": [NAME…]}' -m probe run …

Writes an object to FILE, with `failure` and `entry` by key `unbound/dot/MARK`. Its exit code is that of the probe.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from probe.formats.entries import DNSQuery
from probe.session.pacing import Pace
from probe.session.trace import Trace, Transaction, TransactionFacts
from probe.steps.connection import Connection, address_of
from probe.steps.dns.dns import query_stream, query_udp, resolve_system
from probe.steps.dns.doh import DoHResolver
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificate_checks import Roots, load_roots
from probe.steps.tls.tls import tls_handshake

Ask = Callable[[Transaction], Awaitable[DNSQuery]]


class Queries:
    """Query one server for the address of `mark`, with each engine. `name` is the name in its certificate."""

    def __init__(self, ip: str, name: str, roots: Roots, mark: str) -> None:
        self._ip, self._name, self._roots, self._mark, self._pace = ip, name, roots, mark, Pace()

    async def udp(self, tx: Transaction) -> DNSQuery:
        return await query_udp(tx, self._ip, self._mark, "A", pace=self._pace)

    async def tcp(self, tx: Transaction) -> DNSQuery:
        conn = await tcp_connect(tx, self._ip, 53, pace=self._pace)
        return await self._stream(tx, conn, 53, "tcp")

    async def dot(self, tx: Transaction) -> DNSQuery:
        return await self._stream(tx, await self._secure(tx, 853, ()), 853, "dot")

    async def doh(self, tx: Transaction) -> DNSQuery:
        conn = await self._secure(tx, 443, ("h2",))
        return await DoHResolver(conn, f"https://{self._name}/dns-query", pace=self._pace).query(tx, self._mark, "A")

    async def _secure(self, tx: Transaction, port: int, alpn: tuple[str, ...]) -> Connection:
        conn = await tcp_connect(tx, self._ip, port, pace=self._pace)
        return await tls_handshake(tx, conn, self._name, pace=self._pace, roots=self._roots, alpn=alpn)

    async def _stream(self, tx: Transaction, conn: Connection, port: int, engine: str) -> DNSQuery:
        address = address_of(self._ip, port)
        return await query_stream(tx, conn, self._mark, "A", pace=self._pace, resolver_address=address, engine=engine)


async def _outcome(ask: Ask) -> dict[str, Any]:
    trace = Trace()
    async with trace.transaction(TransactionFacts("lookup")) as tx:
        await ask(tx)
    await trace.finish(patience=2.0)
    entry = next((e for e in trace.entries if isinstance(e, DNSQuery)), None)
    return {"failure": tx.record.failure, "entry": entry.model_dump(mode="json") if entry else None}


async def query_all(resolver: tuple[str, str], root: str, marks: list[str]) -> dict[str, dict[str, Any]]:
    roots = load_roots(os.environ["PROBE_PUBLIC_ROOTS"])
    async with Trace().transaction(TransactionFacts("lookup")) as tx:
        root_ip = (await resolve_system(tx, root, pace=Pace(), families=frozenset({4})))[0]
    queries: dict[str, Ask] = {}
    for mark in marks:
        unbound, nsd = Queries(*resolver, roots, mark), Queries(root_ip, root, roots, mark)
        queries |= {f"unbound/{engine}/{mark}": getattr(unbound, engine) for engine in ("udp", "tcp", "dot", "doh")}
        queries |= {f"nsd/{engine}/{mark}": getattr(nsd, engine) for engine in ("udp", "tcp", "dot")}
    return {name: await _outcome(ask) for name, ask in queries.items()}


def main() -> int:
    task, *measure = json.loads(sys.argv[1]), *sys.argv[2:]
    code = subprocess.run([sys.executable, *measure], check=False).returncode
    outcomes = asyncio.run(query_all(tuple(task["resolver"]), task["root"], task["marks"]))
    with open(task["answers"], "w") as file:
        json.dump(outcomes, file)
    return code


if __name__ == "__main__":
    sys.exit(main())
