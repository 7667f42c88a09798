"""Put the figures of a service into sentences: its throughput, by name or address, and the age of its connections."""

from collections.abc import Iterator, Mapping
from math import ceil, floor
from typing import Any

from probe.analysis.observations.lenient_json import number, table, text
from probe.messages import mark, tr, tr_plural

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
