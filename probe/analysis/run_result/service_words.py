"""Name the states of services, and put the evidence of a verdict and its transactions into sentences."""

from collections.abc import Iterator, Mapping
from typing import Any

from probe.analysis.observations.lenient_json import failure, number, seconds, text
from probe.analysis.rules.variant import shown_rule
from probe.formats.followups import FOLLOWUP_KINDS
from probe.messages import listed, mark, tr, tr_plural
from probe.signatures.device_prints import FAMILIES

STATE_WORDS = {
    "blocked": mark("BLOCKED"),
    "likely_blocked": mark("LIKELY BLOCKED"),
    "degraded": mark("WORKS BADLY"),
    "filtered_locally": mark("FILTERED ON YOUR OWN SIDE"),
    "impaired": mark("NOT WORKING, CAUSE UNCLEAR"),
    "down": mark("NOT WORKING, NO SIGN OF BLOCKING"),
    "ok": mark("OK"),
    "insufficient": mark("NOT ENOUGH DATA"),
}
CONNECTED_ONLY = mark("REACHABLE (only the connection was tested)")
INVALID_WORD = mark("THIS RUN CANNOT BE USED")


def state_word(record: Mapping[str, Any]) -> str:
    """Return the words for a verdict's state. An `ok` that rests on a TCP connect alone says so."""
    if not record.get("valid", True):
        return tr(INVALID_WORD)
    state = str(record.get("state"))
    if state == "ok" and record.get("proof") == "tcp":
        return tr(CONNECTED_ONLY)
    return tr(STATE_WORDS[state]) if state in STATE_WORDS else state.upper()


def evidence_of(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sentences of the deciding evidence: mechanisms, hop, counts here and at the helper, rule."""
    mechanisms, hop = listed(record.get("mechanisms") or ()), record.get("hop") or {}
    if mechanisms and hop.get("ttl"):
        yield tr("{mechanisms} at hop {ttl}.", mechanisms=mechanisms, ttl=hop["ttl"])
    elif mechanisms:
        yield f"{mechanisms}."
    attempts, controls = int(record.get("attempts") or 0), int(record.get("controls") or 0)
    if attempts:
        yield tr_plural(
            "{failed} of {count} attempt failed here.",
            "{failed} of {count} attempts failed here.",
            attempts,
            failed=record.get("failures", 0),
        )
    else:
        yield tr("No attempt was made here.")
    if controls:
        yield tr_plural(
            "{worked} of {count} attempt worked from the test helper.",
            "{worked} of {count} attempts worked from the test helper.",
            controls,
            worked=record.get("control_successes", 0),
        )
    else:
        yield tr("No test helper tried it.")
    yield from device_sentences(record)
    yield tr("Rule {rule}.", rule=shown_rule(record))


def device_sentences(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each family of devices that the resets look like. It accuses no operator."""
    for family in (FAMILIES[name] for name in record.get("anomalies") or () if name in FAMILIES):
        title = tr(family.title)
        yield tr("The resets look like those of {family}. This proves nothing about who operates it.", family=title)


SENTENCES = {
    "lookup": mark("looked up {name} with {address}"),
    "first": mark("tried {name} at {address}"),
    "innocuous": mark("sent the innocuous name {name} to {address}"),
    "confirm": mark("tried {name} at {address} again"),
}


def describe_transaction(transaction: Mapping[str, Any]) -> str:
    """Return one transaction as a sentence: what was tried, with which name, at which address, with which result."""
    seconds_taken = f"{seconds(transaction.get('t')) - seconds(transaction.get('t0')):.2f}"
    if (failed := failure(transaction.get("failure"))) is None:
        return tr("{attempt}: worked ({seconds} s)", attempt=_attempt(transaction), seconds=seconds_taken)
    return tr(
        "{attempt}: failed in {operation} with {failure} ({seconds} s)",
        attempt=_attempt(transaction),
        operation=text(transaction.get("failed_operation")),
        failure=failed,
        seconds=seconds_taken,
    )


def _attempt(transaction: Mapping[str, Any]) -> str:
    known = SENTENCES | {str(name): followup.sentence for name, followup in FOLLOWUP_KINDS.items()}
    sentence = known.get(text(transaction.get("followup")) or text(transaction.get("kind")), SENTENCES["first"])
    name = next(filter(None, (text(transaction.get(key)) for key in ("sent_name", "hostname", "endpoint"))), "")
    address, port = text(transaction.get("address")), number(transaction.get("port"))
    if port:
        address = tr("{address} port {port}", address=address, port=port)
    return tr(sentence, name=name, address=address)
