"""Test verdicts about the throughput of a name over QUIC, and what looks like a limit and is none."""

from random import Random
from typing import Any

import pytest

from probe.analysis.verdicts.app_sentences import reason_of
from probe.analysis.verdicts.verdicts import flat_measurement_of, judge_measurement
from probe.formats.failures import BUDGET, INTERRUPTED
from tests.support.measurements.lines import GENUINE, Lines
from tests.support.measurements.transfers import add_pair
from tests.support.measurements.transfers import entry as transfer_entry

HOST = "web.telegram.org"
QUIC, WEB = f"quic://{HOST}:443/", f"https://{HOST}:443/"
SLOW, FREE = [12_000.0] * 9, [2e6] * 9


def measured(
    named: list[float],
    innocuous: list[float],
    *,
    here: float | None = 9_000.0,
    there: float | None = 900_000.0,
    over_tls: float | None = 500_000.0,
    codes: tuple[int, int] = (200, 200),
    failures: tuple[str | None, str | None] = (None, None),
    titles: tuple[str, str] = ("", ""),
    pair: tuple[dict[str, Any], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return a measurement with a page over QUIC at these bytes a second, one over TLS, and reads of each name."""
    lines = Lines({"quic": [QUIC], "web": [WEB]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    for url in (QUIC, WEB):
        lines.first(url, GENUINE)
        lines.control(url, GENUINE)
    measurement = lines.line()
    keys = measurement["test_keys"]
    for place, over_quic in ((keys, here), (keys["x_control"]["test_keys"], there)):
        for entry in _requests(place):
            is_quic = entry["request"]["url"].startswith("quic:")
            entry["request"] |= {"url": f"https://{HOST}/", "x_transport": "quic" if is_quic else "tcp"}
            rate = over_quic if is_quic else over_tls
            if rate is not None:
                entry["response"] |= {"x_body_length": 16_000, "x_body_time": 16_000 / rate}
    for followup, rates, code, failed, title in zip(
        ("quic_page_name", "quic_page_innocuous"), (named, innocuous), codes, failures, titles, strict=True
    ):
        _add(keys, followup, rates, code, failed, title)
    if pair is not None:
        add_pair(keys, pair)
    return measurement


def _requests(keys: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for place in (keys, keys.get("x_endpoints") or {}) for each in place.get("requests") or ()]


def _add(
    keys: dict[str, Any], followup: str, rates: list[float], code: int, failed: str | None, title: str = ""
) -> None:
    number = max(each["transaction_id"] for each in keys["x_transactions"]) + 1
    name = HOST if followup == "quic_page_name" else "www.example.com"
    about = {"kind": "followup", "followup": followup, "service": "quic", "endpoint": QUIC, "address": GENUINE}
    about |= {"sent_name": name, "failure": failed, "t0": 5.0, "t": 17.0, "port": 443, "family": 4}
    keys["x_transactions"].append({"transaction_id": number} | about)
    held = keys.setdefault("x_followups", {}).setdefault("requests", [])
    for rate in rates:
        response = {
            "code": code,
            "x_title": title,
            "x_body_length": 8192,
            "x_body_time": 8192 / rate,
            "x_body_failure": None,
        }
        request = {"url": f"https://{HOST}/", "x_transport": "quic"}
        held.append({"transaction_id": number, "failure": None, "request": request, "response": response})


def judged(*reads: list[float], **about: Any) -> dict[str, Any]:
    records = judge_measurement(measured(*reads, **about), file="a", number=1)
    return next(each for each in records if each["service"].endswith("/quic"))


def assert_not_accused(*reads: list[float], **about: Any) -> None:
    record = judged(*reads, **about)
    assert (record["state"], record["mechanisms"]) == ("ok", []), record["rule_id"]


def test_limited_name_is_degraded_with_a_ratio_and_its_interval() -> None:
    record = judged(SLOW, FREE)
    assert (record["state"], record["mechanisms"]) == ("degraded", ["quic.throttle.sni"])
    assert record["rule_id"] == "service_name_throttled"
    ratio = record["throughput_ratio"]
    assert ratio["low"] <= ratio["estimate"] <= ratio["high"] < 0.5
    assert ratio["estimate"] == pytest.approx(12 / 64, abs=0.01)
    assert (ratio["pairs"], ratio["pairs_limited"], ratio["by"]) == (1, 1, None)
    assert reason_of([record]) == "Pages are slowed down."


def test_other_services_of_the_app_are_not_accused() -> None:
    records = judge_measurement(measured(SLOW, FREE), file="a", number=1)
    assert [each["state"] for each in records if each["service"].endswith("/web")] == ["ok"]


def test_one_burst_of_tokens_does_not_decide() -> None:
    assert judged([2e6, *SLOW[1:]], FREE)["state"] == "degraded"


PAIR = transfer_entry(16_000), transfer_entry()  # over TLS, of which the name is limited


def test_name_that_is_slow_over_tls_too_is_degraded_if_a_pair_shows_that_it_is_limited() -> None:
    record = judged(SLOW, FREE, over_tls=9_000.0, pair=PAIR)
    assert (record["state"], record["mechanisms"]) == ("degraded", ["quic.throttle.sni"])


def test_page_of_a_limited_name_is_slow_over_quic_as_over_tls() -> None:
    assert judged(SLOW, FREE, here=26_000.0, over_tls=19_000.0, pair=PAIR)["mechanisms"] == ["quic.throttle.sni"]
    assert_not_accused(SLOW, FREE, here=26_000.0, pair=PAIR)  # TLS is fast, and a busy computer reads QUIC slowly


@pytest.mark.parametrize(
    ("pair", "about"),
    [
        ((transfer_entry(), transfer_entry()), {}),  # the server is slow over both
        ((transfer_entry(16_000), transfer_entry(16_000)), {}),  # the access line is
        ((transfer_entry(20_000), transfer_entry(45_000)), {}),  # the line was not free
        (PAIR, {"there": 9_000.0}),  # pages over QUIC are slow for the control too
        (PAIR, {"titles": ("Home", "Welcome to nginx!")}),  # another page, of another server
        (PAIR, {"codes": (200, 421)}),
        (PAIR, {"named": FREE}),
        (PAIR, {"innocuous": SLOW}),  # a tariff that limits UDP
    ],
)
def test_name_that_is_slow_over_tls_too_needs_all_of_this(
    pair: tuple[dict[str, Any], dict[str, Any]], about: dict[str, Any]
) -> None:
    reads = about.pop("named", SLOW), about.pop("innocuous", FREE)
    assert_not_accused(*reads, over_tls=9_000.0, pair=pair, **about)


# -- look-alikes ------------------------------------------------------------------------------------------------------


def test_tariff_or_slow_line_limits_both() -> None:
    assert_not_accused(SLOW, SLOW)
    assert_not_accused(SLOW, [*FREE[1:], 30_000.0])  # the line was busy once


def test_slow_server_is_slow_for_the_control_or_over_tls_too() -> None:
    assert_not_accused(SLOW, FREE, there=9_000.0)
    assert_not_accused(SLOW, FREE, there=None)
    assert_not_accused(SLOW, FREE, over_tls=9_000.0)
    assert_not_accused(SLOW, FREE, over_tls=None)


def test_pages_that_are_fast_here_or_free_reads_are_no_limit() -> None:
    assert_not_accused(SLOW, FREE, here=300_000.0)
    assert_not_accused(SLOW, FREE, here=30_000.0)  # a busy computer
    assert_not_accused(SLOW, FREE, here=None)
    assert_not_accused([200_000.0] * 9, [8e6] * 9)  # both are fast enough, and times are short


def test_other_answer_under_the_innocuous_name_is_not_compared() -> None:
    assert_not_accused(SLOW, FREE, codes=(200, 404))


def test_few_or_broken_reads_show_nothing() -> None:
    assert_not_accused(SLOW[:5], FREE)
    assert_not_accused(SLOW, FREE[:5])
    for failed in (INTERRUPTED, BUDGET):
        assert_not_accused(SLOW, FREE, failures=(failed, None))
        assert_not_accused(SLOW, FREE, failures=(None, failed))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.8])
def test_lost_packets_are_no_limit(share: float) -> None:
    """Test reads of which a share is delayed, whatever the name is."""
    random = Random(share)
    draw = lambda: [random.choice((27e3, 13e3)) if random.random() < share else 2e6 for _ in range(9)]  # noqa: E731
    for _ in range(60):
        assert_not_accused(draw(), draw())


@pytest.mark.parametrize(
    "broken", [{"x_body_time": "x"}, {"x_body_length": None}, {"x_body_time": None}, {"code": "x"}]
)
def test_malformed_reads_accuse_nothing(broken: dict[str, Any]) -> None:
    measurement = measured(SLOW, FREE)
    for entry in measurement["test_keys"]["x_followups"]["requests"]:
        entry["response"] |= broken if entry["response"]["x_body_time"] < 0.1 else {}
    assert len(flat_measurement_of(measurement).transfers) == 1
    assert {each["state"] for each in judge_measurement(measurement, file="a", number=1)} == {"ok"}
