"""Test the result of a run on emulated terminals of three sizes, with and without colour."""

import re
from pathlib import Path
from typing import Any

import pytest

from probe.cli.results.show import show
from probe.cli.summary.result import print_result
from probe.formats.origin import REAL, Origin
from tests.analysis.verdicts.test_apps import RECORDED, TARGETS, record, recorded
from tests.support.terminal import TerminalStream, colours_shown, shown

SIZES = [(80, 24), (120, 40), (40, 20)]
ESCAPES = r"\x1b\[[0-9;]*m"
LAB = Origin(lab="great-firewall")


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def printed(
    records: list[dict[str, Any]],
    targets: dict[str, Any],
    columns: int,
    *,
    plain: bool = False,
    origin: Origin = REAL,
    verbose: bool = False,
) -> str:
    stream = TerminalStream()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        patch.setenv("LINES", "300")  # tests/cli/summary/test_result_screen.py has those with few
        print_result(records, stream, plain, origin=origin, targets=targets, verbose=verbose)
    return stream.getvalue()


def bare(text: str) -> str:
    """Return the text without colours and marks for directions."""
    return re.sub(f"{ESCAPES}|[\u2066-\u2069]", "", text)


def firewall(columns: int, *, plain: bool = False) -> str:
    return printed(*recorded("great-firewall"), columns, plain=plain, origin=LAB)


def row_of(title: str, lines: list[str]) -> str:
    start = next(number for number, line in enumerate(lines) if line.startswith("App "))
    (row,) = [line for line in lines[start:] if line.startswith(title)]
    return " ".join(row.split())


def web(number: int, state: str, **more: Any) -> dict[str, Any]:
    address = f"https://www.site-with-a-long-name-{number}.example/a/path/to/the/page?number={number}"
    return record("", state, target=address, service=f"{address}/web", rule_id="http_shows_blockpage", **more)


# -- sizes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize(("columns", "lines"), SIZES)
def test_no_line_is_wider_than_the_terminal(columns: int, lines: int, plain: bool) -> None:
    text = firewall(columns, plain=plain)
    on_screen = shown(text, columns, lines)
    assert len(on_screen) == len(text.splitlines())  # the terminal wrapped no line
    assert max(map(len, on_screen)) < columns


