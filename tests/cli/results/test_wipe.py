"""Test `probe wipe`: only the probe's own files are removed, and only with consent."""

from pathlib import Path

import pytest
from typer._completion_shared import install_bash, install_fish, install_zsh

from probe.cli.results.wipe import wipe
from probe.cli.screen import UsageError
from probe.ooni.submission.outcomes import Protocol, run_key
from probe.ooni.submission.queue_file import open_queue
from probe.ooni.submission.sendable import SendableLine
from probe.results import list_file, remember
from tests.cli.run.test_consent import typing

OTHERS = {"results/2026-11-24/diary.txt", "results/README.md", "results/shared/letter.txt"}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a results folder with two runs and two other files, beside settings and consent."""
    for folder in ("config", "state", "cache"):
        monkeypatch.setenv(f"XDG_{folder.upper()}_HOME", str(tmp_path / folder))
    monkeypatch.delenv("PROBE_RESULTS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
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
        "config/censorprobe/contributor-secret",
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


RUN = "results/2026-11-24/XX-AS64500/130500-4f2a"


def test_one_run_is_removed_with_the_files_beside_it(kept: Path) -> None:
    (kept.parent / f"{RUN}.pcapng").write_text("")
    before = left(kept)
    wipe([str(kept.parent / f"{RUN}.jsonl")], results=kept, yes=True)
    gone = {name for name in before - left(kept) if "submissions" not in name}  # SQLite removes its own files
    assert gone == {f"{RUN}.{end}" for end in ("jsonl", "summary.json", "pcapng")}
    wipe(["last"], results=kept, yes=True)
    assert "results/2026-11-24/XX-AS64500/130500-4f2c.jsonl.zst" not in left(kept)
    assert not (kept / "2026-11-24" / "XX-AS64500").exists()  # the folder of the day has a diary
    assert left(kept) > OTHERS and (kept.parent / "config" / "censorprobe" / "consent").is_file()


@pytest.mark.parametrize("word", ["9", "results/README.md", "results/2026-11-24/diary.txt", "results/gone.jsonl"])
def test_what_is_no_run_is_not_removed(kept: Path, word: str) -> None:
    before = left(kept)
    with pytest.raises(UsageError):
        wipe([word if word == "9" else str(kept.parent / word)], results=kept, yes=True)
    assert left(kept) == before


def test_waiting_measurements_of_a_removed_run_are_not_published(kept: Path) -> None:
    for name in ("submissions.sqlite", "submissions.sqlite-wal", "submissions.sqlite-shm", "submissions.lock"):
        (kept / name).unlink()
    runs = [kept / "2026-11-24" / "XX-AS64500" / f"{name}.jsonl" for name in ("130500-4f2a", "130500-4f2c")]
    with open_queue(kept) as queue:
        for number, run in enumerate(runs):
            line = SendableLine(1, b'{"number": %d}' % number, "web_connectivity")
            queue.add("https://server.example", Protocol.SUBMIT, run_key(run), [line])
    wipe([str(runs[0])], results=kept, yes=True)
    with open_queue(kept) as queue:
        assert [entry.run for entry in queue.entries()] == [run_key(runs[1])]


# -- completion ----------------------------------------------------------------------------------------------------


BASHRC = "# my own settings\nexport EDITOR=vi\n"


@pytest.fixture
def home(kept: Path) -> Path:
    """Return a home folder in which completion is installed for bash, zsh and fish."""
    home = kept.parent / "home"
    home.mkdir()
    (home / ".bashrc").write_text(BASHRC)
    for install in (install_bash, install_zsh, install_fish):
        install(prog_name="probe", complete_var="_PROBE_COMPLETE", shell=install.__name__.removeprefix("install_"))
    return home


def test_wipe_removes_completion_and_its_lines(home: Path, kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "probe.sh" in (home / ".bashrc").read_text() and ".zfunc" in (home / ".zshrc").read_text()
    wipe(results=kept, yes=True)
    assert (home / ".bashrc").read_text() == BASHRC
    assert ".zfunc" not in (home / ".zshrc").read_text()
    assert not [path for path in home.rglob("*") if "probe" in path.name]
    assert f"This line is removed from {home / '.bashrc'}: source '" in capsys.readouterr().out


def test_completion_of_other_programs_stays(home: Path, kept: Path) -> None:
    (home / ".zfunc" / "_other").write_text("compdef _other other")
    (home / ".config" / "fish" / "completions" / "probe.fish").write_text("complete of another program")
    before = (home / ".zshrc").read_text()
    wipe(results=kept, yes=True)
    assert (home / ".zshrc").read_text() == before and (home / ".zfunc" / "_other").is_file()
    assert (home / ".config" / "fish" / "completions" / "probe.fish").is_file()


def test_single_runs_leave_completion(home: Path, kept: Path) -> None:
    run = kept / "2026-11-24" / "XX-AS64500" / "130500-4f2a.jsonl"
    wipe([str(run)], results=kept, yes=True)
    assert not run.exists() and (home / ".bash_completions" / "probe.sh").is_file()
    assert (home / ".bashrc").read_text() != BASHRC


def test_shells_file_keeps_its_link_and_mode(home: Path, kept: Path) -> None:
    (home / ".bashrc").rename(home / "dotfiles")
    (home / ".bashrc").symlink_to(home / "dotfiles")
    (home / "dotfiles").chmod(0o600)
    wipe(results=kept, yes=True)
    assert (home / ".bashrc").is_symlink() and (home / "dotfiles").stat().st_mode & 0o777 == 0o600
    assert (home / "dotfiles").read_text() == BASHRC
