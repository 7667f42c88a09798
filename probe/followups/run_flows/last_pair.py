"""Read what the last pair of transfers of a measurement shows, to decide on further pairs."""

from probe.formats import failures as f
from probe.formats.exchanges.transfer import Transfer
from probe.formats.flow_results import TransferResult
from probe.formats.transactions import FollowUp
from probe.session.trace import Trace
from probe.signatures.slow_page import LEAST_PACE
from probe.steps.transfer import has_stopped

NAMED: frozenset[FollowUp] = frozenset({"transfer_name", "transfer_host", "upload_name"})


def transfers_of(trace: Trace) -> list[Transfer]:
    return [entry for entry in trace.entries if isinstance(entry, Transfer)]


def _last_pair(trace: Trace) -> dict[int, Transfer]:
    """Return the transfers of the last pair of a measurement by transaction."""
    found = transfers_of(trace)
    return {entry.transaction_id: entry for entry in found if entry.pair == found[-1].pair}


def ratio_of(trace: Trace) -> float:
    """Return the throughput of the name by that of the innocuous one in the last pair, for decisions on another one."""
    followups = {record.transaction_id: record.followup for record in trace.transactions}
    one = other = 0.0
    for number, entry in _last_pair(trace).items():
        rate = entry.total / max(entry.lasted, 1e-3)
        one, other = (rate, other) if followups[number] in NAMED else (one, rate)
    return one / max(other, 1e-3)


def name_stopped(trace: Trace) -> bool:
    """Return whether the transfer of the name alone stopped in the last pair."""
    followups = {record.transaction_id: record.followup for record in trace.transactions}
    stopped = {followups[number] in NAMED: has_stopped(entry) for number, entry in _last_pair(trace).items()}
    return stopped.get(True, False) and not stopped.get(False, True)


def is_free(trace: Trace) -> bool:
    """Return whether each transfer of the last pair kept nearly the helper's pace."""
    return all(each.total >= LEAST_PACE * each.pace * each.lasted for each in _last_pair(trace).values())


def result_of(transfers: list[Transfer]) -> TransferResult:
    """Return the result of one pair."""
    failures = {each.failure for each in transfers}
    if f.INTERRUPTED in failures:
        return "interrupted"
    if f.HELPER_BUSY in failures:
        return "helper_busy"
    if f.BUDGET in failures:
        return "budget"
    return "measured" if len(transfers) == 2 and all(each.total for each in transfers) else "failed"
