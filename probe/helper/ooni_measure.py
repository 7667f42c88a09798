"""Answer a request of OONI's probe as OONI's helper does: DNS, TCP, TLS, QUIC and a web page.

Source: ooni/probe-cli 7cb22410 (`oohelperd`).
"""

import asyncio
from contextlib import suppress

from probe.formats import failures as f
from probe.formats.entries import TCPConnect
from probe.formats.exchanges.tls import QUICHandshake, TLSHandshake
from probe.formats.ooni_helper import BOGON, BY_HELPER, BY_PROBE, VALID, said_of_dns, said_of_tcp
from probe.helper.ooni_request import OONIRequest
from probe.helper.state import Answer, HelperState
from probe.helper.web_page import fetch
from probe.http_server import bug_reports
from probe.session.pacing import Pace
from probe.session.trace import Trace, Transaction, TransactionFacts
from probe.steps.connection import address_of
from probe.steps.dns.system_resolver import resolve_system
from probe.steps.quic.quic import quic_handshake
from probe.steps.tcp import tcp_connect
from probe.steps.tls.tls import tls_handshake
from probe.targets.address_guard import may_contact
from probe.targets.target import is_address

DNS_SECONDS, TCP_SECONDS, TLS_SECONDS = 4.0, 8.0, 7.0
MOST_RESOLVED = 16
ANSWER_WITHIN = 25.0  # seconds. Unfinished parts are left out.
TLS_PORT = 443  # the only port at which OONI's helper performs TLS


async def measure_url(state: HelperState, request: OONIRequest) -> Answer:
    """Measure the request within ANSWER_WITHIN. Addresses that are not public are listed and not contacted."""
    examination = Examination(state, request)
    with suppress(TimeoutError):  # the answer holds what is finished
        async with asyncio.timeout(ANSWER_WITHIN):
            await examination.run()
    for bug in examination.trace.bugs:
        bug_reports.print_bug(bug)
    return examination.answer


class Examination:
    """Answer one request. `answer` grows and is complete at any time."""

    def __init__(self, state: HelperState, request: OONIRequest) -> None:
        self._state, self._request, self._roots = state, request, state.roots
        self._pace = Pace(contacts=state.contacts)
        # Each request has a semaphore of its own, so that no other request delays it.
        self._connections = asyncio.Semaphore(state.flows)
        self.trace = Trace()
        self.answer: Answer = {
            "tcp_connect": {},
            "tls_handshake": {},
            "quic_handshake": {},
            "http_request": {
                "body_length": -1,
                "discovered_h3_endpoint": "",
                "failure": f.TIMEOUT,
                "title": "",
                "headers": {},
                "status_code": -1,
            },
            "http3_request": None,
            "dns": {"failure": None, "addrs": []},
            "ip_info": {},
        }

    async def run(self) -> None:
        """Resolve, then try every endpoint and the page concurrently, and QUIC if the page offers it."""
        if not is_address(self._request.host):
            await self._resolve()
        self._list_addresses()
        usable = [ip for ip, about in self.answer["ip_info"].items() if not about["flags"] & BOGON]
        endpoints = [(ip, port) for ip in usable for port in self._request.ports]
        await asyncio.gather(self._page(), *(self._endpoint(ip, port) for ip, port in endpoints))
        if self._request.quic and self.answer["http_request"]["discovered_h3_endpoint"]:
            await asyncio.gather(*(self._quic(ip, port) for ip, port in endpoints if port == TLS_PORT))

    async def _resolve(self) -> None:
        host = self._request.host
        async with self.trace.transaction(TransactionFacts("lookup", hostname=host)) as tx:
            both = frozenset({4, 6})
            found = await resolve_system(tx, host, pace=self._pace, families=both, timeout=DNS_SECONDS)
            self.answer["dns"]["addrs"] = found[:MOST_RESOLVED]
        self.answer["dns"]["failure"] = said_of_dns(tx.record.failure)

    def _list_addresses(self) -> None:
        """List every address with its network and origin. An address that must not be contacted counts as a bogon."""
        asked, given = self._request.addresses, self.answer["dns"]["addrs"]
        for ip in dict.fromkeys([*asked, *given]):
            flags = BY_PROBE * (ip in asked) | BY_HELPER * (ip in given)
            flags |= BOGON * (not may_contact(ip, self._state.contacts))
            self.answer["ip_info"][ip] = {"asn": self._state.asn_of(ip), "flags": flags}

    async def _page(self) -> None:
        request = self._request
        async with self._connections:
            page = await fetch(request.url, dict(request.headers), roots=self._roots, contacts=self._state.contacts)
        self.answer["http_request"] = page.written()

    async def _endpoint(self, ip: str, port: int) -> None:
        async with (
            self._connections,
            self.trace.transaction(TransactionFacts("first", address=ip, port=port)) as tx,
        ):
            await self._connect(tx, ip, port)
        for entry in tx.entries:
            if isinstance(entry, TCPConnect):
                self._write("tcp_connect", ip, port, entry.failure, {}, said_of_tcp(entry.failure))
            elif isinstance(entry, TLSHandshake):
                self._write_handshake("tls_handshake", ip, port, entry.failure)

    async def _connect(self, tx: Transaction, ip: str, port: int) -> None:
        conn = await tcp_connect(tx, ip, port, pace=self._pace, timeout=TCP_SECONDS)
        if port == TLS_PORT:
            alpn = ("h2", "http/1.1")
            await tls_handshake(
                tx, conn, self._request.host, pace=self._pace, roots=self._roots, alpn=alpn, timeout=TLS_SECONDS
            )

    async def _quic(self, ip: str, port: int) -> None:
        async with (
            self._connections,
            self.trace.transaction(TransactionFacts("first", address=ip, port=port)) as tx,
        ):
            await quic_handshake(
                tx, ip, port, self._request.host, pace=self._pace, roots=self._roots, timeout=TLS_SECONDS
            )
        for entry in tx.entries:
            if isinstance(entry, QUICHandshake):
                self._write_handshake("quic_handshake", ip, port, entry.failure)

    def _write_handshake(self, key: str, ip: str, port: int, failure: str | None) -> None:
        self._write(key, ip, port, failure, {"server_name": self._request.host}, failure)
        if failure is None and key == "tls_handshake":
            self.answer["ip_info"][ip]["flags"] |= VALID

    def _write(self, key: str, ip: str, port: int, failure: str | None, more: Answer, said: str | None) -> None:
        """Record the result of one operation. A local failure is no result."""
        if not f.is_local(failure):
            self.answer[key][address_of(ip, port)] = {**more, "status": failure is None, "failure": said}
