"""Test the text of a comparison for a terminal."""

import re
from itertools import combinations

import pytest
from rich.cells import cell_len

from probe.analysis.compare.axes import AXES, Question
from probe.analysis.compare.cells import Comparison, compare
from probe.analysis.compare.terminal.cell_rows import named
from probe.analysis.compare.terminal.style import GLYPHS, REST, Style, has_glyphs
from probe.analysis.compare.terminal.text import LISTED, to_text
from probe.cli.screen import COLOURS
from probe.countries.country_names import country_name
from tests.support.measurements.verdict_rows import blocked, rows, table

pytestmark = pytest.mark.usefixtures("one_contributor_is_enough")

DRAWN = Style(glyphs=True)
BY_COUNTRY = Question(by=("cc",))


def both(n: int = 6) -> Comparison:
    return compare(table(blocked(n), rows(n, probe_cc="DE", probe_asn="AS3320", network="")), Question())


def row_of(text: str, name: str) -> str:
    (row,) = [line for line in text.splitlines() if line.strip().startswith(name)]
    return " ".join(row.split())


def names_in_order(text: str, *names: str) -> list[str]:
    return sorted(names, key=text.index)


def test_row_says_state_runs_share_interval_and_mechanism() -> None:
    text = to_text(both())
    assert row_of(text, "IR Iran AS64500") == "IR Iran AS64500 BLOCKED 6/6 ######## 21-100 %"  # one network-day
    assert f"\n{' ' * 25}tls.reset.sni\n" in text
    assert row_of(text, "telegram/web") == "telegram/web: fails at 1 of 2 vantage points"
    assert row_of(text, "OK:") == "OK: DE Germany AS3320 6/6"
    assert "tls.reset.sni: The handshake is reset, depending on" in text


def test_every_choice_of_axes_names_its_vantage_points() -> None:
    for number in range(1, len(AXES) + 1):
        for by in combinations(AXES, number):
            text = to_text(compare(table(blocked(6), rows(6, probe_cc="DE")), Question(by=by, lab=True)))
            assert "BLOCKED" in text, by


def test_vantage_point_without_country_is_called_by_its_network() -> None:
    by_network = to_text(compare(table(blocked(6)), Question(by=("asn",))))
    assert row_of(by_network, "AS64500") == "AS64500 BLOCKED 6/6 ######## 21-100 %"


def test_name_of_country_stands_at_its_code_only() -> None:
    assert named({"file": "IR.jsonl", "cc": "IR"}) == "IR.jsonl IR Iran"


def test_row_says_since_when_and_on_how_many_networks() -> None:
    days = [f"2026-11-{number:02}" for number in range(1, 25)]
    found = [row for n, day in enumerate(days) for row in (rows(2, day=day) if n < 12 else blocked(2, day=day))]
    fine = [row for day in days for row in rows(2, day=day, probe_asn="AS2")]
    text = to_text(compare(table(found, fine), BY_COUNTRY), DRAWN)
    assert row_of(text, "IR Iran") == "IR Iran BLOCKED 24/52 ███▊░░░░ 29-65 % 2026-11-13"
    assert "on 1 of 2 networks  tls.reset.sni" in text
    assert "The states are those of 2026-11-11 to 2026-11-24." in text


def test_worst_services_and_vantage_points_are_first() -> None:
    groups = [
        blocked(6, service="b/web", probe_cc="IR"),
        blocked(6, service="c/web", probe_cc="IR"),
        blocked(6, service="c/web", probe_cc="TR"),
        [*blocked(6, service="d/web", probe_cc="IR"), *rows(6, service="d/web", probe_cc="IR", probe_asn="AS9")],
        rows(6, service="a/web", probe_cc="DE"),
        rows(6, service="c/web", probe_cc="DE"),
        *(
            [*blocked(6, service="e/web", probe_cc=cc), *rows(6, service="e/web", probe_cc=cc, probe_asn="AS9")]
            for cc in ("IR", "TR")
        ),
    ]
    text = to_text(compare(table(*groups), BY_COUNTRY))
    services = "a/web", "b/web", "c/web", "d/web", "e/web"
    assert names_in_order(text, *services) == ["c/web", "e/web", "b/web", "d/web", "a/web"]
    text = to_text(compare(table(*groups), Question(by=("cc",), baseline=(("cc", "DE"),))))
    part = text[text.index("c/web") : text.index("e/web")]
    assert names_in_order(part, "baseline DE", "IR Iran", "TR T") == ["baseline DE", "IR Iran", "TR T"]
    assert row_of(part, "baseline DE Germany") == "baseline DE Germany OK 6/6 ........ 0-79 %"


def test_few_runs_are_no_statement() -> None:
    text = to_text(both(1))
    assert row_of(text, "IR Iran AS64500") == "IR Iran AS64500 (BLOCKED) 1/1 ######## 21-100 %"
    assert row_of(text, "too few runs:") == "too few runs: DE Germany AS3320 OK 1/1"
    assert "too few for a statement about the network" in " ".join(text.split())
    assert "(...)" not in to_text(both())


