"""Test `probe run --ooni-run`: what is shown, what is asked, what is fetched, and what is measured."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.cli.run import consent
from probe.ooni.run_links.descriptor import Descriptor
from tests.cli.run.test_run import Result, probe_run, quiet, saved_lines
from tests.support.ooni.run_links import link_server

__all__ = ["probe_run", "quiet"]
Run = Callable[..., Result]
LINK = "https://run.ooni.org/v2/10054"
LIST: dict[str, Any] = {
    "name": "My \x1b[31mlist",
    "author": "somebody@example.org",
    "short_description": "Two messengers and some pages",
    "oonirun_link_id": "10054",
    "nettests": [
        {"test_name": "telegram"},
        {"test_name": "signal"},
        {"test_name": "web_connectivity", "inputs": [f"https://a{number}.example/" for number in range(15)]},
    ],
}
DIGEST = Descriptor.model_validate(LIST).digest()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def listed(tmp_path: Path) -> str:
    file = tmp_path / "list.json"
    file.write_text(json.dumps(LIST))
    return str(file)


@pytest.fixture(autouse=True)
def never_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace OONI's server, so that no test contacts it by mistake."""
    monkeypatch.setattr("probe.ooni.run_links.run_link.API", "http://127.0.0.1:9")


def test_list_in_a_file_is_measured_after_its_digest_is_given(probe_run: Run, listed: str) -> None:
    code, out, err = probe_run(ooni_run=listed, ooni_run_digest=DIGEST.upper())
    assert code == 0 and "Telegram" in out and "https://a14.example/" in out
    lines = saved_lines(err)
    assert {line["test_name"] for line in lines} == {"telegram", "signal", "web_connectivity"} and len(lines) == 17


def test_list_is_shown_with_its_author_and_without_control_characters(probe_run: Run, listed: str) -> None:
    _, _, err = probe_run(ooni_run=listed, ooni_run_digest=DIGEST)
    said = " ".join(err.split())
    assert 'OONI Run list "My \\u001b[31mlist" (10054)' in said and "\x1b" not in err
    assert "Author as the list says: somebody@example.org" in said and "Two messengers and some pages" in said
    assert "Measures: Signal, Telegram" in said and "15 web addresses: https://a0.example/" in said
    assert "a11.example" in said and "a12.example" not in said.partition("and 3 more")[0]
    assert "Another person wrote this list, and it was not checked." in said


