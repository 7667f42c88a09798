"""Test the screen: words, sentences, 80 columns, plain terminals, and control characters in files."""

import io
from typing import Any

import pytest

from probe.analysis.run_result.run_targets import targets_of
from probe.analysis.run_result.service_words import STATE_WORDS, state_word
from probe.cli.screen import is_plain, print_verdicts, say
from probe.formats.origin import REAL, Origin

RULE = {"rule_id": "failure_follows_name", "layer": "tls", "way": "reset", "forged": None}
TARGET = {"name": "telegram", "title": "Telegram", "retired": None, "successor": None}


def record(**more: Any) -> dict[str, Any]:
    return {
        "target": "telegram",
        "service": "telegram/web",
        "state": "blocked",
        "mechanisms": ["tls.reset.sni"],
        "anomalies": [],
        "proof": "tcp",
        "valid": True,
        "invalid_reason": None,
        **RULE,
        "because": "The connection is reset when it carries this name, and an innocuous name passes. " * 3,
        "attempts": 4,
        "failures": 4,
        "controls": 4,
        "control_successes": 4,
        "hop": {"ttl": 4, "address": None, "asn": None},
        "endpoints": [
            {
                "endpoint": "https://web.telegram.org:443/",
                "rule_id": "failure_follows_name",
                "layer": "tls",
                "way": "reset",
            }
        ],
        **more,
    }


def printed(*records: dict[str, Any], plain: bool = True, origin: Origin = REAL, evidence: bool = True) -> str:
    stream = io.StringIO()
    print_verdicts(records, stream, plain, origin=origin, evidence=evidence, targets={"telegram": TARGET})
    return stream.getvalue()


def flat(text: str) -> str:
    return " ".join(text.split())


def test_verdict_prints_state_then_plain_then_technical_sentence_then_evidence() -> None:
    text = printed(record())
    assert text.startswith("telegram/web: BLOCKED\n    Attempts to reach web.telegram.org by name fail here:")
    parts = ("Access to Telegram (web) is blocked", "Technical: The connection is reset", "Evidence: tls.reset.sni")
    assert [part for part in parts if part in flat(text)] == list(parts)
    assert sorted(parts, key=flat(text).index) == list(parts)


def test_evidence_counts_attempts_here_and_at_the_helper() -> None:
    text = flat(printed(record(attempts=1, failures=1)))
    assert "tls.reset.sni at hop 4. 1 of 1 attempt failed here." in text
    assert "4 of 4 attempts worked from the test helper. Rule failure_follows_name, tls, reset." in text


def test_evidence_without_attempts_or_helper_says_so() -> None:
    text = flat(printed(record(attempts=0, failures=0, controls=0, control_successes=0, mechanisms=[], hop=None)))
    assert "Evidence: No attempt was made here. No test helper tried it." in text


def test_text_fits_eighty_columns_and_ascii() -> None:
    text = printed(record(), record(state="impaired"), origin=Origin("great-firewall"))
    assert text.isascii() and max(map(len, text.splitlines())) < 80 and "\x1b" not in text


def test_colour_only_repeats_the_word() -> None:
    assert "\x1b[31;1mBLOCKED\x1b[0m" in printed(record(), plain=False)


@pytest.mark.parametrize("state", sorted(STATE_WORDS))
def test_every_state_has_its_word(state: str) -> None:
    assert f": {STATE_WORDS[state]}" in printed(record(state=state, proof="tls"))


def test_ok_by_a_connect_alone_says_so() -> None:
    assert state_word(record(state="ok", proof="tcp")) == "REACHABLE (only the connection was tested)"
    assert state_word(record(state="ok", proof="tls")) == "OK"


def test_ok_with_an_anomaly_names_it() -> None:
    text = flat(printed(record(state="ok", proof="http", anomalies=["dns.injection"])))
    assert text == "telegram/web: OK It works. Interference without effect was also seen: dns.injection."


NO_PROOF = "This proves nothing about who operates it."


def test_print_of_a_device_is_no_interference() -> None:
    text = flat(printed(record(state="ok", proof="http", anomalies=["print.tsg"])))
    assert text.startswith("telegram/web: OK The resets look like those of Tiangou Secure Gateway")
    assert text.endswith(NO_PROOF)
    assert "print.tsg" not in text
    both = flat(printed(record(state="ok", proof="http", anomalies=["dns.injection", "print.tsg"])))
    assert "was also seen: dns.injection. The resets look like" in both


def test_evidence_names_the_family_and_says_that_it_is_no_proof() -> None:
    text = flat(printed(record(anomalies=["print.henan"])))
    assert "look like those of the firewall that was measured in the Chinese province of Henan" in text
    assert NO_PROOF in text
    assert "look like" not in flat(printed(record(anomalies=["print.later"])))  # a family of a later release


