"""Test consent: it comes before any packet, Enter alone is not enough, and it is kept."""

import io
import socket
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from probe.cli.run import consent, run
from probe.cli.run.consent import VERSION
from probe.cli.run.consent_choices import (
    CHOICES,
    choose_helper,
    choose_token,
    helper_is_chosen,
    token_is_chosen,
    with_choices,
)
from probe.cli.run.consent_text import first_screen
from probe.cli.run.preparation import contributor_secret
from probe.cli.run.run_request import PUBLIC_HELPERS, RunRequest
from probe.cli.run.run_time import cost_of
from probe.cli.run.settings import save, settings_file
from probe.cli.screen import UsageError, size
from probe.privacy.contributor_token import SECRET_FILE, load_secret
from probe.targets.target_files import bundled_targets, load_neutral, load_target, pick_targets


class Typed(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("PROBE_CONSENT", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    return tmp_path / "config" / "censorprobe" / "consent"


def typing(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", Typed(text))


def require(given: str | None = None) -> bool:
    return consent.require(given, bundled_targets())


def test_correct_answers_and_yes_are_kept(
    monkeypatch: pytest.MonkeyPatch, own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typing(monkeypatch, "yes\nno\nyes\n")
    require()
    assert own_home.read_text() == VERSION + "\n" and stat.S_IMODE(own_home.stat().st_mode) == 0o600
    assert capsys.readouterr().out == ""
    typing(monkeypatch, "")
    require()


def test_wrong_answer_is_explained_and_asked_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typing(monkeypatch, "no\nyes\nyes\nno\nyes\n")
    require()
    shown = capsys.readouterr().err
    assert shown.count("1/2") == 2 and shown.count("2/2") == 2
    assert shown.count("That is not right.") == 2


def test_text_and_questions_fit_on_one_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Test 80 columns and 24 rows until the last answer. A terminal shows each Enter, which begins a row."""
    typing(monkeypatch, "yes\nno\nyes\n")
    require()
    shown = capsys.readouterr().err.partition("Your consent")[0]
    rows = shown.replace("[yes/no] ", "[yes/no] \n").splitlines()
    assert len(rows) <= 24 and max(map(cell_len, rows)) <= 80


def test_first_screen_has_the_risks_and_the_cost() -> None:
    words = " ".join(" ".join(first_screen(bundled_targets())).split())
    for part in ("can notice that you measure", "see your IP address", "for some minutes", "Nothing is uploaded"):
        assert part in words
    for part in ("endanger", "not yours to test", "a deep test", "test helper", "quad9", "WhatsApp", "Type m"):
        assert part in words
    cost = cost_of(pick_targets(bundled_targets(), []))
    assert f"About {cost.seconds} seconds, up to 2 minutes" in words
    assert f"About {size(cost.moved)}, up to {size(cost.most_moved)} where pages are large" in words


def test_whole_text_says_what_call_packets_cost() -> None:
    words = " ".join(" ".join(consent.text(bundled_targets())).split())
    assert "up to 12 seconds and moves up to 380 kB more" in words and "three times" in words


def test_whole_text_says_what_test_calls_cost() -> None:
    words = " ".join(" ".join(consent.text(bundled_targets())).split())
    assert "With --depth deep, a test helper that takes calls is called over SIP and WebRTC." in words
    assert "up to 37 seconds and moves up to 130 kB more" in words


@pytest.mark.parametrize("key", ["m", "MORE"])
def test_key_shows_the_whole_text_in_pages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], own_home: Path, key: str
) -> None:
    monkeypatch.setenv("LINES", "24")
    pages = -(-len(consent.text(bundled_targets())) // 23)
    typing(monkeypatch, f"{key}\n" + "\n" * (pages - 1) + "yes\nno\nyes\n")
    require()
    shown = capsys.readouterr().err
    assert pages > 2 and shown.count("Press Enter to read on.") == pages - 1
    assert all(line in shown for line in consent.text(bundled_targets()))
    assert shown.count("1/2") == 2 and own_home.exists()


def test_end_of_input_between_pages_is_no_consent(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    typing(monkeypatch, "m\n")
    with pytest.raises(UsageError, match="no answer"):
        require()
    assert not own_home.exists()


def test_command_shows_the_whole_text_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LINES", "200")
    typing(monkeypatch, "yes\nno\nyes\n")
    consent.consent()
    assert "When not to run it" in capsys.readouterr().err


@pytest.mark.parametrize("typed", ["", "no\n", "\n\n", "maybe\n", "m\n", "no\nno\n"])
def test_choices_need_a_yes(monkeypatch: pytest.MonkeyPatch, own_home: Path, typed: str) -> None:
    typing(monkeypatch, "yes\nno\nyes\n" + typed)
    assert require()
    assert own_home.exists() and not any(choice.is_chosen() for choice in CHOICES) and not settings_file().exists()


def test_choice_about_tokens_is_kept_and_changed(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    typing(monkeypatch, "yes\nno\nyes\nno\nyes\n")
    require()
    assert token_is_chosen() and not helper_is_chosen()
    load_secret(own_home.parent)
    choose_token(False)
    assert not token_is_chosen() and not (own_home.parent / SECRET_FILE).exists()


def test_chosen_helpers_are_used_by_the_run_that_asked(
    monkeypatch: pytest.MonkeyPatch, own_home: Path, tmp_path: Path
) -> None:
    typing(monkeypatch, "yes\nno\nyes\nyes\nno\n")
    assert require() and helper_is_chosen() and not token_is_chosen()
    assert with_choices(request(tmp_path, False, None, None)).control == (PUBLIC_HELPERS,)
    named = replace(request(tmp_path, False, None, None), control=("https://helper.example",))
    assert with_choices(named).control == named.control
    assert not require()  # a second run asks nothing
    choose_helper(False)
    assert not helper_is_chosen()


def test_helper_that_the_user_named_stays(own_home: Path) -> None:
    save({"control": "https://helper.example"})
    for agreed in (True, False):
        choose_helper(agreed)
        assert 'control = "https://helper.example"' in settings_file().read_text()


def test_consent_alone_makes_no_secret(own_home: Path, tmp_path: Path) -> None:
    for chosen, asn, cc in ((False, None, None), (True, "AS0", None), (True, None, "ZZ")):
        assert contributor_secret(request(tmp_path, chosen, asn, cc)) is None
    assert not (own_home.parent / SECRET_FILE).exists()
    assert contributor_secret(request(tmp_path, True, None, None)) == load_secret(own_home.parent)


def test_secret_that_cannot_be_used_costs_only_the_token(
    own_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_home.parent.mkdir(parents=True)
    (own_home.parent / SECRET_FILE).write_text("1234\n")
    assert contributor_secret(request(tmp_path, True, None, None)) is None
    said = " ".join(capsys.readouterr().err.split())
    assert "get no contributor token" in said and "1234" not in said


def request(folder: Path, chosen: bool, asn: str | None, cc: str | None) -> RunRequest:
    return RunRequest(
        (), folder, None, None, (), None, None, 1, "standard", None, cc, asn, True, False, frozenset(), True, False,
        contributor_token=chosen,
    )  # fmt: skip


def test_text_says_what_a_token_shows() -> None:
    words = " ".join(" ".join(consent.text(bundled_targets())).split())
    for part in ("Only if you agree to it", "the same code for one month", "all of them are known to be yours"):
        assert part in words
    for part in ("A person who takes this computer", "--asn AS0", "contributor-token"):
        assert part in words


@pytest.mark.parametrize("typed", ["\n" * 20, "yes\nno\n" + "\n" * 20, "yes\nno\nno\n", "yes\nno\nmaybe\n", ""])
def test_enter_alone_is_no_consent(monkeypatch: pytest.MonkeyPatch, own_home: Path, typed: str) -> None:
    typing(monkeypatch, typed)
    with pytest.raises(UsageError, match="Nothing was sent") as caught:
        require()
    assert caught.value.exit_code == 3 and not own_home.exists()


def test_without_terminal_the_error_names_the_version() -> None:
    with pytest.raises(UsageError, match=f"--consent {VERSION}") as caught:
        require()
    assert caught.value.exit_code == 3


def test_older_consent_is_refused(own_home: Path) -> None:
    own_home.parent.mkdir(parents=True)
    own_home.write_text("2025-01\n")
    with pytest.raises(UsageError):
        require()
    with pytest.raises(UsageError, match=VERSION):
        require("2025-01")
    require(VERSION)


def test_no_socket_exists_before_consent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[Any] = []

    def no_socket(*args: Any, **_: Any) -> Any:
        made.append(args)
        raise AssertionError("a socket before consent")

    for name in ("socket", "socketpair", "getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, no_socket)
    for wish in (None, "2025-01"):
        with pytest.raises(UsageError) as caught:
            run.run(results=tmp_path / "results", consent=wish, control="http://127.0.0.1:9")
        assert caught.value.exit_code == 3 and VERSION in caught.value.sentence
    run.run(explain=True)
    assert made == []


def test_text_names_every_contact_and_risk() -> None:
    lines = consent.text(bundled_targets())
    text = " ".join(" ".join(lines).split())
    assert max(map(len, lines)) < 80
    neutral, resolvers = (
        load_neutral(bundled_targets() / "neutral.toml"),
        load_target(bundled_targets() / "resolvers.toml"),
    )
    contacted = [*neutral.endpoints, *(check for check, _, _ in neutral.portal), *(e for _, e in resolvers.endpoints())]
    for name in [endpoint.host for endpoint in contacted] + list(resolvers.services) + [str(neutral.dark)]:
        assert name in text
    for word in (
        "Who can notice",
        "Time and data",
        "for some minutes",
        "What is kept",
        "When not to run it",
        "120",
        "probe wipe",
    ):
        assert word in text
