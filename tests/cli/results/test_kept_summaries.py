"""Test the kept summaries of runs: a run is judged once per program, and a summary is removed with its run."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.cli.results import kept_summaries
from probe.cli.results.kept_summaries import LARGEST, digest_of_program, summary_of
from probe.cli.results.list import runs
from probe.cli.results.run_summary import MOST_APPS, RunSummary, summarize
from probe.cli.results.wipe import wipe
from probe.cli.run.settings import defaults
from probe.cli.ui.functions import Functions
from probe.messages import use
from probe.results import newest_first, summary_file
from probe.targets.target_files import bundled_targets
from tests.analysis.verdicts.test_apps import RECORDED

RUNS = 100
PLACE = "2026-11-24/XX-AS64500"
TORN = b'{"test_name":"telegram","probe_cc":"XX","probe_asn":"AS1","test_keys":{}}\n{"torn'


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return the paths of the runs that are judged from now on."""
    found: list[Path] = []

    def counting(path: Path) -> RunSummary:
        found.append(path)
        return summarize(path)

    monkeypatch.setattr(kept_summaries, "summarize", counting)
    return found


def a_run(root: Path, content: bytes = TORN, name: str = f"{PLACE}/090000-aa.jsonl") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def recorded(name: str) -> bytes:
    return gzip.decompress((RECORDED / f"{name}.jsonl.gz").read_bytes())


def updated(monkeypatch: pytest.MonkeyPatch, digest: str | None) -> None:
    monkeypatch.setattr(kept_summaries, "digest_of_program", lambda: digest)


