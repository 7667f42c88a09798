"""Test the picture of media flows: marks, paths, sentences, size, and strange entries."""

import re
from typing import Any

import pytest

from probe.formats.exchanges.media import LOST, NO_TIME, NOT_KNOWN
from probe.run_page.media_flows import LATE, MOST_PACKETS, MOST_PAIRS, EqualPackets, flow_pairs, runs_of
from probe.run_page.media_picture import media_picture
from probe.run_page.run_facts import ShownRun
from probe.run_page.run_page import run_page
from probe.run_page.run_page_data import page_data
from tests.support.measurements.media_flows import flow, with_media
from tests.support.measurements.recorded_runs import recorded_run

CLEAN = [0] * 500
LOSSY = [LOST if number % 3 == 1 else 12 for number in range(500)]
MOST_BYTES = 20_000  # of one pair
EMPTY: dict[str, Any] = {"test_keys": {"x_followups": {}}}


def picture(*entries: dict[str, Any]) -> dict[str, Any]:
    made = media_picture(flow_pairs(with_media(EMPTY, entries)))
    assert made is not None
    return made


def rows(*entries: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the first pair: to the helper and back, each with both shapes."""
    return [row for part in picture(*entries)["pairs"][0]["parts"] for row in part["rows"]]


def numbers(path: str) -> list[int]:
    found, at = [], 0
    for move, start, count in re.findall(r"([Mm])(\d+) [\d.]+h(\d+)", path):
        at = int(start) if move == "M" else at + int(start)
        found += range(at, at + int(count))
        at += int(count)
    return found


def test_each_packet_is_arrived_late_lost_or_unknown() -> None:
    codes = [0, LATE, LATE + 1, LOST, LOST, NO_TIME, NOT_KNOWN, 5]
    assert runs_of(flow("rtp", codes, codes), "forth") == [
        EqualPackets("arrived", 0, 2),
        EqualPackets("late", 2, 1),
        EqualPackets("lost", 3, 2),
        EqualPackets("arrived", 5, 1),
        EqualPackets("unknown", 6, 1),
        EqualPackets("arrived", 7, 1),
    ]


@pytest.mark.parametrize(
    ("shape", "title"),
    [
        ("rtp", "Packets like those of a call"),
        ("whatsapp", "Packets like those of a call over WhatsApp"),
        ("reflector", "Packets like those of a call over Telegram"),
    ],
)
def test_row_names_the_app_whose_packets_they_are_like(shape: str, title: str) -> None:
    made = rows(flow("opaque", CLEAN, CLEAN), flow(shape, LOSSY, CLEAN))
    assert [row["title"] for row in made] == [title, "Random packets of the same size"] * 2


def test_pairs_of_several_apps_are_drawn_in_their_order() -> None:
    run, shapes = ShownRun(), ("whatsapp", "rtp", "reflector")
    for place in (2, 0, 1):
        pair = [flow(shapes[place], CLEAN, CLEAN, pair=place), flow("opaque", CLEAN, CLEAN, pair=place)]
        run.add([], with_media(EMPTY, pair))
    made = media_picture(run.flow_pairs)
    assert made is not None
    titles = [
        pair["parts"][0]["rows"][0]["title"].removeprefix("Packets like those of a call") for pair in made["pairs"]
    ]
    assert titles == [" over WhatsApp", "", " over Telegram"]


def test_pair_with_two_shapes_of_apps_shows_one() -> None:
    made = flow_pairs(with_media(EMPTY, [flow(shape, CLEAN, CLEAN) for shape in ("opaque", "reflector", "rtp")]))
    assert [list(pair) for pair in made.values()] == [["rtp", "opaque"]]


def test_paths_mark_the_packets() -> None:
    call, other, call_back, _ = rows(flow("rtp", LOSSY, CLEAN), flow("opaque", CLEAN, CLEAN))
    assert numbers(call["paths"]["lost"]) == [number for number, code in enumerate(LOSSY) if code == LOST]
    assert numbers(call["paths"]["arrived"]) == [number for number, code in enumerate(LOSSY) if code != LOST]
    assert other["paths"] == call_back["paths"] == {"arrived": "M0 14h500"}


def test_sentences_have_the_figures() -> None:
    late = [LATE + 5] * 3 + [0] * 197 + [NOT_KNOWN] * 300
    call, other, _, _ = rows(flow("opaque", CLEAN, CLEAN), flow("rtp", late, late))
    assert call["title"] == "Packets like those of a call"
    assert call["summary"] == ("Arrived in time: 197. Late: 3. Lost: 0. Not known: 300.")
    assert other["summary"] == "Arrived in time: 500. Late: 0. Lost: 0."


def test_flow_that_did_not_begin_is_named() -> None:
    call, _, back, _ = rows(flow("rtp", [], []), flow("opaque", CLEAN, CLEAN))
    assert call["summary"].startswith("This flow did not begin:") and call["paths"] == back["paths"] == {}


def test_legend_has_only_the_marks_of_the_picture() -> None:
    made = picture(flow("rtp", LOSSY, CLEAN), flow("opaque", CLEAN, CLEAN))
    assert [item["mark"] for item in made["legend"]] == ["arrived", "lost"]
    assert [pair["title"] for pair in made["pairs"]] == [""]
    assert made["pairs"][0]["ticks"] == ["0", "2", "4", "6", "8", "10"]


def test_three_pairs_are_in_order() -> None:
    flows = [flow(shape, CLEAN, CLEAN, pair=pair) for pair in (2, 0, 1) for shape in ("rtp", "opaque")]
    assert [pair["title"] for pair in picture(*flows)["pairs"]] == ["Pair 1 of 3", "Pair 2 of 3", "Pair 3 of 3"]


def test_run_without_media_flows_has_no_picture() -> None:
    assert page_data(recorded_run("sni-reset"))["media"] is None
    assert 'id="media"' not in run_page(recorded_run("sni-reset"))


@pytest.mark.parametrize(
    "entries",
    [
        [{}],
        ["x"],
        [flow("rtp", CLEAN, CLEAN)],
        [{"shape": "dtls", "pair": 0}, {"shape": ["rtp"], "pair": 0}],
        [{"shape": "rtp", "pair": 1}, {"shape": "opaque", "pair": 2}],
    ],
)
def test_flows_without_their_pair_are_not_drawn(entries: list[Any]) -> None:
    assert media_picture(flow_pairs({"test_keys": {"x_followups": {"media": entries}}})) is None


def test_strange_entries_are_bounded() -> None:
    strange: list[Any] = [None, "x", 10**400, -(10**400), True, 1.5, {}, [-1]] + [0] * 100_000
    entries: list[Any] = [
        {"shape": shape, "pair": pair, "forth": strange, "back": "x", "established": True, "interval": 10**400}
        for pair in range(1000)
        for shape in ("rtp", "opaque")
    ]
    made = media_picture(flow_pairs({"test_keys": {"x_followups": {"media": entries}}}))
    assert made is not None and len(made["pairs"]) == MOST_PAIRS
    row = made["pairs"][0]["parts"][0]["rows"][0]
    assert len([number for path in row["paths"].values() for number in numbers(path)]) == MOST_PACKETS


def page_with(*entries: dict[str, Any], times: int = 1) -> str:
    """Return the page of a run of which several measurements have the same flows."""
    run = recorded_run("sni-reset")
    measured = ShownRun(records=run.records, targets=run.targets)
    for _ in range(times):
        measured.add([], with_media(EMPTY, entries))
    return run_page(measured)


def test_pair_is_drawn_once_and_stays_small() -> None:
    """Test the largest picture: each packet has another mark than the one before."""
    worst = [(LOST, 0, LATE + 1, 0)[number % 4] for number in range(500)]
    page = page_with(flow("rtp", worst, worst), flow("opaque", worst, worst), times=3)
    assert page.count('id="media"') == 1 and page.count('class="packets"') == 1
    section = page[page.index('id="media"') : page.index("</section>", page.index('id="media"'))]
    assert len(section) < MOST_BYTES
    assert section.count('role="img"') == 4 and "<script" not in section


def test_test_calls_stand_in_words_behind_the_picture() -> None:
    page = run_page(recorded_run("call-clean"))
    section = page[page.index('id="calls"') : page.index("</section>", page.index('id="calls"'))]
    assert section.count("<p>A test call over ") == 2 and section.count("0 of 150 packets lost.") == 2
    assert page.index('id="media"') < page.index('id="calls"')
    silent = run_page(recorded_run("call-sip-silent"))
    assert 'id="media"' not in silent and "A test call over SIP to the test helper failed" in silent
    assert 'id="calls"' not in run_page(recorded_run("sni-reset"))


def test_hostile_failure_of_a_call_stays_text() -> None:
    run = recorded_run("sni-reset")
    measured = ShownRun(records=run.records, targets=run.targets)
    keys = {"x_run": {"calls": {"sip": "failed"}}, "x_followups": {"sip_calls": [{"failure": "<script>x</script>"}]}}
    measured.add([], EMPTY | {"test_keys": keys})
    page = run_page(measured)
    assert "<script" not in page and "&lt;script&gt;x" in page
