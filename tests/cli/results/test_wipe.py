"""Test `probe wipe`: only the probe's own files are removed, and only with consent."""

from pathlib import Path

import pytest

from probe.cli.results.wipe import wipe
from probe.cli.screen import UsageError
from tests.cli.run.test_consent import typing


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a results folder with two runs and two other files, beside settings and consent."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("PROBE_RESULTS", raising=False)
    for name in (
        "results/2026-11-24/XX-AS64500/130500-4f2a.jsonl",
        "results/lab/2026-11-24/XX-AS64500/130500-4f2b.jsonl.part",
        "results/observations/a.parquet",
        "results/2026-11-24/diary.txt",
        "results/README.md",
        "config/censorprobe/consent",
        "config/censorprobe/config.toml",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return tmp_path / "results"


def left(kept: Path) -> set[str]:
    return {path.relative_to(kept.parent).as_posix() for path in kept.parent.rglob("*") if path.is_file()}


def test_wipe_removes_only_own_files(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = left(kept)
    wipe(results=kept, yes=True)
    assert left(kept) == {"results/2026-11-24/diary.txt", "results/README.md"}
    listed = capsys.readouterr().out
    assert all(str(kept.parent / gone) in listed for gone in before - left(kept))
    assert not (kept / "lab").exists() and not (kept.parent / "config" / "censorprobe").exists()


@pytest.mark.parametrize("typed", ["\n", "no\n", ""])
def test_wipe_needs_consent(kept: Path, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    before = left(kept)
    typing(monkeypatch, typed)
    with pytest.raises(UsageError, match="Nothing was removed"):
        wipe(results=kept)
    assert left(kept) == before


def test_wipe_ignores_invalid_settings(kept: Path) -> None:
    (kept.parent / "config" / "censorprobe" / "config.toml").write_text("= nonsense")
    wipe(results=kept, yes=True)
    assert "config/censorprobe/config.toml" not in left(kept)


def test_wipe_follows_no_links(kept: Path) -> None:
    elsewhere = kept.parent / "elsewhere" / "2026-11-24" / "XX-AS1"
    elsewhere.mkdir(parents=True)
    (elsewhere / "130500-aa.jsonl").write_text("")
    (kept / "lab" / "2026-11-25").symlink_to(elsewhere.parent)
    wipe(results=kept, yes=True)
    assert (elsewhere / "130500-aa.jsonl").exists()
