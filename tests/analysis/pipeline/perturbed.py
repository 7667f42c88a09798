"""Change flattened measurements at random, so that contradictions appear that no recording has."""

from copy import deepcopy
from dataclasses import replace
from random import Random
from typing import Any

from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.observation import Answer, Observation, Query
from probe.formats import failures as f

_FAILURES = (
    *(None, None, None, f.DNS_NXDOMAIN, f.DNS_NO_ANSWER, f.DNS_REFUSED, f.DNS_SERVFAIL, f.DNS_MISBEHAVING),
    *(f.TIMEOUT, f.TIMED_OUT, f.INTERRUPTED, f.FILES_EXHAUSTED, f.RESET, f.SSL_UNKNOWN_AUTHORITY),
    *("unknown_failure: x", f"{f.BUG}: x"),
)
_OTHER_ADDRESSES = ("10.0.0.1", "203.0.113.9", "2001:db8::1", "[scrubbed]", "8.8.8.8", "2606:4700::1111")
_CHANGES = 0.3  # of the rows and queries


def perturbed(measurement: FlatMeasurement, seed: int) -> FlatMeasurement:
    """Return a copy with other addresses, failures, times and facts of the network. Equal seeds give equal copies."""
    random = Random(seed)
    asked = [query for row in measurement.rows for query in row.queries]
    found = sorted({ip for query in asked for ip in query.answer.addresses})
    addresses = [*random.sample(found, min(6, len(found))), *_OTHER_ADDRESSES]
    names = sorted({query.hostname for query in asked})[:4] or ["example.org"]
    rows = [_row(row, random, addresses, names) for row in measurement.rows]
    families = {4: random.random() < 0.8, 6: random.random() < 0.5}
    run = _run(measurement.run, random)
    return replace(measurement, run=run, rows=rows, control_families=families, control_udp=random.random() < 0.5)


def _run(run: dict[str, Any], random: Random) -> dict[str, Any]:
    changed = deepcopy(run)
    changed["families"] = {"ipv4": random.random() < 0.8, "ipv6": random.random() < 0.7}
    preflight = changed["preflight"] = changed.get("preflight") or {}
    preflight["began"] = random.choice([None, 0.0, -1000.0])
    preflight["dark_answers"] = random.choice([None, False, True])
    checks = changed["network_checks"] = [deepcopy(preflight) for _ in range(random.randrange(3))]
    for check in (*checks, preflight):
        if check is not preflight or random.random() < 0.2:
            check["began"] = random.choice([None, 1.0, 5.0, 300.0])
        for host in check.get("neutral") or ():
            silent = random.random() < 0.4
            host |= {"failure": f.TIMEOUT, "failed_operation": "connect"} if silent else {"failure": None}
    return changed


def _row(row: Observation, random: Random, addresses: list[str], names: list[str]) -> Observation:
    row = row._replace(queries=tuple(_query(query, random, addresses, names) for query in row.queries))
    if random.random() > _CHANGES:
        return row
    began = random.uniform(0, 20)
    return row._replace(
        address=random.choice(addresses),
        followup=random.choice([row.followup, row.followup, "", "dark_resolver", "dark_innocuous"]),
        failure=random.choice(_FAILURES),
        t0=began,
        t=began + random.uniform(0, 10),
        began=random.choice([None, 0.0, 400.0]),
        tcp_seconds=random.choice([0.0, 0.1, 2.0]),
        tcp_syn_repeats=random.choice([-1, 0, 1]),
        tls_failure=random.choice(_FAILURES),
        tls_verified_name=random.choice([row.tls_verified_name, *names]),
        payload_failure=random.choice(_FAILURES),
        payload_proven=random.random() < 0.5,
        http_fingerprints=random.choice([(), (), ("page",)]),
    )


def _query(query: Query, random: Random, addresses: list[str], names: list[str]) -> Query:
    if random.random() > _CHANGES:
        return query
    datagrams = [_answer(random, addresses) for _ in range(random.choice([0, 1, 2, 2, 3, 4]))]
    return Query(
        hostname=random.choice([query.hostname, *names]),
        query_type=random.choice(["A", "A", "AAAA", "TXT"]),
        engine=random.choice([query.engine, "udp", "udp", "system", "dot"]),
        resolver=random.choice([query.resolver, "system", "8.8.8.8"]),
        answer=_answer(random, addresses),
        datagrams=tuple(datagrams + datagrams[:1] * random.randrange(2)),
        round_trip=random.choice([0.0, 0.001, 1.0]),
    )


def _answer(random: Random, addresses: list[str]) -> Answer:
    given = tuple(random.choices(addresses, k=random.choice([0, 1, 1, 2, 3])))
    failure = None if given and random.random() < 0.9 else random.choice(_FAILURES)
    networks = tuple(random.choice([0, 64500, 64501, 64502]) for _ in given)
    return Answer(given, networks, failure, random.choice([0, 50, 50, 64]), random.choice([(), ("RA",), ("AA",)]))
