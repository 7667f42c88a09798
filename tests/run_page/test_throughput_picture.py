"""Test the picture and the sentences about the throughput of a service's name."""

from typing import Any

import pytest

from probe.analysis.run_result.figure_sentences import LIMITERS, percentages, throughput_sentences
from probe.run_page.cards import EDGE, WIDTH, throughput_picture
from probe.run_page.run_page_data import page_data
from tests.support.measurements.recorded_runs import recorded_run

POLICED = {"estimate": 0.2281, "low": 0.118, "high": 0.334, "pairs": 2, "pairs_limited": 2, "by": "policing"}


def picture(**more: Any) -> dict[str, Any]:
    made = throughput_picture({"throughput_ratio": POLICED | more})
    assert made is not None
    return made


def test_interval_is_widened_to_whole_percent() -> None:
    assert percentages(POLICED) == (23, 11, 34)


def test_sentences_have_the_ratio_its_interval_and_the_limiter() -> None:
    first, second = throughput_sentences({"throughput_ratio": POLICED})
    assert "came at 23 % of the speed" in first and "11-34 %" in first and "2 of 2 pairs" in first
    assert second == LIMITERS["policing"]


def test_sentence_says_nothing_of_names_since_addresses_are_compared_too() -> None:
    record = {"rule_id": "service_address_slow", "throughput_ratio": POLICED | {"by": None}}
    assert "name" not in " ".join(throughput_sentences(record))


@pytest.mark.parametrize("by", [None, "", "wizardry", 3])
def test_unknown_limiter_is_not_named(by: Any) -> None:
    assert len(list(throughput_sentences({"throughput_ratio": POLICED | {"by": by}}))) == 1


@pytest.mark.parametrize("ratio", [None, {}, [], "0.2"])
def test_service_without_pairs_has_no_picture(ratio: Any) -> None:
    record = {"throughput_ratio": ratio}
    assert throughput_picture(record) is None and not list(throughput_sentences(record))


def test_places_keep_their_order_and_stay_on_the_line() -> None:
    made = picture()
    assert made["line"][0] < made["interval"][0] < made["estimate"] < made["interval"][1] < made["line"][1]
    above = picture(estimate=1.4, low=-2.0, high=1e9)
    assert above["interval"] == (EDGE, WIDTH - EDGE) and above["estimate"] == WIDTH - EDGE
    assert picture(estimate="x", low=None)["interval"][0] == EDGE


def test_card_of_a_throttled_service_has_the_picture() -> None:
    services = {
        each["name"]: each
        for card in page_data(recorded_run("throttled-policed"))["cards"]
        for each in card["services"]
    }
    assert LIMITERS["policing"] in services["x/web"]["throughput"]["sentences"]
    assert services["x/api"]["throughput"] is None


@pytest.mark.parametrize("name", ["transfers-slow-line", "transfers-slow-server"])
def test_look_alikes_show_no_limited_pair(name: str) -> None:
    cards = page_data(recorded_run(name))["cards"]
    pictures = [each["throughput"] for card in cards for each in card["services"] if each["throughput"]]
    assert all(" 0 of " in one["sentences"][0] and len(one["sentences"]) == 1 for one in pictures)
    assert pictures or name == "transfers-slow-line"
