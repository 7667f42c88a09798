"""Find what looks like a limit of time in a measurement, and the page whose server is then asked again and again."""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from probe.followups.run_flows.slow_pages import OWN, compared_flow, protocol_of
from probe.formats.entries import HTTPTransaction
from probe.formats.exchanges.media import MediaFlow
from probe.formats.exchanges.transfer import Transfer
from probe.formats.followups import FollowUp
from probe.formats.transactions import Family, TransactionRecord
from probe.session.trace import Trace, TransactionFacts
from probe.signatures.kept_connections import LATE
from probe.targets.target import family_of

CALL_STOPPED = 100  # packets at the end that did not come back, two seconds of a call
NAMED = frozenset({"transfer_name", "transfer_host"})


class AnsweringServer(NamedTuple):
    """Hold a server that answered an HTTP request under the target's name: the request's transaction, and the place."""

    cause: int
    service: str
    endpoint: str
    host: str
    address: str
    port: int
    secure: bool

    @property
    def family(self) -> Family:
        return family_of(self.address)

    def url(self, host: str) -> str:
        """Return the URL of the first page of a host at this server's scheme and port.

        The endpoint's own path may hold data about the user (P6).
        """
        usual = self.port == (443 if self.secure else 80)
        return f"{'https' if self.secure else 'http'}://{host}{'' if usual else f':{self.port}'}/"

    def transaction(self, followup: FollowUp, name: str, address: str, port: int) -> TransactionFacts:
        """Return the facts of a flow that is compared with this server's."""
        return compared_flow(self[:3], followup, name, address, port)


def server_of(trace: Trace, *, deep: bool) -> AnsweringServer | None:
    """Return the server to compare: that of a page that broke off late, else the first one if a limit is likely.

    A limit of time is likely if a transfer or a call stopped and the one beside it did not. A deep run looks for it in
    any case.
    """
    late = next((server for record, server in _servers(trace) if _broke_off_late(trace, record)), None)
    if late is None and (deep or _transfer_stopped(trace) or _call_stopped(trace)):
        return next((server for record, server in _servers(trace) if record.failure is None), None)
    return late


def _servers(trace: Trace) -> Iterator[tuple[TransactionRecord, AnsweringServer]]:
    own = {record.transaction_id: record for record in trace.transactions if record.kind in OWN}
    for entry in trace.entries:
        record = own.get(entry.transaction_id)
        over = protocol_of(entry) if isinstance(entry, HTTPTransaction) else None
        if record is None or over in {None, "quic"}:
            continue
        host = urlsplit(record.endpoint).hostname
        if host and record.sent_name == host:
            place = (host, record.address, record.port, over == "tls")
            yield record, AnsweringServer(record.transaction_id, record.service, record.endpoint, *place)


def _broke_off_late(trace: Trace, record: TransactionRecord) -> bool:
    """Return whether an answer had begun, and ended before its time when the connection was some time old."""
    if record.stream is None or record.stream.last_byte < LATE or not record.stream.bytes_after_sent:
        return False
    pages = (each for each in trace.entries if isinstance(each, HTTPTransaction))
    return any(
        page.transaction_id == record.transaction_id
        and (page.failure is not None or page.response.x_body_failure is not None)
        for page in pages
    )


def _transfer_stopped(trace: Trace) -> bool:
    """Return whether a transfer under the target's name stopped, and that beside it did not."""
    named = {record.transaction_id: record.followup in NAMED for record in trace.transactions}
    pairs: dict[int, dict[bool, Transfer]] = {}
    for entry in trace.entries:
        if isinstance(entry, Transfer) and not entry.upload:
            pairs.setdefault(entry.pair, {})[named.get(entry.transaction_id, False)] = entry
    whole = (pair for pair in pairs.values() if len(pair) == 2)
    return any(_silent(pair[True]) >= LATE > _silent(pair[False]) for pair in whole)


def _silent(transfer: Transfer) -> float:
    """Return the seconds without a byte at the end of a transfer that began, 0.0 if it ended as agreed."""
    if transfer.complete or not transfer.total:
        return 0.0
    read = max(number for number, count in enumerate(transfer.received, 1) if count)
    return max(0.0, transfer.lasted - read * transfer.interval)


def _call_stopped(trace: Trace) -> bool:
    """Return whether call packets stopped coming back, and random packets beside them did not."""
    pairs: dict[int, dict[bool, MediaFlow]] = {}
    for entry in trace.entries:
        if isinstance(entry, MediaFlow):
            pairs.setdefault(entry.pair, {})[entry.shape != "opaque"] = entry
    whole = (pair for pair in pairs.values() if len(pair) == 2 and all(flow.returned for flow in pair.values()))
    return any(_lost_at_end(pair[True]) >= CALL_STOPPED > _lost_at_end(pair[False]) for pair in whole)


def _lost_at_end(flow: MediaFlow) -> int:
    """Return the packets behind the last one that came back."""
    came = [number for number, delay in enumerate(flow.back, 1) if delay >= 0]
    return flow.sent - came[-1] if came else flow.sent
