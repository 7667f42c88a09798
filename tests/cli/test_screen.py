"""Screens: state words, 80 columns, no colour or Unicode needed, and nothing from a file steers the terminal."""

import io
from typing import Any

import pytest

from probe.cli.screen import STATE_WORDS, is_plain, lab_of, print_verdicts, state_word


def record(**more: Any) -> dict[str, Any]:
    return {
        "service": "telegram/web",
        "state": "blocked",
        "mechanisms": ["tls.reset.sni"],
        "anomalies": [],
        "proof": "tcp",
        "valid": True,
        "invalid_reason": None,
        "rule_id": "tls_reset_follows_name",
        "because": "The connection is cut when the name is sent, and not when a harmless one is. " * 3,
        "attempts": 4,
        "failures": 4,
        "controls": 4,
        "control_successes": 4,
        "hop": {"ttl": 4, "address": None, "asn": None},
        **more,
    }


def printed(*records: dict[str, Any], plain: bool = True, lab: str | None = None) -> str:
    stream = io.StringIO()
    print_verdicts(records, stream, plain, lab=lab)
    return stream.getvalue()


def test_a_verdict_has_state_sentence_and_evidence() -> None:
    text = printed(record())
    assert text.startswith("telegram/web: BLOCKED\n    The connection is cut")
    for part in ("tls.reset.sni", "at hop 4", "4 of 4 attempts failed here", "4 of 4 worked from the helper"):
        assert part in " ".join(text.split())


def test_eighty_columns_and_ascii() -> None:
    text = printed(record(), record(state="impaired"), lab="great-firewall")
    assert text.isascii() and max(map(len, text.splitlines())) < 80 and "\x1b" not in text


def test_colour_only_repeats_the_word() -> None:
    assert "\x1b[31;1mBLOCKED\x1b[0m" in printed(record(), plain=False)


@pytest.mark.parametrize("state", sorted(STATE_WORDS))
def test_every_state_has_its_word(state: str) -> None:
    assert f": {STATE_WORDS[state]}" in printed(record(state=state, proof="tls"))


def test_ok_by_a_connect_alone_says_so() -> None:
    assert state_word(record(state="ok", proof="tcp")) == "OK as far as TCP"
    assert state_word(record(state="ok", proof="tls")) == "OK"


def test_an_invalid_line_is_no_state() -> None:
    text = printed(record(valid=False, state=None, invalid_reason="captive_portal"))
    assert "THIS RUN CANNOT BE USED" in text and "sign in first" in text and "BLOCKED" not in text


def test_a_lab_screen_is_headed() -> None:
    assert printed(record(), lab="x").startswith("LAB x: emulated, nothing left this computer\n")
    assert lab_of([{}, {"annotations": {"lab": "x"}}]) == "x" and lab_of([{"annotations": None}]) is None


def test_nothing_in_a_record_steers_the_terminal() -> None:
    text = printed(record(service="a\x1b[2Jb", because="c\x1b]0;d\x07", rule_id="\x9b31m"), lab="e\r\x1b[1A")
    assert not {char for char in text if not char.isprintable() and char != "\n"}


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_when_a_screen_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert not is_plain(False, Terminal())
    assert is_plain(True, Terminal()) and is_plain(False, io.StringIO())
    latin = Terminal()
    latin.encoding = "latin-1"
    assert is_plain(False, latin)
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert is_plain(False, Terminal())


def test_services_of_a_target_that_share_everything_share_a_paragraph() -> None:
    one = record(service="signal/chat", target="signal", measurement_line=1)
    two = record(service="signal/storage", target="signal", measurement_line=1, failures=2, attempts=3)
    text = printed(
        one, two, record(service="signal/calls", target="signal", measurement_line=1, state="ok", proof="stun")
    )
    assert text.startswith("signal/chat, storage: BLOCKED\n")
    assert "6 of 7 attempts failed here; 8 of 8 worked" in " ".join(text.split())
    assert "\nsignal/calls: OK\n" in text


@pytest.mark.parametrize(
    "other",
    [{"mechanisms": ["tls.timeout.sni"]}, {"measurement_file": "x"}, {"target": "x"}, {"rule_id": "y"}, {"hop": None}],
)
def test_what_differs_stands_apart(other: dict[str, Any]) -> None:
    text = printed(record(service="a/b", measurement_line=1), record(service="a/c", **{"measurement_line": 1, **other}))
    assert "a/b: BLOCKED" in text and "a/c: BLOCKED" in text


def test_services_of_several_lines_share_a_paragraph_and_two_rounds_do_not() -> None:
    first = [record(service=f"stun/{role}", measurement_line=line) for line, role in ((1, "a"), (4, "b"))]
    second = [record(service=f"stun/{role}", measurement_line=line) for line, role in ((7, "b"), (9, "a"))]
    text = printed(*first, *second)
    assert text.count("stun/a, b: BLOCKED") == 1 and text.count("stun/b, a: BLOCKED") == 1


def test_many_names_are_folded_and_the_word_keeps_its_colour() -> None:
    for length in range(40, 110):  # wherever the names end
        names = record(service="s/" + "n" * (length % 50), because="Short.", state="impaired")
        others = [record(service=f"s/oooooooo{n}", because="Short.", state="impaired") for n in range(length // 10)]
        text = printed(names, *others, plain=False)
        assert max(len(line.replace("\x1b[33m", "").replace("\x1b[0m", "")) for line in text.splitlines()) < 80
        assert text.count("\x1b[33mNOT WORKING, CAUSE UNCLEAR\x1b[0m\n") == 1
