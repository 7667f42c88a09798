"""Test that every command names a full disk in one sentence, exits with 7, and works again when there is space."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from probe.cli.run.consent_text import VERSION
from tests.cli.data.test_fetch import bucket
from tests.cli.results.test_judge import call
from tests.support.lab.inside_lab import ROOT
from tests.support.lab.small_disk import Disk, on_small_disk
from tests.support.ooni.bucket import FakeBucket
from tests.support.store.stores import some_lines, store_of, write

__all__ = ["bucket"]  # a fixture
pytestmark = pytest.mark.lab
FULL_DISK = 7
SENTENCE = "probe: The disk is full: {} cannot be written. Free some space and run the same command again."

# Words of the command, and the path that the sentence names. SOURCE is a folder with a store and its results file.
COMMANDS = [
    ("ingest SOURCE/lines.jsonl --store DISK/store --jobs 1", "DISK/store/store.sqlite"),
    ("ingest --rejudge --store DISK/store --jobs 1", "DISK/store"),
    ("export --store SOURCE/store --out DISK/x.csv", "DISK/x.csv"),
    ("export --store SOURCE/store --out DISK/x.parquet", "DISK/x.parquet"),
    ("export --store SOURCE/store --out DISK/x.jsonl", "DISK/x.jsonl"),
    ("export --store SOURCE/store --out DISK/x.sqlite", "DISK/x.sqlite"),
    ("compare SOURCE/store --html DISK/page.html", "DISK/page.html"),
    ("show SOURCE/lines.jsonl --html DISK/page.html", "DISK/page.html"),
    ("synth --measurements 30 --seed 2 --out DISK/world", "DISK/world"),
    (f"lab score --show {ROOT}/tests/lab/score.json --save DISK/score.json", "DISK/score.json"),
]


def said(words: str) -> tuple[int, list[str]]:
    """Run a command, and return its exit code and the lines on stderr."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as err:
        code = call(*words.split())
    return code, err.getvalue().splitlines()


def files_under(folder: Path) -> dict[str, bytes]:
    names = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in names}


def full_then_free(disk: Disk, words: str, source: str) -> tuple[int, list[str], int, list[str], list[str]]:
    """Run a command on a full disk and again with space. Return codes, sentences, and files that a whole run lacks."""
    os.chdir(disk.folder)
    words = words.replace("SOURCE", source)
    spacious, small = disk.folder / "spacious", disk.folder / "small"
    for folder in (spacious, small):
        folder.mkdir()
        if "--rejudge" in words:
            shutil.copytree(Path(source) / "store", folder / "store")
    whole, _ = said(words.replace("DISK", str(spacious)))
    disk.leave(4096)
    code, lines = said(words.replace("DISK", str(small)))
    before = [*files_under(small)]
    disk.make_space()
    again, _ = said(words.replace("DISK", str(small)))
    different = [] if "ingest" in words else unlike(files_under(spacious), files_under(small))
    assert whole == again == 0, (whole, again)
    return code, [line.replace(str(small), "DISK") for line in lines], again, before, different


