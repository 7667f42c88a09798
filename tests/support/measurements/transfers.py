"""Make entries of transfers, and put them with timed pages into a measurement of one https endpoint."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from probe.analysis.statistics.throughput_ratio import Transfer
from tests.support.measurements.lines import GENUINE, Lines

HOST = "web.telegram.org"
URL = f"https://{HOST}:443/"
INTERVAL, PACE, SECONDS, TOTAL = 0.05, 64_000, 6.0, 384_000
Rate = Callable[[float], float]
"""Return the bytes a second at a time since the transfer was asked for."""


def entry(
    rate: Rate | float = PACE, *, pair: int = 0, asked: float = 10.0, total: int = TOTAL, **columns: Any
) -> dict[str, Any]:
    """Return the entry of a transfer at this rate, as the step writes it. It ends after `total` bytes or SECONDS."""
    sizes, sum_of_all = list[int](), 0
    for place in range(round(SECONDS / INTERVAL)):
        at = place * INTERVAL
        sizes.append(min(total - sum_of_all, round((rate(at) if callable(rate) else rate) * INTERVAL)))
        sum_of_all += sizes[-1]
        if sum_of_all == total:
            break
    return _entry(sizes, pair, asked) | columns


def of_transfer(found: Transfer, *, pair: int = 0, asked: float = 10.0, **columns: Any) -> dict[str, Any]:
    sizes = [0] * round(SECONDS / INTERVAL)
    for time, size in zip(found.times, found.sizes, strict=True):
        sizes[min(len(sizes) - 1, int((time - found.began) / INTERVAL))] += size
    return _entry(sizes, pair, asked) | columns


def _entry(sizes: Sequence[int], pair: int, asked: float) -> dict[str, Any]:
    return {
        "failure": None if sum(sizes) else "generic_timeout_error",
        "port": 8443,
        "server_name": HOST,
        "pair": pair,
        "rank": 0,
        "pace": PACE,
        "interval": INTERVAL,
        "asked": asked,
        "lasted": len(sizes) * INTERVAL,
        "complete": sum(sizes) == TOTAL,
        "total": sum(sizes),
        "received": list(sizes),
        "segments": 300,
        "repeated": 0,
        "round_trip": 0.06,
        "least_round_trip": 0.05,
    }


def measured(
    *pairs: tuple[dict[str, Any], dict[str, Any]],
    pages: Sequence[float] = (8_000.0, 9_000.0),
    control: Sequence[float] = (200_000.0,),
    outcome: str = "",
    url: str = URL,
    **more: Any,
) -> dict[str, Any]:
    """Return a measurement whose pages came with these bytes a second, and with pairs (name, innocuous name).

    `outcome` is that of attempts that fail, and `more` are columns of their entries.
    """
    lines = Lines({"web": [url]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    if outcome:
        lines.twice(url, GENUINE, outcome, **more)
    else:
        for _ in pages or (0,):
            lines.first(url, GENUINE)
    lines.control(url, GENUINE)
    measurement = lines.line()
    keys = measurement["test_keys"]
    _time(keys, pages)
    if keys["x_control"]:
        _time(keys["x_control"]["test_keys"], control)
    for pair in pairs:
        add_pair(keys, pair)
    return measurement


def _time(keys: dict[str, Any], rates: Sequence[float]) -> None:
    """Give the pages of test keys a length and a time. Later pages are untimed."""
    held = [each for place in (keys, keys.get("x_endpoints") or {}) for each in place.get("requests") or ()]
    for request, rate in zip(held, rates, strict=False):
        request["response"] |= {"x_body_length": 16_000, "x_body_time": 16_000 / rate}
    assert len(held) >= len(rates)


def add_pair(keys: dict[str, Any], pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Add the transactions and entries of a pair (name, innocuous name)."""
    in_clear = "http_host" in pair[0]
    kinds = ("transfer_host", "transfer_innocuous_host") if in_clear else ("transfer_name", "transfer_innocuous")
    if pair[0].get("upload"):
        kinds = ("upload_name", "upload_innocuous")
    for made, followup, name in zip(pair, kinds, (HOST, "www.example.com"), strict=True):
        number = max(each["transaction_id"] for each in keys["x_transactions"]) + 1
        about = {"kind": "followup", "followup": followup, "service": "web", "endpoint": URL, "address": "helper"}
        about |= {"sent_name": name, "failure": made["failure"], "t0": made["asked"] or 0.0, "t": 17.0}
        keys["x_transactions"].append({"transaction_id": number, "port": 8443, "family": 4} | about)
        keys.setdefault("x_followups", {}).setdefault("transfers", []).append(
            made | {"transaction_id": number, "http_host" if in_clear else "server_name": name}
        )


def by_chance(rate: float, seed: int) -> Rate:
    """Return a rate that changes by chance each 50 ms, with the given mean."""
    random = Random(seed)
    return lambda at: rate * random.choice((0.0, 0.5, 1.0, 2.5))
