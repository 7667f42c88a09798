"""Flatten a measurement into rows, one per transaction. Invalid values read as absent."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from probe.analysis.observations.flat_measurement import FlatMeasurement, neutral_key
from probe.analysis.observations.leaf_certificate import leaf_of
from probe.analysis.observations.lenient_json import (
    address,
    failure,
    flag,
    name,
    number,
    seconds,
    seconds_or_none,
    table,
    tables,
    text,
    texts,
)
from probe.analysis.observations.media_figures import media_rows
from probe.analysis.observations.observation import CONTROL, PROBE, Answer, Observation, Query
from probe.analysis.observations.page_reads import address_page_row, quic_page_row
from probe.analysis.observations.protocol_entries import PAYLOADS, mail_columns
from probe.analysis.observations.reset_packets import count_forged_resets, prints_of
from probe.analysis.observations.stream_ends import answer_columns, parallel_columns
from probe.analysis.observations.transfer_figures import row_beside_media, transfer_rows
from probe.analysis.observations.transfer_row import TransferRow
from probe.analysis.phenomena import in_order
from probe.formats.plain_json import places_of_entries


def read_measurement(measurement: dict[str, Any]) -> FlatMeasurement:
    """Flatten a measurement of our probe, its control included."""
    keys = table(measurement.get("test_keys"))
    control = table(keys.get("x_control"))
    preflight = table(control.get("preflight"))
    failed = control.get("failure") is not None or not control
    rows = list(observations(keys, PROBE))
    if not failed:
        rows += observations(table(control.get("test_keys")), CONTROL)
    families = {4: flag(preflight.get("ipv4")), 6: flag(preflight.get("ipv6"))}
    return FlatMeasurement(
        target=table(keys.get("x_target")),
        run=table(keys.get("x_run")),
        bugs=texts(keys.get("x_bugs")),
        redirects={text(role): texts(urls) for role, urls in table(keys.get("x_redirects")).items()},
        control_failed=failed,
        control_families=families,
        control_udp=flag(preflight.get("udp")),
        echo_offered=bool(table(control.get("echo")).get("ports")),
        control_neutral_failed=() if failed else _failed_neutral_hosts(control),
        media=media_rows(keys),
        transfers=_transfers(keys, {} if failed else table(control.get("test_keys"))),
        country=text(measurement.get("probe_cc")),
        rows=rows,
    )


def _failed_neutral_hosts(control: dict[str, Any]) -> tuple[str, ...]:
    """Return the neutral hosts that failed in the helper's own preflight."""
    run = table(table(control.get("test_keys")).get("x_run"))
    hosts = tables(table(run.get("preflight")).get("neutral"))
    return tuple(sorted(neutral_key(host) for host in hosts if host.get("failure") is not None))


def observations(test_keys: dict[str, Any], origin: str) -> Iterator[Observation]:
    """Iterate over the rows of test keys, ordered by transaction id. Entries without a transaction are dropped."""
    packets = test_keys.get("x_packets")
    entries, forged, prints = _entries(test_keys), count_forged_resets(packets), prints_of(packets)
    seen = set()
    for record in sorted(tables(test_keys.get("x_transactions")), key=lambda item: number(item.get("transaction_id"))):
        identity = number(record.get("transaction_id"))
        if identity not in seen:
            seen.add(identity)
            resets = {"resets_unlike": forged.get(identity, 0), "device_print": prints.get(identity, "")}
            yield _observation(record, entries[identity], origin, resets)


def _entries(test_keys: dict[str, Any]) -> dict[int, dict[str, list[dict[str, Any]]]]:
    """Return the entries of all lists by transaction id and by name of the list."""
    found: dict[int, dict[str, list[dict[str, Any]]]] = defaultdict(dict)
    for holder in places_of_entries(test_keys):
        for kind in _LISTS:
            for entry in tables(holder.get(kind)):
                found[number(entry.get("transaction_id"))].setdefault(kind, []).append(entry)
    return found


def _observation(
    record: dict[str, Any], entries: dict[str, list[dict[str, Any]]], origin: str, resets: dict[str, Any]
) -> Observation:
    columns: dict[str, Any] = {}
    for kind, columns_of in _COLUMNS.items():
        if kind in entries:
            columns |= columns_of(entries[kind][-1])
        if columns.get(_LAYER_FAILURES.get(kind, "")) is not None:
            break  # layers above a failed one were not tried, even if OONI writes an element for them
    return Observation(
        origin=origin,
        transaction_id=number(record.get("transaction_id")),
        kind=text(record.get("kind")),
        followup=text(record.get("followup")),
        service=text(record.get("service")),
        endpoint=text(record.get("endpoint")),
        hostname=name(record.get("hostname")),
        address=address(record.get("address")),
        port=number(record.get("port")),
        family=number(record.get("family")),
        sources=texts(record.get("address_sources")),
        corroborated=flag(record.get("corroborated")),
        sent_name=name(record.get("sent_name")),
        in_residual=flag(record.get("in_residual")),
        failure=failure(record.get("failure")),
        t0=seconds(record.get("t0")),
        t=seconds(record.get("t")),
        began=seconds_or_none(record.get("began")),
        queries=tuple(_query(entry) for entry in entries.get("queries", ())),
        **resets,
        **columns,
        **_of_phenomena(record, entries),
        **mail_columns(entries.get("mail", [])),
    )