def test_gaps_and_uncounted_measurements_are_shown() -> None:
    groups = (
        rows(3),
        blocked(3),
        rows(2, "", valid=False, invalid_reason="vpn", service="a/b"),
        rows(1, probe_cc="DE", service="c/d"),
    )
    text = " ".join(to_text(compare(table(*groups), BY_COUNTRY)).split())
    assert "a/b: too few runs not counted: IR Iran (2 not counted: VPN) not measured: DE Germany" in text
    assert "telegram/web: fails at none of 1 vantage point OK: IR Iran 3/6 not measured: DE Germany" in text
    assert "a gap is not OK" in text


def test_lists_are_broken_between_vantage_points() -> None:
    groups = [rows(5, probe_asn=f"AS{number}") for number in range(64500, 64500 + 9)]
    lines = to_text(compare(table(*groups), Question()), Style(40)).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("  OK:"))
    names = [f"AS{number} 5/5" for number in range(64500, 64500 + 9)]
    assert [line.rstrip(",").split(" ", 5)[-1][-11:] for line in lines[start : start + 9]] == names


def test_long_lists_are_cut_with_their_number() -> None:
    groups = [rows(5, probe_asn=f"AS{number}") for number in range(64500, 64500 + LISTED + 7)]
    text = " ".join(to_text(compare(table(*groups), Question())).split())
    assert "AS64511 5/5, 7 more (--json)" in text and "AS64512" not in text


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("glyphs", [False, True])
def test_text_fits_and_has_no_control_characters_of_measurements(width: int, glyphs: bool) -> None:
    groups = [
        blocked(1 + 5 * (number % 2), probe_cc=f"X{number}", service="ünïcode\x1b[31m" * 3, mechanisms="tls.reset.sni")
        for number in range(9)
    ]
    text = to_text(compare(table(*groups), Question()), Style(width, glyphs))
    assert set(re.sub(r"[ -~\n]", "", text)) <= set("ünïcode" + (GLYPHS + REST if glyphs else ""))
    assert max(map(cell_len, text.splitlines())) < width


def test_colours_are_ours_alone() -> None:
    hostile = blocked(6, service="evil\x1b[2J", probe_cc="\x1b]0;x")
    text = to_text(compare(table(hostile), BY_COUNTRY), Style(colours=COLOURS))
    assert re.findall(r"\x1b.*?m", text) == ["\x1b[31;1m", "\x1b[0m"]
    assert "\x1b" not in to_text(compare(table(hostile), BY_COUNTRY))


def test_names_of_countries_fit_and_are_ascii() -> None:
    assert country_name("CI") == "Côte d’Ivoire"
    groups = [blocked(6, probe_cc="TR"), blocked(6, probe_cc="GB", probe_asn="AS4200000001"), blocked(6, probe_cc="XA")]
    text = to_text(compare(table(*groups), Question()))
    assert "TR Turkiye AS64500" in text or "TR Turkey AS64500" in text
    assert "  GB AS4200000001 " in text  # the name has no space
    assert "  XA AS64500 " in text  # no country


def test_service_that_is_down_accuses_no_network() -> None:
    text = to_text(compare(table(rows(6, "down"), rows(1)), BY_COUNTRY))
    assert row_of(text, "telegram/web:") == "telegram/web: down at 1 of 1 vantage point"
    assert row_of(text, "IR Iran") == "IR Iran DOWN 6/7"
    assert "DOWN: the service fails from the test helper too" in text


def test_country_of_an_invented_world_has_no_name() -> None:
    invented = blocked(6, probe_cc="XK", synthetic="kind-3")
    assert "Kosovo" in to_text(compare(table(blocked(6, probe_cc="XK")), BY_COUNTRY))
    assert "Kosovo" not in to_text(compare(table(invented), Question(by=("cc",), lab=True)))


def test_period_is_inside_the_question() -> None:
    text = to_text(compare(table(blocked(6)), Question(by=("cc",), since="2026-11-20")))
    assert "The states are those of 2026-11-20 to 2026-11-24." in text


def test_world_is_said_once() -> None:
    groups = [blocked(6, probe_cc=cc, synthetic="kind-3") for cc in ("XA", "XB")]
    text = to_text(compare(table(*groups), Question(by=("cc",), lab=True)))
    assert text.count("kind-3") == 1 and text.startswith("SYNTHETIC kind-3\n")
    named = to_text(compare(table(*groups), Question(by=("cc",), lab=True, baseline=(("cc", "XA"),))))
    assert named.count("kind-3") == 1 and "baseline XA  " in named
    several = to_text(compare(table(*groups, blocked(6, probe_cc="DE")), Question(by=("cc",), lab=True)))
    assert several.count("SYNTHETIC kind-3") == 2 and "DE Germany" in several


def test_bars_have_eighths_and_keep_the_ends() -> None:
    assert [DRAWN.bar(share, 2) for share in (0, 0.01, 0.5, 0.56, 0.999, 1)] == ["░░", "▏░", "█░", "█▏", "█▉", "██"]
    assert [Style().bar(share, 5) for share in (0, 0.01, 0.5, 0.99, 1)] == [".....", "#....", "##...", "####.", "#####"]
    assert has_glyphs("utf-8") and not has_glyphs("latin-1") and not has_glyphs(None) and not has_glyphs("no such")
