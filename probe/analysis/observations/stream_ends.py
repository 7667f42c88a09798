"""Read how far the TCP or QUIC connection of a transaction got, and whether its HTTP answer was complete."""

from typing import Any

from probe.analysis.observations.failure_kinds import TIMEOUT, kind_of
from probe.analysis.observations.lenient_json import failure, number, seconds, table
from probe.signatures.silent_streams import LEAST_SILENCE, is_in_midst_of_answer, is_still_arriving


def stream_columns(record: dict[str, Any], entries: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return the columns of a transaction about its connection. Measurements from before 2026-11-28 have none."""
    end = table(record.get("stream"))
    if not end:
        return {}
    silence, received = seconds(end.get("silence")), number(end.get("bytes_after_sent"))
    waited = _waited(entries)
    late = waited is not None
    silent = silence >= LEAST_SILENCE and late
    return {
        "stream_bytes": number(end.get("bytes_received")),
        "stream_packets": _packets(end),
        "stream_segment": number(end.get("segment_size")),
        "stream_silent": silent,
        "stream_acked": _acknowledged(end) if silent else -1,
        "fell_silent": silent and is_in_midst_of_answer(received, silence),
        "still_arriving": waited is not None and is_still_arriving(received, silence, waited),
    }


def answer_columns(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of an HTTP round trip about the end of its answer."""
    response = table(entry.get("response"))
    incomplete = failure(response.get("x_body_failure")) is not None or failure(entry.get("failure")) is not None
    return {
        "http_whole": number(response.get("code")) > 0 and not incomplete,
        "http_seconds": seconds(entry.get("t")) - seconds(entry.get("t0")),
    }


def _waited(entries: dict[str, list[dict[str, Any]]]) -> float | None:
    """Return the seconds after which a TLS handshake, an HTTP request, its answer or a mail step reached its limit.

    None if none did.
    """
    steps = (step for name in ("tls_handshakes", "requests", "mail") for step in entries.get(name, []))
    late = [entry for entry in steps if is_late(entry)]
    return max((seconds(entry.get("t")) - seconds(entry.get("t0")) for entry in late), default=None)


def is_late(entry: dict[str, Any]) -> bool:
    """Return whether a TLS handshake, a mail step, an HTTP request or the rest of its answer reached its time limit."""
    failures = entry.get("failure"), table(entry.get("response")).get("x_body_failure")
    return any(kind_of(failure(one)) == TIMEOUT for one in failures)


def _acknowledged(end: dict[str, Any]) -> int:
    """Return 1 if the peer acknowledged all sent bytes or a PING, else 0. -1 if the system does not tell it."""
    if isinstance(ping := end.get("ping_acknowledged"), bool):
        return int(ping)
    acknowledged = end.get("bytes_acked")
    return -1 if acknowledged is None else int(number(acknowledged) > number(end.get("bytes_sent")))


def _packets(end: dict[str, Any]) -> int:
    """Return the segments of both directions, -1 if the system does not tell them."""
    both = end.get("segments_in"), end.get("segments_out")
    return -1 if None in both else sum(map(number, both))
