"""Test `probe fetch ooni` with a bucket on loopback."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.ooni.archive import archive_bucket as module
from probe.results.unpacking import zstd_module
from tests.analysis.ooni_import.test_measurements import SAMPLES
from tests.cli.results.test_judge import call
from tests.support.ooni.bucket import FakeBucket, serving

LINE = json.dumps(SAMPLES["telegram-ok"]).encode() + b"\n"
HOUR = "raw/20261001/{hour:02}/IT/telegram/20261001{hour:02}_IT_telegram.n{host}.0.{kind}.gz"
FIRST = HOUR.format(hour=0, host=0, kind="jsonl")
OLD = "jsonl/telegram/IT/20200921/00/20200921_IT_telegram.l.0.jsonl.gz"


def contents(number: int) -> bytes:
    return gzip.compress(LINE * (number + 1), mtime=0)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBucket]:
    monkeypatch.setattr(module, "BETWEEN_TRIES", 0.01)
    files = {HOUR.format(hour=0, host=host, kind="jsonl"): contents(host) for host in range(7)}
    files |= {HOUR.format(hour=0, host=host, kind="tar"): b"the same again" for host in range(7)}
    files |= {HOUR.format(hour=5, host=0, kind="jsonl"): contents(9), OLD: contents(2)}
    files["raw/20261001/00/IT/telegram/2026100100_IT_telegram.evil.exe"] = b"no"
    with serving(files) as found:
        yield found


def fetch(bucket: FakeBucket, dest: Path, *more: str, since: str = "2026-10-01", until: str = "2026-10-02") -> int:
    asked = ("--cc", "it", "--test", "telegram", "--since", since, "--until", until)
    return call("fetch", "ooni", *asked, "--dest", str(dest), "--archive", bucket.url, "--yes", *more)


def files_in(dest: Path) -> dict[str, bytes]:
    return {str(path.relative_to(dest)): path.read_bytes() for path in dest.rglob("*") if path.is_file()}


def expected(bucket: FakeBucket) -> dict[str, bytes]:
    return {key: raw for key, raw in bucket.files.items() if key.startswith("raw") and key.endswith(".jsonl.gz")}


def test_plan_lists_without_download(bucket: FakeBucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch(bucket, tmp_path / "x", "--plan") == 0
    out, err = capsys.readouterr()
    total = sum(map(len, expected(bucket).values()))
    assert out.startswith("8 files, ") and f"{total / 1000:.0f} kB" in out
    assert "before 2026-10-02" in " ".join(out.split())
    assert "CC BY-NC-SA" in out and FIRST in out and ".tar.gz" not in out
    assert "archive at 127.0.0.1" in err
    assert bucket.fetched == [] and not (tmp_path / "x").exists()


def test_files_of_all_pages_are_downloaded_once(
    bucket: FakeBucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch(bucket, tmp_path) == 0
    assert files_in(tmp_path) == expected(bucket)
    assert "Downloaded: 8. Already complete: 0." in capsys.readouterr().err
    assert call("judge", "--json", str(tmp_path)) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 * (sum(range(1, 8)) + 10)


def test_old_layout_is_read(bucket: FakeBucket, tmp_path: Path) -> None:
    assert fetch(bucket, tmp_path, since="2020-09-21", until="2020-09-22") == 0
    assert files_in(tmp_path) == {OLD: bucket.files[OLD]}


def test_complete_file_is_not_downloaded_again(
    bucket: FakeBucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch(bucket, tmp_path) == 0
    (tmp_path / FIRST).write_bytes(b"\0" * len(bucket.files[FIRST]))  # right size, wrong content
    bucket.asked.clear()
    assert fetch(bucket, tmp_path) == 0
    assert bucket.fetched == [FIRST] and files_in(tmp_path) == expected(bucket)


@pytest.mark.parametrize(("fault", "ranges"), [("", ["bytes=20-"]), ("no ranges", ["bytes=20-"])])
def test_partial_file_is_continued(bucket: FakeBucket, tmp_path: Path, fault: str, ranges: list[str]) -> None:
    bucket.faults[FIRST] = fault
    half = tmp_path / (FIRST + ".part")
    half.parent.mkdir(parents=True)
    half.write_bytes(bucket.files[FIRST][:20])
    assert fetch(bucket, tmp_path) == 0
    assert files_in(tmp_path) == expected(bucket)
    assert [asked for asked in bucket.ranges if asked] == ranges


def test_partial_file_with_other_content_is_discarded(bucket: FakeBucket, tmp_path: Path) -> None:
    half = tmp_path / (FIRST + ".part")
    half.parent.mkdir(parents=True)
    half.write_bytes(b"\0" * 20)
    assert fetch(bucket, tmp_path) == 8
    assert FIRST not in files_in(tmp_path) and FIRST + ".part" not in files_in(tmp_path)
    assert fetch(bucket, tmp_path) == 0
    assert files_in(tmp_path) == expected(bucket)


@pytest.mark.parametrize("fault", ["torn", "busy", "short"])
def test_interrupted_download_is_repeated(bucket: FakeBucket, tmp_path: Path, fault: str) -> None:
    bucket.faults[FIRST] = fault
    assert fetch(bucket, tmp_path) == 0
    assert files_in(tmp_path) == expected(bucket)


@pytest.mark.parametrize(("fault", "code"), [("wrong", 8), ("moved", 4)])
def test_file_that_differs_from_listing_is_removed(
    bucket: FakeBucket, tmp_path: Path, fault: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.faults[FIRST] = fault
    assert fetch(bucket, tmp_path) == code
    assert files_in(tmp_path) == {key: raw for key, raw in expected(bucket).items() if key != FIRST}
    assert FIRST in capsys.readouterr().err and "/elsewhere" not in bucket.asked


def test_more_than_most_is_refused_with_total(
    bucket: FakeBucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch(bucket, tmp_path, "--most", "1k") == 2
    out, err = capsys.readouterr()
    assert "8 files" in out and "--most 1 kB" in err and bucket.fetched == []


@pytest.mark.parametrize(
    "listing", [b"<html>portal</html>", b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"]
)
def test_invalid_listing_is_refused(
    bucket: FakeBucket, tmp_path: Path, listing: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.listing = listing
    assert fetch(bucket, tmp_path) == 4
    assert "cannot be listed" in capsys.readouterr().err


def test_endless_listing_is_refused(bucket: FakeBucket, tmp_path: Path) -> None:
    bucket.listing = (
        b"<ListBucketResult><IsTruncated>true</IsTruncated>"
        b"<NextContinuationToken>again</NextContinuationToken></ListBucketResult>"
    )
    assert fetch(bucket, tmp_path) == 4


def test_nothing_is_sent_without_consent(
    bucket: FakeBucket, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROBE_YES", raising=False)
    asked = ("--cc", "IT", "--test", "telegram", "--since", "2026-10-01", "--until", "2026-10-02", "--plan")
    monkeypatch.setenv("PROBE_ARCHIVE", bucket.url)
    assert call("fetch", "ooni", *asked) == 3
    assert "Nothing was sent" in capsys.readouterr().err and bucket.asked == []
    monkeypatch.setenv("PROBE_YES", "1")
    assert call("fetch", "ooni", *asked) == 0 and bucket.asked


@pytest.mark.parametrize(
    ("option", "value", "part"),
    [
        ("--cc", "Iran", "country code"),
        ("--test", "whatsap", "'whatsapp'"),
        ("--since", "yesterday", "YYYY-MM-DD"),
        ("--until", "2026-10-01", "later than"),
        ("--until", "2999-01-01", "to today"),
        ("--since", "2014-01-01", "fewer days"),
        ("--most", "lots", "500M"),
        ("--archive", "ooni", "https://HOST/"),
    ],
)
def test_invalid_option_gets_sentence(option: str, value: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = {
        "--cc": "IT",
        "--test": "telegram",
        "--since": "2026-10-01",
        "--until": "2026-10-02",
        "--archive": "http://x",
    }
    words[option] = value
    assert call("fetch", "ooni", "--yes", *(part for pair in words.items() for part in pair)) == 2
    assert part in " ".join(capsys.readouterr().err.split())


def test_zst_files_are_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl.zst").write_bytes(zstd_module().compress(LINE))
    assert call("judge", "--json", str(tmp_path)) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