def unlike(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Return the names that only one has, or with other contents. Pages have the time in them, and equal lengths."""
    both = {name: (one.get(name), other.get(name)) for name in one.keys() | other.keys()}
    pages = {name for name, (first, second) in both.items() if name.endswith(".html") and first and second}
    return [name for name, (first, second) in both.items() if first != second and name not in pages] + [
        name for name in pages if len(one[name]) != len(other[name])
    ]


@pytest.mark.parametrize(("words", "path"), COMMANDS)
def test_command_on_full_disk_exits_with_7_and_can_be_repeated(tmp_path: Path, words: str, path: str) -> None:
    store_of(tmp_path, some_lines(60))
    code, lines, again, before, different = on_small_disk(full_then_free, tmp_path, words, str(tmp_path))
    assert (code, again) == (FULL_DISK, 0)
    assert lines[-1] == SENTENCE.format(path)
    assert different == []
    assert before == [] or "ingest" in words


def fetch_on(disk: Disk, url: str) -> tuple[int, list[str], int, dict[str, int]]:
    words = (
        f"fetch ooni --cc it --test telegram --since 2026-10-01 --until 2026-10-02 --archive {url} --yes --dest DISK"
    )
    words = words.replace("DISK", str(disk.folder))
    disk.leave(8192)
    code, lines = said(words)
    disk.make_space()
    again, _ = said(words)
    return code, lines, again, {name: len(raw) for name, raw in files_under(disk.folder).items()}


def test_fetch_on_full_disk_continues_the_files(bucket: FakeBucket, tmp_path: Path) -> None:
    code, lines, again, files = on_small_disk(fetch_on, tmp_path, bucket.url)
    assert (code, again) == (FULL_DISK, 0)
    assert lines[-1] == SENTENCE.format(tmp_path / "disk")
    wanted = {key: len(raw) for key, raw in bucket.files.items() if key.startswith("raw") and key.endswith(".jsonl.gz")}
    assert files == wanted


def results_on(disk: Disk) -> list[tuple[int, list[str]]]:
    os.environ.update(XDG_STATE_HOME=str(disk.folder), PROBE_CONSENT=VERSION)
    (disk.folder / "results").mkdir()
    disk.leave_no_name()
    return [
        said(f"run telegram {words}") for words in (f"--results {disk.folder}/results", f"--output {disk.folder}/x")
    ]


def test_run_sends_nothing_if_the_disk_is_full_before(tmp_path: Path) -> None:
    (_, folder), (_, file) = answers = on_small_disk(results_on, tmp_path)
    assert [code for code, _ in answers] == [FULL_DISK, FULL_DISK]
    assert folder[-1] == SENTENCE.format(tmp_path / "disk" / "results")
    assert file[-1] == SENTENCE.format(tmp_path / "disk" / "x")


def page_on(disk: Disk, source: str) -> tuple[int, bool]:
    page = disk.folder / "page.html"
    page.write_text("the page of yesterday")
    disk.leave(4096)
    code, _ = said(f"compare {source} --html {page}")
    return code, page.read_text() == "the page of yesterday" and len(list(disk.folder.iterdir())) == 1


def test_older_page_stays_if_the_new_one_has_no_space(tmp_path: Path) -> None:
    assert on_small_disk(page_on, tmp_path, str(store_of(tmp_path, some_lines(9)))) == [FULL_DISK, True]


def card_on(disk: Disk, file: str) -> tuple[int, list[str], list[str]]:
    """Make the card of a results file with its temporary store on a full disk. Return what is left there, too."""
    os.environ["TMPDIR"] = str(disk.folder)
    before = files_under(disk.folder)
    disk.leave(1 << 15)
    code, lines = said(f"cite --card {file}")
    left = [name for name in files_under(disk.folder) if name not in before and "censorprobe" in name]
    return code, lines, left


def test_card_of_files_without_room_for_its_store_leaves_nothing(tmp_path: Path) -> None:
    code, lines, left = on_small_disk(card_on, tmp_path, str(write(tmp_path / "a.jsonl", some_lines(3))))
    assert (code, len(lines), left) == (FULL_DISK, 1, [])
    assert lines[0].startswith("probe: The disk is full: ") and "censorprobe-spill-" in lines[0]


# -- streams -------------------------------------------------------------------------------------------------------


def with_full_stream(words: Iterable[str], **streams: object) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "probe", *words], cwd=ROOT, text=True, check=False, timeout=100, **streams
    )
    return done.returncode, done.stderr or ""


@pytest.mark.parametrize(
    "words",
    [
        ["sql", "SELECT * FROM verdicts", "--store", "{}/store"],
        ["judge", "--json", "{}/lines.jsonl"],
        ["compare", "{}/store"],
        ["cite", "--store", "{}/store"],
        ["rules"],
        ["--help"],
    ],
)
def test_output_that_a_full_disk_does_not_take_exits_with_7(tmp_path: Path, words: list[str]) -> None:
    store_of(tmp_path, some_lines(3))
    with open("/dev/full", "w") as full:
        code, err = with_full_stream([word.format(tmp_path) for word in words], stdout=full, stderr=subprocess.PIPE)
    assert code == FULL_DISK
    assert err.splitlines() == [SENTENCE.format("the output")]


def test_exit_code_remains_if_nothing_can_be_said(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", some_lines(1))
    with open("/dev/full", "w") as full:
        assert with_full_stream(["judge", str(tmp_path / "a.jsonl")], stdout=full, stderr=full)[0] == FULL_DISK
        words = ["judge", str(tmp_path / "missing")]
        assert with_full_stream(words, stdout=subprocess.DEVNULL, stderr=full)[0] == 6
