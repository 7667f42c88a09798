"""Derive from our verdicts what OONI's backend must see in a measurement, as far as its nettests go."""

from collections.abc import Iterable
from typing import Any

from tests.support.ooni.facts import OONI_ENDPOINTS
from tests.support.ooni.scores import RULES, Score, score

Line = dict[str, Any]
CONNECT = frozenset({"dns", "ip", "tcp"})  # layers below the name in the hello
ACCUSED = {"blocked", "likely_blocked", "down", "impaired"}
STOPPED = "http_stops_midway"  # OONI waits longer for the rest of a body, so its keys rest on the status line


def disagreement(line: Line, records: Iterable[Line]) -> str | None:
    """Describe where the score contradicts our verdicts on the endpoints that OONI tries, or return None."""
    name = line["test_name"]
    if name not in RULES or not (verdicts := _verdicts(line, records)):
        return None
    found = score(line)
    if all(verdict["state"] == "ok" for verdict in verdicts.values()) and not _had_failures(line):
        return None if found == Score(0.0) else f"{name} is fine, and OONI sees {found}"
    seen = {url: verdict for url, verdict in verdicts.items() if not _stops_behind_what_is_kept(line, url, verdict)}
    if _must_be_seen(name, seen) and not (found.anomaly or found.failed):
        return f"{name} is blocked where OONI looks, and it sees {found}"
    return None


def _verdicts(line: Line, records: Iterable[Line]) -> dict[str, Line]:
    """Return our verdicts by URL for the endpoints that OONI knows, or none for an unusable run."""
    known = OONI_ENDPOINTS.get(line["test_name"])
    return {
        verdict["endpoint"]: verdict
        for record in records
        if record["valid"]
        for verdict in record["endpoints"]
        if (verdict["endpoint"] in known if known is not None else _is_input(line, verdict["endpoint"]))
    }


def _is_input(line: Line, url: str) -> bool:
    return url == f"{line['input']};transport=udp"


def _had_failures(line: Line) -> bool:
    """Return whether a failed first attempt or lookup succeeded later. OONI makes no second attempt."""
    tried = [t for t in line["test_keys"]["x_transactions"] if t["kind"] in {"first", "lookup"}]
    return any(t["failure"] is not None for t in tried)


def _stops_behind_what_is_kept(line: Line, url: str, verdict: Line) -> bool:
    """Return whether a page arrived as far as it is kept and then froze. OONI's keys rest on what is kept."""
    frozen = all(mechanism.startswith("flow.freeze.") for mechanism in verdict["mechanisms"])
    tried = [t for t in line["test_keys"]["x_transactions"] if t.get("endpoint") == url and t["kind"] == "first"]
    return frozen and bool(verdict["mechanisms"]) and bool(tried) and all(t["failure"] is None for t in tried)


def _must_be_seen(name: str, verdicts: dict[str, Line]) -> bool:
    """Return whether OONI's probe certainly fails here too, as far as it goes."""
    failed = {
        url for url, verdict in verdicts.items() if verdict["state"] in ACCUSED and verdict.get("rule_id") != STOPPED
    }
    if name == "facebook_messenger":  # OONI only connects, and it only resolves the STUN server
        return any(_below_the_hello(verdicts[url], CONNECT if "stun" not in url else {"dns"}) for url in failed)
    if name == "telegram":
        centres = {url for url in verdicts if url.startswith("http://")}
        return bool(failed - centres) or (bool(centres) and centres <= failed)
    if name == "whatsapp":  # OONI ignores the chat servers while web and registration connect
        return any(url.startswith("https://") for url in failed)
    return bool(failed)


def _below_the_hello(verdict: Line, layers: Iterable[str]) -> bool:
    return any(mechanism.partition(".")[0] in layers for mechanism in verdict["mechanisms"])
