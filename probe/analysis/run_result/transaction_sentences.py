"""Describe a transaction in one sentence."""

from collections.abc import Mapping
from typing import Any

from probe.analysis.observations.lenient_json import failure, number, seconds, text
from probe.formats.followups import FOLLOWUP_KINDS
from probe.messages import mark, tr

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
