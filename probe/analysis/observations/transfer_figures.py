"""Compute the figures of pairs of transfers, and of the pages before them, when a measurement is flattened."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any

from probe.analysis.observations.failure_kinds import LOCAL, kind_of
from probe.analysis.observations.lenient_json import (
    failure,
    name,
    number,
    seconds,
    seconds_or_none,
    tables,
    text,
)
from probe.analysis.observations.page_reads import Protocol, page_columns
from probe.analysis.observations.transfer_row import TransferRow, rounded_row
from probe.analysis.statistics.shares import Estimate
from probe.analysis.statistics.throughput_ratio import Transfer, throughput_ratio
from probe.formats.plain_json import places_of_entries
from probe.signatures.silent_streams import LARGEST_FRAME, is_in_midst_of_answer
from probe.signatures.slow_page import FAST_BELOW, LEAST_PACE

NAMED = frozenset({"transfer_name", "transfer_host", "upload_name"})
INNOCUOUS = frozenset({"transfer_innocuous", "transfer_innocuous_host", "upload_innocuous"})
FRAME = LARGEST_FRAME + 22  # bytes of a frame inside TLS 1.3, as the sender writes it
MOST_INTERVALS = 2_000  # of a transfer that is read. A longer list is not from our probe.
MOST_PAIRS = 10
BESIDE_MEDIA = {"upload_beside_media": "upload", "transfer_beside_media": "download"}
BESIDE = 102  # number of such a transfer. Those of pairs from the helper begin at 0.
MOST_REPEATED = 0.05  # share of segments that were sent again beside media flows
MOST_LOST = 0.1  # the same of the innocuous name. On such a line chance alone halves the throughput of one of two.

Table = dict[str, Any]


class _Received:
    """Read one entry of a transfer."""

    def __init__(self, entry: Table, record: Table) -> None:
        self.transaction, self.service = number(entry.get("transaction_id")), text(record.get("service"))
        in_clear = entry.get("http_host") is not None
        self.page_protocol: Protocol = "http" if in_clear else "tls"
        self.protocol = "tls_upload" if entry.get("upload") is True else self.page_protocol
        self.name = name(entry.get("http_host" if in_clear else "server_name"))
        self._interval, self._lasted = seconds(entry.get("interval")), seconds(entry.get("lasted"))
        self._asked, self._sizes = seconds_or_none(entry.get("asked")), _numbers(entry.get("received"))
        self.pace = number(entry.get("pace"))
        self._entry = entry
        readable = self._asked is not None and self._interval > 0 and self.pace > 0
        self.spoiled = not readable or kind_of(failure(entry.get("failure"))) == LOCAL

    def as_transfer(self) -> Transfer:
        """Return the bytes with the end of their interval as time."""
        began = self._asked or 0.0
        times = [began + (place + 1) * self._interval for place in range(len(self._sizes))]
        return Transfer(began, began + self._lasted, times, self._sizes)

    @property
    def share(self) -> float:
        """Return the received bytes by those of the pace."""
        return sum(self._sizes) / (self.pace * self._lasted) if self.pace and self._lasted else 0.0

    @property
    def silent(self) -> float:
        """Return the seconds without a byte at the end."""
        last = max((place + 1 for place, size in enumerate(self._sizes) if size), default=0)
        return max(0.0, self._lasted - last * self._interval)

    @property
    def stopped_at(self) -> int:
        """Return the bytes after which it stopped, -1 if it did not stop, or the path then carried further ones."""
        stopped = is_in_midst_of_answer(sum(self._sizes), self.silent) and self._entry.get("complete") is not True
        return self.bytes if stopped and self._entry.get("acknowledged") is False else -1

    @property
    def bytes(self) -> int:
        """Return the bytes that the receiver acknowledged or got."""
        acked = self._entry.get("acked")
        return sum(self._sizes) if acked is None else number(acked)

    @property
    def segment(self) -> int:
        """Return the longest payload of a segment, 0 if unknown."""
        return number(self._entry.get("segment_size"))

    @property
    def packets(self) -> int:
        """Return the segments that these bytes filled, -1 if unknown. Each frame begins another one."""
        return round(self.bytes / FRAME * ceil(FRAME / self.segment)) if self.segment else -1

    @property
    def repeated(self) -> float | None:
        """Return the share of segments that were sent again, None if unknown."""
        repeated, segments = self._entry.get("repeated"), self._entry.get("segments")
        return None if repeated is None or not number(segments) else number(repeated) / number(segments)

    @property
    def queueing(self) -> float | None:
        """Return how much longer the last round trip was than the least, None if unknown."""
        last, least = (seconds_or_none(self._entry.get(key)) for key in ("round_trip", "least_round_trip"))
        return None if last is None or least is None else max(0.0, last - least)


@dataclass(frozen=True)
class _Pair:
    """Hold the transfers of one pair."""

    number: int
    one: _Received
    other: _Received

    @property
    def subject(self) -> tuple[str, str, str]:
        """Return what the pair is about: service, name, and protocol."""
        return self.one.service, self.one.name, self.one.protocol

    @property
    def transfers(self) -> tuple[Transfer, Transfer]:
        """Return both, the one under the name first."""
        return self.one.as_transfer(), self.other.as_transfer()

    @cached_property
    def ratio(self) -> Estimate | None:
        """Return the ratio of this pair alone."""
        return None if self.one.spoiled or self.other.spoiled else throughput_ratio(self.transfers)

    @property
    def usable(self) -> bool:
        """Return whether the line was free and lost little, as the innocuous transfer shows."""
        kept = self.other.share >= LEAST_PACE and (self.other.repeated or 0.0) <= MOST_LOST
        return self.ratio is not None and kept

    def gives_way_to(self, other: "_Pair") -> bool:
        """Return whether the other pair decides in its place: at a higher pace, where this one shows a difference too.

        A limit near the pace leaves the name more than half of it, and bursts after lost segments make the interval of
        this pair wide.
        """
        differs = self.ratio is not None and self.ratio.value < FAST_BELOW
        return differs and other.usable and other.subject == self.subject and other.one.pace > self.one.pace


def transfer_rows(test_keys: Table, control: Table) -> tuple[TransferRow, ...]:
    """Return a row for each pair of transfers. `test_keys` are the probe's, `control` those of the helper's answer."""
    records = {number(each.get("transaction_id")): each for each in tables(test_keys.get("x_transactions"))}
    pairs: dict[int, dict[bool, _Received]] = {}
    for place in places_of_entries(test_keys):
        for entry in tables(place.get("transfers")):
            record = records.get(number(entry.get("transaction_id")), {})
            followup = text(record.get("followup"))
            if followup in NAMED | INNOCUOUS and len(pairs) < MOST_PAIRS:
                found = pairs.setdefault(number(entry.get("pair")), {})
                found.setdefault(followup in NAMED, _Received(entry, record))
    whole = [_Pair(pair, each[True], each[False]) for pair, each in sorted(pairs.items()) if len(each) == 2]
    return tuple(_row(pair, whole, test_keys, control) for pair in whole)


def row_beside_media(test_keys: Table) -> TransferRow | None:
    """Return the row of the transfer over TCP beside media flows, None without one.

    It is usable if it kept the pace and hardly a segment was sent again. Chance loses packets of TCP too.
    """
    records = {number(each.get("transaction_id")): each for each in tables(test_keys.get("x_transactions"))}
    for entry in (each for place in places_of_entries(test_keys) for each in tables(place.get("transfers"))):
        record = records.get(number(entry.get("transaction_id")), {})
        protocol = BESIDE_MEDIA.get(text(record.get("followup")))
        if protocol is None:
            continue
        found = _Received(entry, record)
        kept = found.share >= LEAST_PACE and found.repeated is not None and found.repeated <= MOST_REPEATED
        columns: dict[str, Any] = {
            "pair": BESIDE,
            "service": "",
            "name": found.name,
            "transaction_id": found.transaction,
            "innocuous_transaction_id": found.transaction,
            "spoiled": found.spoiled,
            "usable": kept and not found.spoiled,
            **dict.fromkeys(("ratio", "pooled", "pooled_low", "pooled_high")),
            "share": found.share,
            "innocuous_share": found.share,
            "silent": found.silent,
            "repeated": found.repeated,
            "innocuous_repeated": found.repeated,
            "queueing": found.queueing,
            "innocuous_queueing": found.queueing,
            **dict.fromkeys(("pages", "slow_pages"), 0),
            **dict.fromkeys(("page_rate", "control_page_rate")),
            "protocol": protocol,
        }
        return rounded_row(columns)
    return None


def _row(pair: _Pair, whole: Sequence[_Pair], test_keys: Table, control: Table) -> TransferRow:
    one, other = pair.one, pair.other
    alike = [each for each in whole if each.usable and each.subject == pair.subject and each.one.pace == one.pace]
    pooled = throughput_ratio(*(each.transfers for each in alike))
    pages = page_columns(test_keys, control, one.service, one.name, one.page_protocol)
    columns: dict[str, Any] = {
        "pair": pair.number,
        "service": one.service,
        "name": one.name,
        "transaction_id": one.transaction,
        "innocuous_transaction_id": other.transaction,
        "spoiled": one.spoiled or other.spoiled,
        "usable": pair.usable and not any(map(pair.gives_way_to, whole)),
        "ratio": pair.ratio.value if pair.ratio else None,
        "pooled": pooled.value if pooled else None,
        "pooled_low": pooled.low if pooled else None,
        "pooled_high": pooled.high if pooled else None,
        "share": one.share,
        "innocuous_share": other.share,
        "silent": one.silent,
        "repeated": one.repeated,
        "innocuous_repeated": other.repeated,
        "queueing": one.queueing,
        "innocuous_queueing": other.queueing,
        "protocol": one.protocol,
        "stopped_at": one.stopped_at,
        "packets": one.packets,
        "segment": one.segment,
        "pace": float(one.pace),
    }
    return rounded_row(columns | pages)


def _numbers(value: Any) -> list[int]:
    """Return a list of byte counts, an empty one if it is too long or has other values."""
    if not isinstance(value, list) or len(value) > MOST_INTERVALS:
        return []
    return value if all(type(item) is int and 0 <= item < 10**9 for item in value) else []
