"""Test --keep and --max-disk: their values, and what is said about removed runs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from probe.cli.run.disk_limits import Limits, limits, remove_old_runs
from probe.cli.screen import UsageError


@pytest.mark.parametrize(("text", "hours"), [("30d", 720), ("1h", 1), ("2w", 336), ("99999w", 99999 * 168)])
def test_age(text: str, hours: int) -> None:
    assert limits(text, None) == Limits(timedelta(hours=hours), None)


@pytest.mark.parametrize(("text", "size"), [("500M", 500_000_000), ("1g", 10**9), ("64K", 64_000)])
def test_size(text: str, size: int) -> None:
    assert limits(None, text) == Limits(None, size)


@pytest.mark.parametrize("text", ["", "0d", "30", "d", "-1d", "1.5d", "30 d", "30D", "٣d", "100000d", "1y", "\x1b[2J"])
def test_text_that_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no age") as refused:
        limits(text, None)
    assert refused.value.exit_code == 2 and "\x1b" not in refused.value.sentence


@pytest.mark.parametrize("text", ["", "0M", "500", "M", "1.5G", "500MB", "٣M"])
def test_text_that_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no size"):
        limits(None, text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for days in (40, 20, 0):
        moment = datetime.now(UTC) - timedelta(days=days)
        path = tmp_path / f"{moment:%Y-%m-%d}" / "QX-AS1" / f"{moment:%H%M%S}-{days:02}.jsonl"
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(1000))
    return tmp_path


def names(root: Path) -> set[str]:
    return {path.name[7:9] for path in root.rglob("*.jsonl")}


def test_removed_runs_are_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remove_old_runs(root, limits("30d", None), None, [])
    said = capsys.readouterr().err
    assert names(root) == {"20", "00"}
    assert (
        said.startswith("Removed 1 earlier run (1 kB), because of --keep or --max-disk:\n    ")
        and "-40.jsonl\n" in said
    )


def test_only_ten_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(1, 13):
        path = tmp_path / f"2020-01-{number:02}" / "QX-AS1" / "130500-aa.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text("")
    remove_old_runs(tmp_path, limits("30d", None), None, [])
    assert capsys.readouterr().err.splitlines()[-1] == "    and 2 more" and not names(tmp_path)


@pytest.mark.parametrize("given", [limits(None, None), limits("100d", "1G")])
def test_nothing_is_said_if_nothing_is_removed(given: Limits, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remove_old_runs(root, given, None, [])
    assert capsys.readouterr().err == "" and names(root) == {"40", "20", "00"}


def test_nothing_is_removed_while_the_clock_is_wrong(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remove_old_runs(root, limits("30d", "1K"), None, [{"invalid_reason": "clock"}])
    assert names(root) == {"40", "20", "00"} and "the clock of this computer is wrong" in capsys.readouterr().err


def test_run_that_cannot_be_removed_is_counted(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "unlink", refused)
    remove_old_runs(root, limits("30d", None), None, [])
    assert "1 run could not be removed." in capsys.readouterr().err
