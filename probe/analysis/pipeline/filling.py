"""Fill the input tables of the pipeline from flattened measurements."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from operator import itemgetter
from typing import Any

from probe.analysis.features.network_check_columns import (
    NetworkCheck,
    checks_of,
    families_with_outage,
    is_lossy,
    is_slow_line,
    proven_families,
    working_families,
)
from probe.analysis.observations.entry_index import endpoint_of
from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.lenient_json import address as as_address
from probe.analysis.observations.lenient_json import failure, flag, number, seconds_or_none, table, tables, text, texts
from probe.analysis.observations.neutral_outcomes import way_of_all
from probe.analysis.observations.observation import PROBE, Answer, Observation, Query
from probe.analysis.phenomena.closed_ports import way_of
from probe.analysis.phenomena.own_load import failures_needed
from probe.analysis.phenomena.random_resets import resets_needed
from probe.analysis.pipeline.input_tables import INPUTS
from probe.privacy.host_names import site_of
from probe.signatures.bogons import is_bogon
from probe.signatures.filter_answers import form_of
from probe.signatures.forged_answers import is_known_forgery
from probe.signatures.parallel_hellos import network_of
from probe.signatures.published_addresses import are_published
from probe.signatures.resolver_fingerprint import print_of
from probe.targets.dialects import ENCRYPTED_RESOLVERS, FAKED_BY_ANY_DEVICE, PROOF_DEPTH
from probe.targets.target import family_of

Row = tuple[Any, ...]
Tables = dict[str, list[Row]]

FAMILIES = {"A": 4, "AAAA": 6}
_FEW, _LONGEST = 16, 64  # addresses and characters that are cached, since invalid input can have any length
_ASKED = {None: -1, False: 0, True: 1}
_LEFT_OUT = frozenset({"queries", "sources", "http_fingerprints"})
_KEPT = itemgetter(*(place for place, name in enumerate(Observation._fields) if name not in _LEFT_OUT))


def filled(measurements: Iterable[FlatMeasurement]) -> Tables:
    """Return the rows of each input table for some measurements, which are numbered from 0."""
    found: Tables = {each.name: [] for each in INPUTS}
    urls: dict[str, None] = {}
    for m, measurement in enumerate(measurements):
        _fill_network(found, m, measurement)
        _fill_filter(found, m, measurement)
        _fill_ports(found, m, measurement)
        _fill_services(found, urls, m, measurement)
        _fill_observations(found, urls, m, measurement)
        _fill_pairs(found, m, measurement)
    found["endpoint_fact"] = [row for url in urls if (row := _endpoint_row(url)) is not None]
    return found


def _fill_network(found: Tables, m: int, measurement: FlatMeasurement) -> None:
    preflight = table(measurement.run.get("preflight"))
    udp = preflight.get("udp") if preflight.get("udp_public") is None else preflight.get("udp_public")
    families, name_filter = measurement.control_families, table(measurement.run.get("name_filter"))
    checks_made = measurement.run.get("checks")
    lossy = is_lossy(checks_of(measurement)[0], proven_families(measurement))
    found["measurement"].append(
        (
            m,
            measurement.foreign,
            measurement.unread,
            len(measurement.bugs),
            "capture" in measurement.run,
            measurement.target.get("retired") is not None,
            flag(measurement.run.get("interrupted")),
            flag(measurement.run.get("out_of_time")),
            text(measurement.run.get("transfers")) not in {"", "measured"},
            is_slow_line(measurement),
            lossy,
            resets_needed(measurement.run),
            *(failures_needed(measurement.run, kind) for kind in ("connect_cut_off", "connect_silent", "data_silent")),
            f" {' '.join(texts(checks_made))} " if isinstance(checks_made, list) else "",
            print_of(preflight.get("resolver")) is not None,
            measurement.echo_offered,
            _ternary(udp),
            seconds_or_none(preflight.get("began")),
            _ternary(preflight.get("dark_answers")),
            way_of_all(preflight),
            text(name_filter.get("resolver")),
            text(name_filter.get("assigned")),
            families.get(4, False),
            families.get(6, False),
            measurement.control_udp,
        )
    )
    _fill_checks(found, m, measurement)


def _fill_checks(found: Tables, m: int, measurement: FlatMeasurement) -> None:
    """Add the address families that worked, and the checks of the network with the neutral hosts that they asked."""
    checks, proven, working = checks_of(measurement), proven_families(measurement), working_families(measurement)
    found["family"] += [(m, family, family in proven) for family in sorted(working)]
    contacted = {row.address for row in measurement.rows if row.followup}
    for place, check in enumerate(checks):
        outages, public = families_with_outage(check, measurement, proven), _ternary(check.facts.get("udp_public"))
        for family in (4, 6):
            states = check.lost(family), check.lossy(family), check.unproven(family), family in outages
            found["network_check"].append((m, place, check.began, family, family in working, *states, public))
        results = _neutral_results(check, contacted if place else None)
        found["neutral_result"] += [(m, place, check.began, *result) for result in results]


def _fill_filter(found: Tables, m: int, measurement: FlatMeasurement) -> None:
    """Add the control names that another resolver knows. A censor's denial of a name that is gone proves nothing."""
    facts = table(measurement.run.get("name_filter"))
    place = text(facts.get("resolver")), flag(facts.get("far"))
    for control in tables(facts.get("controls")):
        if flag(control.get("known")):
            addresses = repr(sorted(set(texts(control.get("addresses")))))
            about = text(control.get("name")), text(control.get("kind")), text(control.get("answer"))
            ttl = control.get("record_ttl")
            marks = flag(control.get("authoritative")), -1 if ttl is None else number(ttl)
            found["filter_control"].append((m, *about, addresses, *marks, *place))