def test_hundred_runs_are_judged_once(tmp_path: Path, judged: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(RUNS):
        a_run(tmp_path, name=f"{PLACE}/09{number:04}-aa.jsonl")
    runs(results=tmp_path, json=True)
    first = capsys.readouterr().out
    assert len(judged) == RUNS
    a_run(tmp_path, name=f"{PLACE}/200000-bb.jsonl")
    os.utime(tmp_path / PLACE / "200000-bb.jsonl", (1, 1))
    runs(results=tmp_path, json=True)
    assert capsys.readouterr().out.startswith(first) and len(judged) == RUNS + 1


def test_kept_summary_is_that_of_judging(tmp_path: Path, judged: list[Path]) -> None:
    run = a_run(tmp_path, recorded("great-firewall"))
    first = summary_of(run)
    assert first == summary_of(run) == summarize(run) and len(judged) == 1
    assert len(first.apps) == 12 and first.lab == "great-firewall"


def test_history_of_the_interface_uses_the_same_summary(
    tmp_path: Path, judged: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("probe.messages.catalogue._translations", None)
    monkeypatch.setenv("_PROBE_LANG", "en")
    run, functions = a_run(tmp_path, recorded("sni-reset")), Functions(tmp_path, bundled_targets())
    assert "partly blocked: WhatsApp, Telegram" in functions.run_line(run).found
    use("fr")
    assert "Telegram" in functions.run_line(run).found and "blocked" not in functions.run_line(run).found
    runs(results=tmp_path)
    assert len(judged) == 1


def test_update_of_the_program_judges_again(
    tmp_path: Path, judged: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run(tmp_path)
    summary_of(run)
    updated(monkeypatch, "another")
    summary_of(run)
    summary_of(run)
    assert judged == [run, run]


def test_digest_of_the_program_changes_with_each_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def digest() -> str | None:
        digest_of_program.cache_clear()
        return digest_of_program()

    monkeypatch.setattr("probe.__file__", str(tmp_path / "__init__.py"))
    assert digest() is None
    for name in ("__init__.py", "data/words.txt", "analysis/ruleset/tcp_rules.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one")
    found = [digest()]
    for name in ("data/words.txt", "analysis/ruleset/tcp_rules.py"):
        (tmp_path / name).write_text("two")
        found.append(digest())
    (tmp_path / "analysis/ruleset/tcp_rules.py").rename(tmp_path / "analysis/ruleset/udp.py")
    found.append(digest())
    assert None not in found and len(set(found)) == 4
    (tmp_path / "__init__.py").unlink()
    assert digest() is None
    digest_of_program.cache_clear()


def test_program_without_sources_keeps_nothing(
    tmp_path: Path, judged: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    updated(monkeypatch, None)
    run = a_run(tmp_path)
    summary_of(run)
    assert not summary_file(run).exists()


def test_changed_run_is_judged_again(tmp_path: Path, judged: list[Path]) -> None:
    run = a_run(tmp_path)
    before = summary_of(run).problems
    a_run(tmp_path, TORN + b"\n{more")
    assert (before, summary_of(run).problems) == (1, 2)


@pytest.mark.parametrize("name", [f"{PLACE}/090000-aa.jsonl.part", "elsewhere/090000-aa.jsonl", f"{PLACE}/diary.jsonl"])
def test_nothing_is_kept_beside_other_files(name: str, tmp_path: Path) -> None:
    run = a_run(tmp_path, name=name)
    summary_of(run)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [run]


KEPT: dict[str, Callable[[str], str]] = {
    "no-json": lambda digest: "{",
    "deep": lambda digest: "[" * 100_000,
    "no-object": lambda digest: "[1]",
    "other-digest": lambda digest: json.dumps({"digest": "0", "summary": {"start": "false"}}),
    "too-large": lambda digest: json.dumps({"digest": digest, "summary": {"start": "x" * LARGEST}}),
}


@pytest.mark.parametrize("case", KEPT)
def test_file_that_is_no_kept_summary_is_replaced(case: str, tmp_path: Path) -> None:
    run = a_run(tmp_path)
    wanted, kept = summary_of(run), summary_file(run)
    digest = json.loads(kept.read_text())["digest"]
    kept.write_text(KEPT[case](digest))
    assert summary_of(run) == wanted and json.loads(kept.read_text())["digest"] == digest


def test_kept_values_of_other_types_read_as_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = a_run(tmp_path)
    summary_of(run)
    document = json.loads(summary_file(run).read_text())
    odd = {"start": [], "network": {}, "lab": 1, "found": {"ok": "x"}, "apps": [1, {"app": 2, "needs": 3}], "tests": 7}
    summary_file(run).write_text(json.dumps(document | {"summary": odd}))
    runs(results=tmp_path)
    runs(results=tmp_path, verbose=True)
    assert str(run) in capsys.readouterr().out.replace("\n", "")


def test_folder_that_cannot_be_written_is_listed(
    tmp_path: Path, judged: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(kept_summaries, "_keep", refused)
    run = a_run(tmp_path)
    assert summary_of(run) == summary_of(run) and judged == [run, run]


def test_summary_does_not_stay_without_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def removing(path: Path) -> RunSummary:
        path.unlink()
        return RunSummary()

    monkeypatch.setattr(kept_summaries, "summarize", removing)
    summary_of(a_run(tmp_path))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_wipe_and_the_interface_remove_summaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("config", "state", "cache"):
        monkeypatch.setenv(f"XDG_{folder.upper()}_HOME", str(tmp_path / folder))
    monkeypatch.delenv("PROBE_RESULTS", raising=False)
    assert defaults() == {}
    for remove in (
        lambda root: wipe(results=root, yes=True),
        lambda root: (offered := Functions(root, bundled_targets())).remove(offered.everything()),
    ):
        root = tmp_path / "results"
        for name in (f"{PLACE}/090000-aa.jsonl", f"lab/{PLACE}/090000-ab.jsonl.zst"):
            summary_of(a_run(root, name=name))
        assert len(list(root.rglob("*.summary.json"))) == 2
        remove(root)
        assert not [path for path in root.rglob("*") if path.is_file()]


def test_very_many_apps_are_counted_by_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.loads(TORN.split(b"\n")[0])
    monkeypatch.setattr("probe.cli.results.run_summary.MOST_APPS", 2)
    run = a_run(tmp_path, b"".join(json.dumps(line).encode() + b"\n" for _ in range(3)))
    assert MOST_APPS == 500 and summarize(run).apps == []
    assert summarize(run).found_lines(79, unicode=False) == ["6 not tested enough"]


def test_file_with_several_runs_is_counted_by_service(tmp_path: Path) -> None:
    run = a_run(tmp_path, recorded("sni-reset") + recorded("clean"))
    summary = summarize(run)
    assert summary.apps == [] and summary.found == {"blocked": 3, "ok": 65}
    assert " blocked" in (found := summary.found_lines(79, unicode=False)[0]) and "apps" not in found


def test_newest_first_ignores_summaries(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    summary_of(run)
    assert summary_file(run).is_file() and newest_first(tmp_path) == [run]
