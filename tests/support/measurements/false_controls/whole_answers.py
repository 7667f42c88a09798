"""Give whole false answers, whose fields fit each other, as a hostile operator would write them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from probe.control.attempt_times import AGE
from probe.formats import failures as f
from probe.formats.keys import LISTS
from probe.formats.plain_json import places_of_entries
from tests.support.measurements.false_controls.replaced_answers import ARRIVED, Line, answer_of

WholeAnswer = Callable[[Line, Line], Line]
"""Return the answer that is given in place of the recorded one. The second argument is an answer where all works."""

OTHER_ADDRESS, OTHER_NETWORK = "93.184.216.34", 15133
WORKING = {"ipv4": True, "ipv6": True, "udp": True}
_PROOFS = ("nonce_echoed", "server_hello", "chain_valid", "echoed", "accepted", "has_realm", "has_nonce")
_LAYERS = ("tcp_connect", "tls_handshakes", "quic_handshakes", "mail", "requests", "mtproto", "noise", "stun", "sip")


def _copy(document: Any) -> Any:
    return json.loads(json.dumps(document))


def all_works(line: Line, working: Line) -> Line:
    """Claim success for every endpoint, at the time of the attempt here."""
    given = _copy(working) | {"preflight": WORKING}
    began = _begins(line)
    for record in given["test_keys"]["x_transactions"]:
        record[AGE] = ARRIVED - began.get(record["endpoint"], 0.0)
    return given


def _begins(line: Line) -> dict[str, float]:
    """Return when the first failed attempt at each endpoint began here, or its first attempt."""
    own = [r for r in line["test_keys"]["x_transactions"] if r["kind"] in {"first", "confirm"}]
    ordered = sorted(own, key=lambda record: (record["failure"] is None, record["t0"]), reverse=True)
    return {record["endpoint"]: record["t0"] for record in ordered}


def all_fails(line: Line, working: Line, failure: str = f.TIMEOUT, depth: int = 0) -> Line:
    """Claim a failure for every endpoint, at its layer number `depth` or at its topmost one."""
    given = all_works(line, working)
    keys = given["test_keys"]
    for record in keys["x_transactions"]:
        if record["endpoint"]:
            entries = list(_entries_of(keys, record["transaction_id"]))
            for number, (place, name, entry) in enumerate(entries):
                if number == min(depth, len(entries) - 1):
                    _fail(entry, failure)
                elif number > depth:
                    place[name].remove(entry)
            record["failure"] = failure
    return given


def _entries_of(keys: Line, number: int) -> Iterator[tuple[Line, str, Line]]:
    """Yield the entries of a transaction, lowest layer first."""
    for name in (*_LAYERS, *sorted(set(LISTS) - set(_LAYERS))):
        for place in places_of_entries(keys):
            mine = [entry for entry in place.get(name) or [] if entry["transaction_id"] == number]
            yield from ((place, name, entry) for entry in mine)


def _fail(entry: Line, failure: str) -> None:
    entry["failure"] = failure
    refused = failure in f.CERTIFICATE_FAILURES
    for flag in (*_PROOFS, "x_completed", "x_answered"):
        if flag in entry:
            entry[flag] = refused and flag.startswith("x_")
    if "status" in entry and isinstance(entry["status"], dict):
        entry["status"] = {"failure": failure, "success": False}
    if "answers" in entry:
        entry["answers"] = []
    if "response" in entry:
        entry["response"] = {} if isinstance(entry["response"], dict) else ""
    if "code" in entry:
        entry["code"] = 0


def reset_in_handshake(line: Line, working: Line) -> Line:
    """Claim a reset in every second layer."""
    return all_fails(line, working, f.RESET, 1)


def wrong_certificate(line: Line, working: Line) -> Line:
    return all_fails(line, working, f.SSL_UNKNOWN_AUTHORITY, 1)


def same_as_here(line: Line, working: Line) -> Line:
    """Claim exactly what the probe saw: the answers of DNS, certificates, pages, redirects and failures."""
    keys = _copy(line["test_keys"])
    own = [r for r in keys["x_transactions"] if r["kind"] == "first" or _of_system(r)]
    numbers = {record["transaction_id"] for record in own}
    lists = {
        name: [e for place in places_of_entries(keys) for e in place.get(name) or [] if e["transaction_id"] in numbers]
        for name in LISTS
    }
    for record in own:
        record[AGE] = ARRIVED - record["t0"]
    given = {**_copy(working), "preflight": WORKING}
    return {**given, "test_keys": {"x_endpoints": lists, "x_followups": {}, "x_transactions": own, "x_bugs": []}}


def _of_system(record: Line) -> bool:
    return record["kind"] == "lookup" and record["address"] == "system"


def names_as_here(line: Line, working: Line) -> Line:
    """Claim the probe's own DNS answers, and that everything works."""
    found: dict[tuple[str, str], Line] = {}
    for query in same_as_here(line, working)["test_keys"]["x_endpoints"]["queries"]:
        found.setdefault((query["hostname"], query["query_type"]), query)
    return _with_queries(
        all_works(line, working), lambda query: found.get((query["hostname"], query["query_type"]), query)
    )