def _fill_ports(found: Tables, m: int, measurement: FlatMeasurement) -> None:
    """Add the connects to unrelated servers, without those that this computer made fail."""
    for connect in tables(measurement.run.get("port_connects")):
        if (way := way_of(failure(connect.get("failure")))) is not None:
            about = text(connect.get("host")), number(connect.get("family")), number(connect.get("port"))
            found["port_connect"].append((m, *about, way))


def _neutral_results(check: NetworkCheck, contacted: set[str] | None) -> Iterator[Row]:
    """Yield the results of neutral hosts, if `contacted` is given only of addresses that follow-ups were sent to."""
    shown = set[str]()
    for host in tables(check.facts.get("neutral")):
        address = as_address(host.get("address"))
        if contacted is not None and address not in contacted:
            continue
        endpoint = endpoint_of(text(host.get("endpoint")))
        first = not flag(host.get("connect_only")) and address not in shown
        if first:
            shown.add(address)
        yield address, endpoint.host if endpoint else "", host.get("failure") is None, first


def _ternary(value: Any) -> int:
    return _ASKED[value] if value is None or isinstance(value, bool) else -1


def _fill_services(found: Tables, urls: dict[str, None], m: int, measurement: FlatMeasurement) -> None:
    for rank, (role, service) in enumerate(services_of(measurement).items()):
        found["service"].append((m, role, rank, service.get("works_if") == "any", text(service.get("media"))))
        for position, url in enumerate(dict.fromkeys(texts(service.get("endpoints")))):
            found["service_endpoint"].append((m, role, position, url))
            urls[url] = None


def services_of(measurement: FlatMeasurement) -> dict[str, dict[str, Any]]:
    """Return the services by role. The endpoints that answers redirected to are added, since the page may be there."""
    known = {text(role): table(service) for role, service in table(measurement.target.get("services")).items()}
    for role, redirects in measurement.redirects.items():
        if role in known:
            known[role] = known[role] | {"endpoints": [*texts(known[role].get("endpoints")), *redirects]}
    return known


def _fill_observations(found: Tables, urls: dict[str, None], m: int, measurement: FlatMeasurement) -> None:
    usual = print_of(table(measurement.run.get("preflight")).get("resolver"))
    addresses = dict.fromkeys((row.address for row in measurement.rows), 0)
    # Behind a captive portal, which accepts every connection, no certificate is valid.
    trusting = measurement.foreign and any(
        row.tls_attempts and row.tls_failure is None and row.tls_verified_name for row in measurement.rows
    )
    for n, row in enumerate(measurement.rows):
        urls[row.endpoint] = None
        redirect = site_of(row.http_redirect_host) if row.http_redirect_host else ""
        found["observation"].append((m, n, f"{n:06d}", *_KEPT(row), len(row.http_fingerprints), redirect))
        last = len(row.queries) - 1
        for q, query in enumerate(row.queries):
            published = trusting and are_published(query.hostname, query.answer.addresses)
            found["lookup"].append((m, n, q, f"{n:06d}{q:06d}", *_lookup(query), published, q == last))
            for d, message in enumerate((query.answer, *query.datagrams)):
                unlike = d > 0 and usual is not None and usual.unlike(message.ip_ttl, message.flags)
                told, form = (message.failure, message.ip_ttl, unlike), form_of(message.failure, message.addresses)
                found["message"].append((m, n, q, d, *told, *_among(message.addresses), form, *_marks(message)))
                found["answer"] += [(m, n, q, d, address) for address in message.addresses]
    addresses |= _networks(measurement)
    country = measurement.country
    found["address_fact"] += [
        (m, address, family_of(address), asn, is_bogon(address), is_known_forgery(country, address), _network(address))
        for address, asn in addresses.items()
    ]


