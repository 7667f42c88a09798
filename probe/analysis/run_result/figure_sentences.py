"""Put the figures of a service and of test calls to the helper into sentences.

A failed call accuses nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import ceil, floor
from typing import Any, NamedTuple

from probe.analysis.observations.lenient_json import failure, number, seconds, table, tables, text
from probe.messages import mark, tr, tr_plural
from probe.signatures.call_packets import INTERVAL

LIMITERS = {
    "policing": mark("Packets above the limit are dropped (policing)."),
    "shaping": mark("Packets above the limit wait in a queue (shaping)."),
}


def throughput_sentences(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ratio with its interval and the kind of limit. There is none without a usable pair of transfers.

    What is compared depends on the rule (docs/contract.md, 7.5), so that its plain sentence says it.
    """
    ratio = table(record.get("throughput_ratio"))
    if not ratio:
        return
    estimate, low, high = percentages(ratio)
    pairs = number(ratio.get("pairs"))
    yield tr_plural(
        "Data of the service came at {estimate} % of the speed of the transfers that were compared with it. The "
        "interval of 95 % is {low}-{high} %. {limited} of {count} pair of transfers shows a limit.",
        "Data of the service came at {estimate} % of the speed of the transfers that were compared with it. The "
        "interval of 95 % is {low}-{high} %. {limited} of {count} pairs of transfers show a limit.",
        pairs,
        estimate=estimate,
        low=low,
        high=high,
        limited=number(ratio.get("pairs_limited")),
    )
    if (limiter := text(ratio.get("by"))) in LIMITERS:
        yield tr(LIMITERS[limiter])


def cutoff_sentences(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the age at which connections ended, with its interval. There is none without `flow.cutoff.time`."""
    cutoff = table(record.get("cutoff"))
    if cutoff:
        estimate, low, high = (f"{_share(cutoff.get(name)):.1f}" for name in ("estimate", "low", "high"))
        yield tr_plural(
            "{count} connection ended after {estimate} s. The limit is between {low} and {high} s.",
            "{count} connections ended after {estimate} s. The limit is between {low} and {high} s.",
            number(cutoff.get("connections")),
            estimate=estimate,
            low=low,
            high=high,
        )


def percentages(ratio: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return the estimate, and the ends of the interval widened to whole parts of 100."""
    estimate, low, high = (_share(ratio.get(name)) for name in ("estimate", "low", "high"))
    return round(100 * estimate), floor(100 * low), ceil(100 * high)


def _share(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


NAMES = {"sip": "SIP", "webrtc": "WebRTC"}
LISTS = {"sip": "sip_calls", "webrtc": "webrtc_calls"}
UNTIL_ANSWERED = {"sip": ("answered",), "webrtc": ("signalled", "connected", "secured")}
"""Times in the entry whose sum is the time until the call could carry voice."""

MADE = {"measured", "failed"}
WHY_NOT = {
    "interrupted": mark(
        "No test call over {protocol} was completed, because this computer was too busy or the run was stopped."
    ),
    "helper_busy": mark("No test call over {protocol} was made, because the test helper had no place for it."),
    "no_extra": mark("No test call over {protocol} was made, because aiortc is not installed (censorprobe[calls])."),
    "no_helper": mark("No test call over {protocol} was made, because no test helper answered."),
    "not_offered": mark("No test call over {protocol} was made, because the test helper takes none."),
    "token_too_old": mark(
        "No test call over {protocol} was made, because the test helper's permission for it had expired."
    ),
    "no_udp": mark("No test call over {protocol} was made, because no public server answered over UDP."),
    "slow_line": mark("No test call over {protocol} was made, because the Internet connection is too slow."),
    "out_of_time": mark("No test call over {protocol} was made, because the run had no time left."),
    "no_followups": mark("No test call over {protocol} was made, because of --no-followups."),
}
"""Sentences for the results in `x_run.calls` without a finished call."""


class MadeCall(NamedTuple):
    """Hold whether a call was made, and its entry, which is empty without a call."""

    result: str
    entry: Mapping[str, Any]


def calls_of(measurement: Mapping[str, Any]) -> dict[str, MadeCall]:
    """Return the test calls of a measurement by their protocol."""
    keys = table(measurement.get("test_keys"))
    results, followups = table(table(keys.get("x_run")).get("calls")), table(keys.get("x_followups"))
    entries = {protocol: next(iter(tables(followups.get(name))), {}) for protocol, name in LISTS.items()}
    known = {protocol: text(results.get(protocol)) for protocol in NAMES}
    return {
        protocol: MadeCall(result, entries[protocol])
        for protocol, result in known.items()
        if result in MADE or result in WHY_NOT
    }


def call_sentences(calls: Mapping[str, MadeCall]) -> list[str]:
    return [_sentence(protocol, call) for protocol, call in sorted(calls.items())]


def _sentence(protocol: str, call: MadeCall) -> str:
    name, entry = NAMES[protocol], call.entry
    if call.result in WHY_NOT:
        return tr(WHY_NOT[call.result], protocol=name)
    if call.result == "failed" or not entry:
        return tr(
            "A test call over {protocol} to the test helper failed: {failure}. This accuses no service, because a "
            "helper can be down.",
            protocol=name,
            failure=failure(entry.get("failure")) or "",
        )
    sent = number(entry.get("sent"))
    return tr(
        "A test call over {protocol} to the test helper: answered after {seconds} s, {voice} s of voice, {lost} of "
        "{sent} packets lost.",
        protocol=name,
        seconds=_rounded(seconds(entry.get(part)) for part in UNTIL_ANSWERED[protocol]),
        voice=_rounded([sent * INTERVAL]),
        lost=max(0, sent - number(entry.get("returned"))),
        sent=sent,
    )


def _rounded(parts: Iterable[float]) -> str:
    return f"{sum(parts):.1f}"
