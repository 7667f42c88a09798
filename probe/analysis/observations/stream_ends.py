"""Read how far the connection of a transaction got, if its HTTP answer was complete, and what was open beside it."""

from typing import Any

from probe.analysis.observations.failure_kinds import TIMEOUT, kind_of
from probe.analysis.observations.lenient_json import address, failure, number, seconds, table, text
from probe.signatures.parallel_hellos import network_of
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


def parallel_columns(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a handshake about connections beside it. Measurements from before 2026-11-28 have none."""
    beside = table(entry.get("x_parallel"))
    network = _network(text(entry.get("address")))
    if not beside or not network:
        return {}
    return {
        "tls_network": network,
        "tls_most_beside": number(beside.get("most")),
        "tls_most_elsewhere": number(beside.get("elsewhere")),
        "tls_crowded": number(beside.get("crowded")),
        "tls_crowded_answered": number(beside.get("crowded_answered")),
        "tls_answered_later": number(beside.get("later")),
        "tls_open_beside": number(beside.get("open")),
        "tls_not_again": -1 if beside.get("not_again") is None else number(beside.get("not_again")),
        "tls_most_in_run": number(beside.get("most_in_run")),
    }


def _network(place: str) -> str:
    """Return the network of an address with port, such as `[2001:db8::1]:443`. "" if it cannot be read."""
    ip = address(place.rpartition(":")[0].strip("[]"))
    try:
        return network_of(ip)
    except ValueError:
        return ""