def _marks(message: Answer) -> Row:
    return "AA" in message.flags, message.record_ttl


def _network(address: str) -> str:
    """Return the first address of the /24 or /48 of an address, "" for another word in its place."""
    try:
        return network_of(address)
    except ValueError:
        return ""


def _fill_pairs(found: Tables, m: int, measurement: FlatMeasurement) -> None:
    """Add the figures of pairs. A pair of which a transaction was removed has no meaning."""
    if measurement.media or measurement.transfers:
        present = {row.transaction_id for row in measurement.rows if row.origin == PROBE}
        pairs = (row for row in measurement.media if {row.transaction_id, row.opaque_transaction_id} <= present)
        found["media_pair"] += [(m, *row) for row in pairs]
        transfers = (
            row for row in measurement.transfers if {row.transaction_id, row.innocuous_transaction_id} <= present
        )
        found["transfer_pair"] += [(m, *row) for row in transfers]


def _lookup(query: Query) -> Row:
    return (
        query.hostname,
        FAMILIES.get(query.query_type, 0),
        query.engine,
        query.engine in ENCRYPTED_RESOLVERS,
        query.resolver,
        query.answer.failure,
        bool(query.answer.addresses),
        len(query.datagrams),
        query.round_trip,
        query.in_hosts_file,
    )


def _among(addresses: tuple[str, ...]) -> Row:
    """Return the number of addresses, of bogons among them, and the distinct ones as one text."""
    short = len(addresses) <= _FEW and all(len(address) <= _LONGEST for address in addresses)
    return _cached(addresses) if short else _read(addresses)


@lru_cache(maxsize=4096)  # the servers of one name are given for weeks
def _cached(addresses: tuple[str, ...]) -> Row:
    return _read(addresses)


def _read(addresses: tuple[str, ...]) -> Row:
    return len(addresses), sum(map(is_bogon, addresses)), repr(sorted(set(addresses)))


def _networks(measurement: FlatMeasurement) -> dict[str, int]:
    """Return the AS number of each address in answers. The probe's own table is read last and counts."""
    found: dict[str, int] = {}
    control_first = sorted(measurement.rows, key=lambda row: row.origin == "probe")
    for row in control_first:
        for query in row.queries:
            for message in (query.answer, *query.datagrams):
                for address, asn in zip(message.addresses, message.asns, strict=True):
                    found[address] = asn or found.get(address, 0)
    return found


@lru_cache(maxsize=4096)
def _endpoint_row(url: str) -> Row | None:
    endpoint = endpoint_of(url)
    if endpoint is None:
        return None
    facts = endpoint.facts
    layers = (*facts.layers, "", "")[:3]
    depths = [PROOF_DEPTH.index(facts.proof_at(layer)) + 1 if layer else 0 for layer in layers]
    return (
        url,
        endpoint.host,
        f"[{endpoint.host}]",
        site_of(endpoint.host),
        endpoint.is_literal,
        family_of(endpoint.host) if endpoint.is_literal else 0,
        endpoint.port,
        endpoint.carrier == "udp",
        endpoint.dialect,
        endpoint.dialect == "http",
        endpoint.dialect in FAKED_BY_ANY_DEVICE,
        facts.name_layer,
        facts.proof,
        facts.payload_authenticates,
        facts.payload_names_no_server,
        facts.unlisted,
        facts.is_resolver,
        facts.starttls,
        facts.echo_payload or "",
        facts.layers[-2:] == ("tcp", "payload"),
        *(layer in facts.layers for layer in ("tcp", "tls", "quic", "http", "mail", "payload")),
        *layers,
        facts.layers[-1],
        *depths,
        facts.payload_rules,
    )