def _of_phenomena(record: dict[str, Any], entries: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for columns_of in _READERS:
        found |= columns_of(record, entries)
    return found


def _query(entry: dict[str, Any]) -> Query:
    return Query(
        hostname=name(entry.get("hostname")),
        query_type=text(entry.get("query_type")),
        engine=text(entry.get("engine")),
        resolver=text(entry.get("resolver_address")),
        answer=_answer(entry),
        datagrams=tuple(_answer(response) for response in tables(entry.get("x_responses"))),
        round_trip=seconds(entry.get("x_round_trip")),
        in_hosts_file=flag(entry.get("x_in_hosts_file")),
    )


def _answer(entry: dict[str, Any]) -> Answer:
    records = [
        (address(answer.get("ipv4") or answer.get("ipv6")), number(answer.get("asn")))
        for answer in tables(entry.get("answers"))
        if answer.get("ipv4") or answer.get("ipv6")
    ]
    addresses, asns = tuple(ip for ip, _ in records), tuple(asn for _, asn in records)
    flags = texts(entry.get("flags"))
    ttls = [answer.get("ttl") for answer in tables(entry.get("answers")) if answer.get("ipv4") or answer.get("ipv6")]
    record_ttl = -1 if not ttls or ttls[0] is None else number(ttls[0])
    return Answer(addresses, asns, failure(entry.get("failure")), number(entry.get("ip_ttl")), flags, record_ttl)


def _tcp(entry: dict[str, Any]) -> dict[str, Any]:
    status = table(entry.get("status"))
    failed = failure(status.get("failure"))
    if failed is None and status.get("success") is not True:
        failed = "unknown_failure"
    repeats = entry.get("x_syn_repeats")
    return {
        "tcp_attempts": 1,
        "tcp_failure": failed,
        "tcp_seconds": seconds(entry.get("t")) - seconds(entry.get("t0")),
        "tcp_syn_repeats": -1 if repeats is None else number(repeats),
    }


def _tls(entry: dict[str, Any]) -> dict[str, Any]:
    columns = {"tls_attempts": 1, "tls_failure": failure(entry.get("failure"))}
    return columns | _handshake(entry) | parallel_columns(entry)


def _quic(entry: dict[str, Any]) -> dict[str, Any]:
    return {"quic_attempts": 1, "quic_failure": failure(entry.get("failure"))} | _handshake(entry)


def _handshake(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a handshake over TCP or QUIC."""
    leaf = leaf_of(entry.get("peer_certificates"), name(entry.get("server_name")), entry.get("x_withheld_leaf"))
    failed = failure(entry.get("failure"))
    return {
        "tls_name": name(entry.get("server_name")),
        # "" means that the chain was not checked. OONI's entries have no such field, and OONI always checks.
        "tls_verified_name": name(entry.get("x_verified_name", entry.get("server_name"))),
        "tls_engine": text(entry.get("x_engine")),
        "tls_hello_length": number(entry.get("x_client_hello_length")),
        "tls_ech": text(entry.get("echconfig")) != "",
        "tls_answered": flag(entry.get("x_answered"), failed is None),
        "tls_completed": flag(entry.get("x_completed"), failed is None),
        "tls_trusted_by_machine": flag(entry.get("x_trusted_by_machine")),
        "tls_leaf": leaf.digest,
        "tls_issuer": leaf.issuer,
        "tls_self_signed": leaf.self_signed,
        "tls_bears_name": leaf.bears_name,
    }


def _http(entry: dict[str, Any]) -> dict[str, Any]:
    response, request = table(entry.get("response")), table(entry.get("request"))
    headers = {name(key): name(value) for key, value in table(request.get("headers")).items()}
    return {
        "http_attempts": 1,
        "http_failure": _failure_before_body(entry),
        "http_host": headers.get("host", "").partition(":")[0],
        "http_code": number(response.get("code")),
        "http_fingerprints": texts(response.get("x_fingerprints")),
        "http_redirect_host": name(response.get("x_redirect_host")),
        "http_page": text(response.get("x_body_sha256")) if number(response.get("x_body_length")) else "",
        "http_title": text(response.get("x_title")),
    } | answer_columns(entry)


def _failure_before_body(entry: dict[str, Any]) -> str | None:
    """Return the failure that prevented the status line. OONI's lists report an incomplete body as a failure too."""
    failed, in_body = failure(entry.get("failure")), failure(table(entry.get("response")).get("x_body_failure"))
    return None if failed is not None and failed == in_body else failed


_READERS = tuple(each.entry_columns for each in in_order() if each.entry_columns is not None)
_LAYER_FAILURES = {"tcp_connect": "tcp_failure", "tls_handshakes": "tls_failure", "quic_handshakes": "quic_failure"}
_COLUMNS = {"tcp_connect": _tcp, "tls_handshakes": _tls, "quic_handshakes": _quic, "requests": _http, **PAYLOADS}
_LISTS = tuple(dict.fromkeys(("queries", "mail", *_COLUMNS)))
"""The lists of entries in test keys that rows are made from, each once."""


def _transfers(test_keys: dict[str, Any], control: dict[str, Any]) -> tuple[TransferRow, ...]:
    """Return a row for each pair of transfers, from the helper or of the service's own page."""
    pairs = transfer_rows(test_keys, control)
    own = (quic_page_row(test_keys, control), address_page_row(test_keys, control, pairs), row_beside_media(test_keys))
    return (*pairs, *(row for row in own if row is not None))
