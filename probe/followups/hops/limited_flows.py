"""Send the flows of a hop search: a payload with limited TTL, and the packets beside it."""

from collections.abc import Callable, Sequence

from probe.followups.flow import FlowRunner, Trigger
from probe.followups.hops.limited_payloads import Case, datagram_payload, opening_of, stopping_page, stream_payload
from probe.formats.exchanges.hops import Distance, LimitedPayload
from probe.session.trace import Transaction
from probe.signatures.ttl_distance import COMPARING, TTLSearch
from probe.steps.path.connect_packets import Transport, count_answered
from probe.steps.path.frozen_connection import limited_bytes_after_silence
from probe.steps.path.limited_datagrams import limited_payload_udp
from probe.steps.path.limited_ttl import limited_payload_tcp
from probe.steps.tcp import tcp_connect
from probe.steps.tls.client_hello import OWN, browser_hello


class LimitedFlows:
    """Send the flows of one measurement. `may_send` returns False once the time of the searches is over."""

    def __init__(self, runner: FlowRunner, may_send: Callable[[], bool]) -> None:
        self._runner, self._session, self._may_send = runner, runner.session, may_send

    async def over_tcp(
        self, tx: Transaction, case: Case, trigger: Trigger, ttls: list[int], slowest: float, whole: bool, most: int
    ) -> LimitedPayload:
        """Send a payload on a connection. `whole`: our TLS hello in several segments. `most`: packets with one TTL."""
        pace = self._session.pace
        await tx.connections.enter_async_context(pace.tls_slot(case.ip, case.host))
        conn = await tcp_connect(tx, case.ip, case.port, pace=pace)
        if case.kind in {"tls", "inside_tls"} or (case.endpoint is not None and case.endpoint.scheme == "https"):
            engine = browser_hello().engine if case.by_browser else OWN.engine
            await tx.connections.enter_async_context(pace.hellos.open(case.ip, engine))
        if case.kind in COMPARING and case.endpoint is not None:
            self._runner.count(tx, trigger)
            page, by_silence = stopping_page(case, case.endpoint), case.by_silence
            return await limited_bytes_after_silence(
                tx, conn, page, ttls, pace=pace, slowest=slowest, by_silence=by_silence
            )
        opening = opening_of(case)
        payload = b"" if opening else stream_payload(case, short=not whole)
        if len(payload) > conn.segment_size():
            ttls = ttls[-1:]  # the kernel repeats only one segment, which does not hold the whole name
        if case.is_trigger:
            self._runner.count(tx, trigger)
        return await limited_payload_tcp(
            tx,
            conn,
            payload,
            case.kind,
            ttls,
            pace=pace,
            slowest=slowest,
            by_silence=case.by_silence,
            opening=opening,
            most=most,
        )

    async def over_udp(
        self,
        tx: Transaction,
        case: Case,
        trigger: Trigger,
        ttls: list[int],
        slowest: float,
        search: TTLSearch,
        most: int,
    ) -> LimitedPayload:
        """Send the datagrams of one flow. After silence all TTLs of the search fit into it, since no answer comes."""

        def further(distances: Sequence[Distance]) -> Sequence[int]:
            return search.next_after((each.ttl, each.outcome) for each in distances) if self._may_send() else ()

        self._runner.count(tx, trigger)
        datagram = datagram_payload(case)
        ahead = datagram if case.kind == "quic" and case.by_silence else b""
        pace = self._session.pace
        return await limited_payload_udp(
            tx,
            case.ip,
            case.port,
            datagram,
            case.kind,
            ttls,
            pace=pace,
            slowest=slowest,
            ahead=ahead,
            further=further if case.by_silence else None,
            by_error=case.kind == "quic" and not case.by_silence,
            most=most,
        )

    async def count_answered(
        self, tx: Transaction, case: Case, beside: Transport | None, ttls: list[int], packets: int
    ) -> int:
        """Send packets without a name to the first TTL, and return how many a router reported. None are sent without
        `beside`.
        """
        if beside is None:
            return 0
        return await count_answered(tx, case.ip, case.port, beside, ttls[0], packets, pace=self._session.pace)