def names_elsewhere(line: Line, working: Line) -> Line:
    """Claim an unrelated address for every name, and that everything works."""
    other = {"answer_type": "A", "ipv4": OTHER_ADDRESS, "asn": OTHER_NETWORK}
    return _with_queries(all_works(line, working), lambda query: _answered(query, [other], None))


def names_denied(line: Line, working: Line) -> Line:
    """Claim that no name exists, and that everything else works."""
    return _with_queries(all_works(line, working), lambda query: _answered(query, [], f.DNS_NXDOMAIN))


def names_elsewhere_and_failing(line: Line, working: Line) -> Line:
    """Claim an unrelated address for every name, and that nothing works."""
    other = {"answer_type": "A", "ipv4": OTHER_ADDRESS, "asn": OTHER_NETWORK}
    return _with_queries(all_fails(line, working), lambda query: _answered(query, [other], None))


def _answered(query: Line, answers: list[Line], failure: str | None) -> Line:
    return {**query, "answers": answers if query["query_type"] == "A" else [], "failure": failure}


def _with_queries(given: Line, change: Callable[[Line], Line]) -> Line:
    resolvers = {r["transaction_id"] for r in given["test_keys"]["x_transactions"] if r["endpoint"]}
    for place in places_of_entries(given["test_keys"]):
        place["queries"] = [
            query
            if query["transaction_id"] in resolvers
            else change(query) | {"transaction_id": query["transaction_id"]}
            for query in place.get("queries") or []
        ]
    return given


def other_certificates(line: Line, working: Line) -> Line:
    """Claim that everything works, with the certificates of other servers."""
    given = all_works(line, working)
    shown = [e for place in places_of_entries(given["test_keys"]) for e in place.get("tls_handshakes") or []]
    chains = [entry["peer_certificates"] for entry in shown]
    for entry, chain in zip(shown, chains[1:] + chains[:1], strict=True):
        entry["peer_certificates"] = chain
    return given


def own_network_down(line: Line, working: Line) -> Line:
    """Claim that nothing of the helper's network works, beside its true results."""
    return answer_of(line) | {"preflight": dict.fromkeys(WORKING, False)}


def own_network_fine(line: Line, working: Line) -> Line:
    """Claim that the helper's network works, beside its true results."""
    return answer_of(line) | {"preflight": WORKING}


def very_old(line: Line, working: Line) -> Line:
    """Claim that everything works, with results that are years old."""
    return _aged(all_works(line, working), 1e9)


def no_time(line: Line, working: Line) -> Line:
    """Claim that everything works, at no time."""
    return _aged(all_works(line, working), None)


def _aged(given: Line, age: float | None) -> Line:
    for record in given["test_keys"]["x_transactions"]:
        record[AGE] = age
    return given


def nothing(line: Line, working: Line) -> Line:
    """Answer without any result."""
    given = answer_of(line) | {"preflight": WORKING}
    return {**given, "test_keys": {"x_endpoints": {}, "x_followups": {}, "x_transactions": [], "x_bugs": []}}


WHOLE_ANSWERS: dict[str, WholeAnswer] = {
    give.__name__: give
    for give in (
        *(all_works, all_fails, reset_in_handshake, wrong_certificate, same_as_here, names_as_here, names_elsewhere),
        *(names_denied, names_elsewhere_and_failing, other_certificates, own_network_down, own_network_fine),
        *(very_old, no_time, nothing),
    )
}
