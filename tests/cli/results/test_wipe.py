"""Test `probe wipe`: only the probe's own files are removed, and only with consent."""

from pathlib import Path

import pytest

from probe.cli.results.wipe import wipe
from probe.cli.screen import UsageError
from probe.results import list_file, remember
from tests.cli.run.test_consent import typing

OTHERS = {"results/2026-11-24/diary.txt", "results/README.md", "results/shared/letter.txt"}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a results folder with two runs and two other files, beside settings and consent."""
    for folder in ("config", "state", "cache"):
        monkeypatch.setenv(f"XDG_{folder.upper()}_HOME", str(tmp_path / folder))
    monkeypatch.delenv("PROBE_RESULTS", raising=False)
    for name in (
        "results/2026-11-24/XX-AS64500/130500-4f2a.jsonl",
        "results/2026-11-24/XX-AS64500/130500-4f2a.summary.json",
        "results/lab/2026-11-24/XX-AS64500/130500-4f2b.jsonl.part",
        "results/2026-11-24/XX-AS64500/130500-4f2c.jsonl.zst",
        f"results/received/2026-11-24/XX-AS64500/{'0' * 64}.jsonl.zst",
        "results/received/.unfinished-0123456789abcdef",
        "results/shared/0123456789abcdef.censorprobe.zst.age",
        "results/submissions.sqlite",
        "results/submissions.sqlite-wal",
        "results/submissions.sqlite-shm",
        "results/submissions.lock",
        "results/observations/a.parquet",
        "results/2026-11-24/diary.txt",
        "results/README.md",
        "results/shared/letter.txt",
        "config/censorprobe/consent",
        "config/censorprobe/config.toml",
        "state/censorprobe/ui-0123456789abcdef.events",
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
    assert left(kept) == OTHERS
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


def run_in(folder: Path) -> Path:
    path = folder / "2026-11-24" / "XX-AS64500" / "130500-4f2a.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("")
    return path


def test_wipe_finds_every_folder_that_runs_used(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others = [run_in(kept.parent / name) for name in ("stick", "disk with a blank")]
    (kept.parent / "stick" / "letter.txt").write_text("")
    for other in others:
        remember(other.parents[2])
    assert list_file().exists()
    wipe(results=kept, yes=True)
    listed = capsys.readouterr().out
    assert all(str(other) in listed for other in [*others, list_file()])
    assert left(kept) == {*OTHERS, "stick/letter.txt"}
    assert not list_file().parent.exists()


def test_wipe_removes_the_cache_of_scapy_and_nothing_beside_it(kept: Path) -> None:
    cache = kept.parent / "cache" / "scapy"
    cache.mkdir(parents=True)
    for name in ("ethertypes.pickle", "services.pickle", "mine.pickle"):
        (cache / name).write_text("")
    wipe(results=kept, yes=True)
    assert [path.name for path in cache.iterdir()] == ["mine.pickle"]
    (cache / "mine.pickle").rename(cache / "manufdb.pickle")
    wipe(results=kept, yes=True)
    assert not cache.exists() and cache.parent.exists()


def test_wipe_says_when_it_does_not_know_the_folders(kept: Path) -> None:
    list_file().mkdir(parents=True)
    before = left(kept)
    with pytest.raises(UsageError, match="Nothing was removed"):
        wipe(results=kept, yes=True)
    assert left(kept) == before
