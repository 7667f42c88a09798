"""Test which handshakes stand in the keys of OONI's echcheck, and that the analysis reads all of its connects."""

from dataclasses import replace

import pytest

from probe.analysis.measurement_reader import observations
from probe.analysis.observations.observation import PROBE
from probe.formats.entries import DNSQuery, TCPConnect
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.transactions import TransactionRecord
from probe.lab.recordings import recording_of
from probe.ooni.ech_view import ech_view
from probe.ooni.view import View
from probe.results import read_lines
from probe.session.trace import Trace
from probe.targets.target_files import bundled_targets, load_target

TARGET = load_target(bundled_targets() / "ech.toml")
HOST, URL = "cloudflare-ech.com", "https://cloudflare-ech.com:443/cdn-cgi/trace"
FOUR, SIX = "192.0.2.1", "2001:db8::1"


def trace_of(*flows: tuple[str, str], engines: tuple[str, ...] = ("system", "dot")) -> Trace:
    """Return a trace with a lookup and these flows: kind or follow-up, and address ("" for no connect)."""
    trace = Trace()
    trace.transactions.append(TransactionRecord(transaction_id=1, kind="lookup", hostname=HOST))
    for engine in engines:
        trace.entries.append(DNSQuery(engine=engine, hostname=HOST, query_type="A", transaction_id=1))
    for number, (kind, address) in enumerate(flows, 2):
        about = {"transaction_id": number, "endpoint": URL, "sent_name": HOST, "address": address}
        family = 6 if ":" in address else 4
        is_first = kind == "first"
        record = TransactionRecord(kind="first" if is_first else "followup", family=family, **about)  # type: ignore[arg-type]
        record.followup = "" if is_first else kind  # type: ignore[assignment]
        trace.transactions.append(record)
        if address:
            trace.entries.append(TCPConnect(ip=address, port=443, transaction_id=number))
            trace.entries.append(TLSHandshake(address=f"{address}:443", server_name=HOST, transaction_id=number))
        if kind == "hello_with_ech_key":
            trace.entries.append(DNSQuery(engine="dot", hostname=HOST, query_type="HTTPS", transaction_id=number))
    return trace


def shakes(view: View) -> list[int]:
    return [entry.transaction_id for entry in view.entries() if isinstance(entry, TLSHandshake)]


def test_one_handshake_of_each_kind_at_one_address() -> None:
    view = ech_view(
        trace_of(
            ("first", SIX),
            ("first", FOUR),
            ("browser_hello", FOUR),
            ("browser_hello", SIX),
            ("hello_with_ech_key", FOUR),
            ("browser_hello", FOUR),
            ("neutral_browser_hello", FOUR),
        ),
        TARGET,
    )
    assert shakes(view) == [3, 4, 6] and {one.address for one in view.seen} == {FOUR}


def test_address_that_was_tried_with_the_extension_goes_first() -> None:
    assert shakes(ech_view(trace_of(("first", FOUR), ("first", SIX), ("browser_hello", SIX)), TARGET)) == [3, 4]


def test_without_an_attempt_nothing_was_tried() -> None:
    view = ech_view(trace_of(("first", "")), TARGET)
    assert view.seen == [] and [endpoint.url for endpoint in view.untried] == [URL]


@pytest.mark.parametrize(
    ("engines", "kept"), [(("system", "udp", "doh"), ["doh", "dot"]), (("system", "udp"), ["system", "udp", "dot"])]
)
def test_lookups_of_an_encrypted_resolver_go_first(engines: tuple[str, ...], kept: list[str]) -> None:
    trace = trace_of(("first", FOUR), ("hello_with_ech_key", ""), ("hello_with_ech_key", ""), engines=engines)
    view = ech_view(trace, replace(TARGET))
    assert [query.engine for query in view.queries] == kept and view.queries[-1].query_type == "HTTPS"


@pytest.mark.parametrize("scenario", ["ech-check", "ech-check-refused"])
def test_analysis_reads_the_connects_in_oonis_list(scenario: str) -> None:
    path = recording_of(scenario)
    assert path is not None
    (line,) = [line for _, line in read_lines(path) if isinstance(line, dict)]
    connects = line["test_keys"]["tcp_connects"]
    rows = {row.transaction_id: row for row in observations(line["test_keys"], PROBE)}
    assert len(connects) == 3
    assert all(rows[one["transaction_id"]].tcp_attempts == 1 for one in connects)