def test_invalid_measurement_prints_no_state_and_what_to_do() -> None:
    text = printed(record(valid=False, state=None, invalid_reason="captive_portal"))
    assert "THIS RUN CANNOT BE USED" in text and "Sign in first" in text
    assert "BLOCKED" not in text and "Technical" not in text


def test_lab_screen_has_a_header() -> None:
    assert printed(record(), origin=Origin("x")).startswith("LAB x: emulated, nothing left this computer\n")


def test_screen_of_synthetic_measurements_has_a_header() -> None:
    text = printed(record(), origin=Origin(synthetic="unkind"))
    assert text.startswith("SYNTHETIC unkind: invented by a program, no network was measured\n")


def test_targets_are_found_in_measurements() -> None:
    junk: list[dict[str, Any]] = [{}, {"test_keys": None}, {"test_keys": {"x_target": 3}}]
    assert targets_of([*junk, {"test_keys": {"x_target": TARGET}}]) == {"telegram": TARGET}


def test_control_characters_of_a_record_are_not_printed() -> None:
    host = [{"endpoint": "https://\x1b]0;d\x07/", "rule_id": "\x9b31m"}]
    for rule_id in ("failure_follows_name", "\x9b31m"):
        hostile = record(service="a\x1b[2Jb", because="c\x1b]0;d\x07", rule_id=rule_id, endpoints=host)
        text = printed(hostile, origin=Origin("e\r\x1b[1A"))
        assert not {char for char in text if not char.isprintable() and char != "\n"}


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_screen_is_plain_without_terminal_colour_or_unicode(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_services_of_a_target_with_equal_evidence_share_a_paragraph() -> None:
    one = record(service="telegram/chat", measurement_line=1)
    storage = [{"endpoint": "https://t.me:443/", **RULE}]
    two = record(service="telegram/storage", measurement_line=1, failures=2, attempts=3, endpoints=storage)
    text = printed(one, two, record(service="telegram/calls", measurement_line=1, state="ok", proof="stun"))
    assert text.startswith("telegram/chat, storage: BLOCKED\n")
    assert "Attempts to reach web.telegram.org and t.me by name fail here: connections are cut off." in flat(text)
    assert "Access to Telegram (chat, storage) is blocked" in flat(text)
    assert "6 of 7 attempts failed here. 8 of 8 attempts worked" in flat(text)
    assert "\ntelegram/calls: OK\n" in text


@pytest.mark.parametrize(
    "other",
    [{"mechanisms": ["tls.timeout.sni"]}, {"measurement_file": "x"}, {"target": "x"}, {"rule_id": "y"}, {"hop": None}],
)
def test_services_that_differ_have_their_own_paragraph(other: dict[str, Any]) -> None:
    text = printed(record(service="a/b", measurement_line=1), record(service="a/c", **{"measurement_line": 1, **other}))
    assert "a/b: BLOCKED" in text and "a/c: BLOCKED" in text


def test_services_of_several_measurements_share_a_paragraph_and_two_rounds_do_not() -> None:
    first = [record(service=f"stun/{role}", measurement_line=line) for line, role in ((1, "a"), (4, "b"))]
    second = [record(service=f"stun/{role}", measurement_line=line) for line, role in ((7, "b"), (9, "a"))]
    text = printed(*first, *second)
    assert text.count("stun/a, b: BLOCKED") == 1 and text.count("stun/b, a: BLOCKED") == 1


def test_long_list_of_names_is_wrapped_and_the_word_keeps_its_colour() -> None:
    for length in range(40, 110):  # so that the names end at every column
        names = record(service="s/" + "n" * (length % 50), because="Short.", state="impaired")
        others = [record(service=f"s/oooooooo{n}", because="Short.", state="impaired") for n in range(length // 10)]
        text = printed(names, *others, plain=False)
        assert max(len(line.replace("\x1b[33m", "").replace("\x1b[0m", "")) for line in text.splitlines()) < 80
        assert text.count("\x1b[33mNOT WORKING, CAUSE UNCLEAR\x1b[0m\n") == 1


@pytest.mark.parametrize(("affected", "words"), [(0, ""), (1, "1 service needs"), (2, "2 services need")])
def test_outage_is_said_once_after_the_verdicts(affected: int, words: str) -> None:
    parts = [{"endpoint": "https://web.telegram.org:443/", "rule_id": "address_silent_like_neutral_hosts"}]
    silent = {"state": "impaired", "mechanisms": [], "rule_id": "address_silent_like_neutral_hosts", "endpoints": parts}
    records = [record(**silent, service=f"telegram/{number}") for number in range(affected)]
    text = flat(printed(record(), *records))
    assert text.count("no service is accused for it.") == min(affected, 1)
    assert words in text


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_blank_without_line_break_is_printed_as_blank(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding, newline="\n")
    say(stream, "bon\u00a0: 1\u202f%", coloured="\u00a0!")
    assert stream.detach().getvalue() == b"bon : 1 % !\n"  # type: ignore[attr-defined]