@pytest.mark.parametrize(
    ("given", "said"), [(None, "no terminal to ask at"), ("0" * 32, "not the one that you agreed")]
)
def test_without_agreement_nothing_is_measured(probe_run: Run, listed: str, given: str | None, said: str) -> None:
    code, _, sentence = probe_run(ooni_run=listed, ooni_run_digest=given)
    assert code == 3 and said in sentence and f"--ooni-run-digest {DIGEST}" in sentence


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        ("yes\n", 0, "saved"),
        ("no\n", 3, "you did not agree"),
        ("", 3, "you did not agree"),
        ("\nm\nyes\n", 0, "a14.ex"),
    ],
)
def test_user_is_asked_at_a_terminal(
    probe_run: Run, listed: str, monkeypatch: pytest.MonkeyPatch, typed: str, code: int, said: str
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    ended, _, err = probe_run(ooni_run=listed)
    assert ended == code and said in err


def test_changed_list_needs_a_new_agreement(probe_run: Run, listed: str) -> None:
    Path(listed).write_text(json.dumps(LIST | {"nettests": [*LIST["nettests"], {"test_name": "whatsapp"}]}))
    code, _, sentence = probe_run(ooni_run=listed, ooni_run_digest=DIGEST)
    assert code == 3 and DIGEST not in sentence


def test_quiet_run_with_a_digest_shows_the_warning_and_no_list(probe_run: Run, listed: str) -> None:
    code, _, err = probe_run(ooni_run=listed, ooni_run_digest=DIGEST, quiet=True)
    assert code == 0 and "somebody@example.org" not in err


def test_measurements_name_the_link(probe_run: Run, listed: str) -> None:
    _, _, err = probe_run(ooni_run=listed, ooni_run_digest=DIGEST)
    assert {line["annotations"].get("ooni_run_link_id") for line in saved_lines(err)} == {"10054"}
    Path(listed).write_text(json.dumps(LIST | {"oonirun_link_id": None}))
    digest = Descriptor.model_validate(LIST | {"oonirun_link_id": None}).digest()
    _, _, err = probe_run(ooni_run=listed, ooni_run_digest=digest)
    assert all("ooni_run_link_id" not in line["annotations"] for line in saved_lines(err))


def test_link_is_fetched_from_the_named_server_only(probe_run: Run) -> None:
    with link_server(n10054=LIST) as server:
        code, _, err = probe_run(ooni_run=LINK, ooni_run_digest=DIGEST, ooni_run_server=server.address)
    assert code == 0 and "The list is fetched from 127.0.0.1." in err
    assert server.asked == [("GET", "/api/v2/oonirun/links/10054")]


def test_link_is_not_fetched_before_the_consent(probe_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with link_server(n10054=LIST) as server:
        code, _, _ = probe_run(ooni_run=LINK, consent="2020-01", ooni_run_server=server.address)
        assert code == 3
        code, _, _ = probe_run(ooni_run=LINK, consent=None, ooni_run_server=server.address)
        assert code == 3
    assert server.asked == []


def test_explain_fetches_nothing_and_asks_nothing(probe_run: Run, listed: str) -> None:
    with link_server(n10054=LIST) as server:
        code, _, sentence = probe_run(ooni_run=LINK, explain=True, ooni_run_server=server.address)
    assert code == 2 and "cannot fetch a link" in sentence and server.asked == []
    code, out, _ = probe_run(ooni_run=listed, explain=True, consent=None)
    assert code == 0 and "a14.example:443" in out and "Nothing has been sent." in out


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"nonsense", 6, "no JSON text"),
        (b'{"nettests": [{"test_name": "ndt"}]}', 6, "nothing that this program can measure"),
        (b'{"nettests": [{"test_name": "telegram"}], "is_expired": true}', 6, "expired"),
        (None, 2, "cannot be read"),
    ],
)
def test_unusable_file_is_refused(probe_run: Run, tmp_path: Path, content: bytes | None, code: int, said: str) -> None:
    file = tmp_path / "bad.json"
    if content is not None:
        file.write_bytes(content)
    ended, _, sentence = probe_run(ooni_run=str(file))
    assert ended == code and said in sentence


def test_partly_usable_list_exits_with_6(probe_run: Run, listed: str) -> None:
    partly = {"nettests": [{"test_name": "telegram"}, {"test_name": "ndt"}]}
    Path(listed).write_text(json.dumps(partly))
    code, out, err = probe_run(ooni_run=listed, ooni_run_digest=Descriptor.model_validate(partly).digest())
    assert code == 6 and "Telegram" in out and "which are left out: ndt." in " ".join(err.split())


def test_targets_and_a_list_exclude_each_other(probe_run: Run, listed: str) -> None:
    for names, more in ((["telegram"], {}), ([], {"input": ["https://a.example/"]})):
        code, _, sentence = probe_run(*names, ooni_run=listed, **more)
        assert code == 2 and "--ooni-run already says what is measured" in sentence


@pytest.mark.parametrize("server", ["http://example.org", "ftp://127.0.0.1", "https://a.example/?x"])
def test_server_without_tls_must_be_here(probe_run: Run, server: str) -> None:
    code, _, sentence = probe_run(ooni_run=LINK, ooni_run_server=server)
    assert code == 2 and "--server" in sentence


def test_agreement_to_the_text_is_asked_first(probe_run: Run, listed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(consent, "require", lambda given, folder: asked.append("text"))
    monkeypatch.setattr("probe.cli.run.ooni_run.loading.agree", lambda *_: asked.append("list"))
    probe_run(ooni_run=listed)
    assert asked[:2] == ["text", "list"]