def test_whole_output_of_show_fits_eighty_by_twenty_four(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = TerminalStream()
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("COLUMNS", "80")
    show(str(RECORDED / "great-firewall.jsonl.gz"))
    lines = shown(stream.getvalue(), 80, 24)
    assert len(lines) <= 23  # the last line is for the prompt
    assert lines[0] == "LAB great-firewall: emulated, nothing left this computer"
    assert re.match(r"7 of 9 apps do not work: WhatsApp, Facebook and Messenger, Gmail", lines[-3])
    assert lines[-4].startswith("Next  probe show --why APP")


@pytest.mark.parametrize(
    ("scenario", "sentence", "stopped"),
    [
        ("port-443-reset", "This network cuts off all encrypted web connections", "2 of 3 apps cut off"),
        ("allowlist-address", "This network lets only listed servers pass.", "2 of 3 apps cut off"),
        ("allowlist-silent", "This network lets only listed servers pass.", "2 of 3 apps cut off"),
        ("international-cut", "Nothing outside the country answers", "Telegram, Gmail"),
    ],
)
def test_sentence_about_the_network_replaces_rows_of_apps_that_fail_alike(
    scenario: str, sentence: str, stopped: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = TerminalStream()
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("COLUMNS", "80")
    show(str(RECORDED / f"{scenario}.jsonl.gz"))
    lines = shown(stream.getvalue(), 80, 24)
    assert len(lines) <= 23 and lines[1].startswith(sentence)
    assert stopped in " ".join(lines[-3:])
    assert not [line for line in lines if re.search(r"[a-z)] +(LIKELY )?BLOCKED ", line)]
    assert "No app is blocked" not in "".join(lines)


@pytest.mark.parametrize(("columns", "lines"), SIZES)
def test_every_app_has_its_row_the_worst_first(columns: int, lines: int) -> None:
    on_screen = shown(firewall(columns), columns, lines)
    titles = ["WhatsApp, Signal", "Facebook and", "Telegram ", "WeChat", "This network's basics", "SIP providers"]
    rows = [line for line in on_screen if line.startswith(tuple(titles)) and "is likely" not in line][: len(titles)]
    assert [line.startswith(title) for line, title in zip(rows, titles, strict=True)] == [True] * len(titles)


def test_wide_row_has_state_calls_sentence_and_certainty() -> None:
    for columns in (80, 120):
        lines = shown(firewall(columns), columns, 40)
        assert (
            row_of("WhatsApp", lines) == "WhatsApp, Signal BLOCKED no (app False addresses are certain"
            if columns == 80
            else "WhatsApp, Signal BLOCKED no (app blocked) False addresses are sent. certain"
        )
        assert (
            row_of("Telegram", lines) == "Telegram LIKELY BLOCKED probably no Servers do not answer. likely"
            if columns == 80
            else "Telegram LIKELY BLOCKED probably no (app) Servers do not answer. likely"
        )


def test_verbose_says_that_calls_of_an_app_are_not_testable(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = TerminalStream()
    monkeypatch.setenv("COLUMNS", "80")
    print_result(
        [{"target": "wechat", "service": "wechat/web", "state": "ok", "valid": True}], stream, True, verbose=True
    )
    assert "Calls over WeChat are not testable" in stream.getvalue()


def test_narrow_row_has_columns_for_state_and_calls_and_then_why() -> None:
    lines = shown(firewall(40), 40, 20)
    place = next(number for number, line in enumerate(lines) if line.startswith("WhatsApp, Signal  "))
    assert lines[place].split()[-3:] == ["BLOCKED", "no", "(app"]
    assert [line.split() for line in lines[place + 1 : place + 3]] == [
        ["blocked)"],
        ["False", "addresses", "are", "sent.", "certain"],
    ]
    assert max(map(len, lines)) < 40 and "calls blocked or bad: Microsoft Teams" in " ".join(lines)


def test_colour_repeats_the_words_and_plain_text_has_none() -> None:
    assert colours_shown(firewall(80), 80, 24) == {"default", "red", "brown", "green"}
    plain = firewall(80, plain=True)
    assert plain.isascii() and "\x1b" not in plain
    assert row_of("Telegram", plain.splitlines()) == row_of("Telegram", shown(firewall(80), 80, 24))


@pytest.mark.parametrize("columns", [*range(20, 160, 7)])
def test_every_width_keeps_every_app_and_its_state(columns: int) -> None:
    text = firewall(columns)
    assert max(map(len, shown(text, 200, 100))) <= max(columns - 1, 30)  # below 30 columns the terminal wraps
    bare = " ".join(re.sub(ESCAPES, "", text).split())
    assert bare.count("BLOCKED") >= 7 and "WeChat" in bare


def test_long_list_of_web_addresses_keeps_its_columns() -> None:
    records = [web(number, "blocked" if number % 3 else "ok") for number in range(60)]
    for columns, lines in SIZES:
        on_screen = shown(printed(records, {}, columns), columns, lines)
        assert max(map(len, on_screen)) < columns
        assert "40 of 60 web addresses do not open: https" in " ".join(on_screen)
    rows = [line for line in shown(printed(records, {}, 120), 120, 40) if "BLOCKED" in line]
    assert len(rows) == 40 and "Calls" not in printed(records, {}, 120)


def test_wide_characters_are_counted_by_cells() -> None:
    titled = {"whatsapp": {**TARGETS["whatsapp"], "title": "微信聊天软件和朋友圈的名字"}}
    for columns in (80, 40):
        text = printed([record("chat", "blocked"), record("calls", "ok")], titled, columns)
        assert len(shown(text, columns, 20)) == len(text.splitlines())


# -- contents -----------------------------------------------------------------------------------------------------


def test_single_app_is_explained_in_full() -> None:
    chat = record(
        "chat",
        "blocked",
        rule_id="failure_follows_name",
        layer="tls",
        way="reset",
        endpoints=[{"endpoint": "https://e1.example:443/"}],
    )
    text = " ".join(printed([chat, record("calls", "ok")], TARGETS, 80, plain=True).split())
    assert text.endswith("WhatsApp is blocked")
    assert "Attempts to reach e1.example by name fail here: connections are cut off." in text
    assert "Access to WhatsApp (chat) is blocked" in text


def test_invalid_run_says_why_it_cannot_be_used() -> None:
    lines = printed(*recorded("captive-portal"), 80, plain=True).splitlines()
    assert lines[0].startswith("A sign-in page answers in the place of every server.")
    assert lines[-2:] == ["3 apps have no result: Telegram, Gmail, WhatsApp", "THIS RUN CANNOT BE USED"]


def test_app_without_result_has_a_row_beside_valid_ones() -> None:
    invalid = record(
        "chat", None, target="x", service="x/web", valid=False, invalid_reason="vpn", rule_id="invalid_vpn"
    )
    text = printed([record("chat", "ok"), invalid], TARGETS, 80, plain=True)
    assert text.startswith("A VPN carries the traffic")
    assert "1 of 2 apps works | 1 without result" in text and "NO RESULT" in text


def test_details_come_before_the_screen() -> None:
    text = printed(*recorded("great-firewall"), 80, plain=True, origin=LAB, verbose=True)
    assert text.startswith("LAB great-firewall") and text.count("LAB great-firewall") == 1
    assert 0 < text.index("telegram/web: BLOCKED") < text.index("7 of 9 apps do not work")


def test_last_round_is_shown_and_changes_are_named() -> None:
    text = printed([record("chat", "blocked"), record("chat", "ok")], TARGETS, 80, plain=True)
    assert text.endswith("1 works\n")
    assert "These are the states of round 2, the last one." in text
    assert "In an earlier round these had another state: WhatsApp" in text


def test_outage_is_said_once() -> None:
    parts = [{"endpoint": "https://a.example:443/", "rule_id": "address_silent_like_neutral_hosts"}]
    silent = record("chat", "impaired", rule_id="address_silent_like_neutral_hosts", endpoints=parts)
    other = record("", "ok", target="x", service="x/web")
    text = " ".join(printed([silent, other], TARGETS, 80, plain=True).split())
    assert text.count("no service is accused for it.") == 1


def test_control_characters_of_a_title_are_not_printed() -> None:
    hostile = {"whatsapp": {**TARGETS["whatsapp"], "title": "a\x1b[2Jb\n\x07"}}
    for valid in (True, False):
        chat = record("chat", "blocked" if valid else None, valid=valid, invalid_reason=None if valid else "vpn")
        text = printed([chat], hostile, 80, plain=True)
        assert not {char for char in text if not char.isprintable() and char != "\n"}


def test_nothing_is_printed_without_verdicts() -> None:
    assert printed([], {}, 80) == ""


def test_picture_in_the_documentation_is_current() -> None:
    page = (Path(__file__).parents[3] / "docs" / "first-run.md").read_text(encoding="utf-8")
    assert f"```\n{re.sub(ESCAPES, '', firewall(80))}```" in page
