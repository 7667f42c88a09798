"""Test `probe run web --input`: sources of web addresses, bad rows and exit codes."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.cli.run import preparation
from probe.cli.run.consent import VERSION, text
from probe.cli.run.preparation import read_inputs, split
from probe.cli.screen import UsageError
from probe.targets.target_files import bundled_targets
from probe.targets.url_lists import MOST_KEPT
from tests.cli.run.test_run import Result, probe_run, quiet, saved_lines

__all__ = ["probe_run", "quiet"]
Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("names", "inputs", "expected"),
    [
        (["web"], ["a.txt"], ([], ["a.txt"])),
        (["web", "https://b.example/"], ["a.txt"], ([], ["a.txt", "https://b.example/"])),
        (["web", "telegram"], ["-"], (["telegram"], ["-"])),
        (["web"], [], (["web"], [])),
        (["telegram"], [], (["telegram"], [])),
    ],
)
def test_split_separates_names_from_inputs(
    names: list[str], inputs: list[str], expected: tuple[list[str], list[str]]
) -> None:
    assert split(names, inputs) == expected


def test_inputs_are_addresses_files_or_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("url,category_code\nhttps://a.example/,NEWS\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"http://b.example/\n# none\nhttps://a.example/\n")))
    found = read_inputs([str(listed), "-", "https://c.example/"])
    assert [target.input for target in found.targets] == [
        "https://a.example/",
        "http://b.example/",
        "https://c.example/",
    ]
    assert found.targets[0].category == "NEWS"


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (None, 2, "cannot be read"),
        (b"\xff\xfe", 6, "no UTF-8 text"),
        (b"", 6, "no web address that can be measured"),
        (b"not an address\n", 6, "no web address that can be measured"),
        (b"x" * 101, 6, "longer than 100 bytes"),
    ],
)
def test_unusable_input_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, code: int, said: str
) -> None:
    monkeypatch.setattr(preparation, "LONGEST_LIST", 100)
    listed = tmp_path / "list.txt"
    if content is not None:
        listed.write_bytes(content)
    with pytest.raises(UsageError, match=said) as refused:
        read_inputs([str(listed)])
    assert refused.value.exit_code == code


def test_bad_rows_are_named_up_to_a_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("https://a.example/\n" + "bad\x1b[2J\n" * 50)
    assert len(read_inputs([str(listed)]).targets) == 1
    said = capsys.readouterr().err
    assert len(said.splitlines()) == MOST_KEPT + 1 and "40 more rows are left out" in said
    assert "\x1b" not in said


def test_every_address_has_a_measurement_and_a_verdict(probe_run: Run, tmp_path: Path) -> None:
    code, out, err = probe_run("web", "http://b.example/", input=["https://a.example/x"])
    assert code == 0 and re.search(r"http://b.example/, +NOT TESTED .*\nhttps://a.example/x\n", out)
    lines = saved_lines(err)
    assert sorted(line["input"] for line in lines) == ["http://b.example/", "https://a.example/x"]
    assert {line["test_name"] for line in lines} == {"web_connectivity"}


def test_bad_row_exits_with_6_and_the_rest_is_measured(probe_run: Run, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("https://a.example/\nnonsense\n")
    code, out, err = probe_run("web", input=[str(listed)])
    assert code == 6 and "https://a.example/  NOT TESTED" in out and "line 2: 'nonsense'" in err
    assert len(saved_lines(err)) == 1


def test_target_web_needs_an_input(probe_run: Run) -> None:
    code, _, sentence = probe_run("web")
    assert code == 2 and "web needs --input" in sentence


def test_targets_and_addresses_in_one_run(probe_run: Run) -> None:
    code, out, _ = probe_run("web", "telegram", input=["https://a.example/"], json=True)
    assert code == 0
    assert {json.loads(line)["target"] for line in out.splitlines()} == {"telegram", "https://a.example/"}


def test_explain_names_the_hosts(probe_run: Run) -> None:
    code, out, _ = probe_run("web", input=["http://b\u00fccher.example/"], explain=True, consent=None)
    assert code == 0 and "xn--bcher-kva.example:80" in out and "Telegram" not in out


def test_consent_text_mentions_web_addresses(probe_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = " ".join(" ".join(text(bundled_targets())).split())
    assert "With --input also the web addresses that you name and their redirects" in words
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, _, sentence = probe_run("web", input=["https://a.example/"], consent="2020-01")
    assert code == 3 and VERSION in sentence


def test_control_characters_of_an_address_are_not_printed(probe_run: Run) -> None:
    code, _, sentence = probe_run("web", input=["https://a.example/\x1b[2J"])
    assert code == 6 and "\x1b" not in sentence
