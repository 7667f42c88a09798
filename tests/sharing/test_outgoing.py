"""Test what is shared: whole lines without the user's data, and nothing artificial by accident."""

import json
import os
from pathlib import Path

import pytest

from probe.privacy.redact import KnownIdentifiers
from probe.sharing import ShareError, inspect, pack, share_manifest
from probe.sharing.container import pack_lines
from tests.sharing.shared_runs import inspected, line, manifest_of, write_run
from tests.support.zstd import decompress


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "130500-4f2a.jsonl"


def test_file_is_a_manifest_and_the_lines_as_they_are(run: Path) -> None:
    lines = [line(), b' {"probe_cc" : "QX",' + line()[1:], line(probe_cc="ZZ", probe_asn="AS0")]
    first, _, rest = decompress(pack(inspected(write_run(run, *lines)))).partition(b"\n")
    assert rest == run.read_bytes() == b"".join(lines)
    assert json.loads(first) == json.loads(manifest_of(*lines).line())


def test_same_run_gives_the_same_file(run: Path) -> None:
    write_run(run, line(), line(test_name="signal"))
    assert pack(inspected(run)) == pack(inspected(run))


def test_network_times_and_removed_values_are_counted(run: Path) -> None:
    keys = {"a": "[scrubbed] and [scrubbed]", "b": "[opaque, 37 characters]", "c": "[address-like, 5 characters]"}
    write_run(run, line(test_keys=keys), line(measurement_start_time="2026-11-25 00:00:01"))
    found = inspected(run)
    assert (found.first.cc, found.first.asn, found.network) == ("QX", "AS64500", "Example Net")
    assert (found.first.time, found.last.time) == ("2026-11-24 13:05:00", "2026-11-25 00:00:01")
    assert (found.scrubbed, found.withheld, found.torn) == (2, 2, 0)


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ({"a": {"b": ["x", "from 198.51.100.7"]}}, "test_keys.a.b"),
        ({"raw": {"format": "base64", "data": "xjNkBw=="}}, "test_keys.raw"),
        ({"path": "/home/elisabeth/x"}, "test_keys.path"),
        ({"title": "Welcome elisabeths-laptop"}, "test_keys.title"),
    ],
)
def test_line_with_an_address_or_a_name_is_refused(keys: dict[str, object], place: str, run: Path) -> None:
    known = KnownIdentifiers.of(["198.51.100.7"], words=["elisabeths-laptop"], paths=["/home/elisabeth"])
    write_run(run, line(), line(test_keys=keys))
    with pytest.raises(ShareError, match=rf"Line 2 contains an address .* at {place}\. The file would"):
        inspect(run, known)
    assert inspected(run).manifest.lines == 2


@pytest.mark.parametrize("annotations", [{"lab": "great-firewall"}, {"synthetic": "unkind-3"}])
def test_artificial_measurements_are_refused_unless_wanted(annotations: dict[str, str], run: Path) -> None:
    write_run(run, line(), line(annotations=annotations))
    with pytest.raises(ShareError, match="To share it anyway, add --lab"):
        inspected(run)
    assert inspected(run, artificial=True).manifest.lines == 2


def test_measurement_of_another_program_is_refused(run: Path) -> None:
    with pytest.raises(ShareError, match="Line 1 was written by another program"):
        inspected(write_run(run, line(software_name="ooniprobe")))


@pytest.mark.parametrize("bad", [b"{\n", b"[]\n", b"\xff\n", b'{"probe_cc":"Q\\u001b"}\n'])
def test_line_that_cannot_be_checked_is_refused(bad: bytes, run: Path) -> None:
    with pytest.raises(ShareError, match="Line 2 "):
        inspected(write_run(run, line(), bad))


def test_interrupted_run_is_shared_without_its_incomplete_line(run: Path) -> None:
    part = write_run(run.with_name(run.name + ".part"), line(), line()[:40])
    os.utime(part, (1000, 1000))
    found = inspected(part)
    assert (found.manifest.lines, found.torn, found.interrupted) == (1, 1, True)
    assert decompress(pack(found)).endswith(b"\n" + line())


def test_run_that_may_still_be_going_on_is_refused(run: Path) -> None:
    part = write_run(run.with_name(run.name + ".part"), line())
    with pytest.raises(ShareError, match="may still be going on"):
        inspected(part)


def test_empty_file_is_refused(run: Path) -> None:
    run.write_bytes(b"\n")
    with pytest.raises(ShareError, match="contains no measurement"):
        inspected(run)


def test_run_that_changed_since_it_was_inspected_is_refused(run: Path) -> None:
    found = inspected(write_run(run, line()))
    write_run(run, line(test_keys={"a": "198.51.100.7"}))
    with pytest.raises(ShareError, match="was changed while it was read"):
        pack(found)


def test_run_that_is_too_large_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(run, line(), line())
    monkeypatch.setattr(share_manifest, "MOST_LINES", 1)
    with pytest.raises(ShareError, match="holds at most 1 measurements"):
        inspected(run)


def test_packed_size_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.sharing.container.LARGEST_PACKED", 10)
    with pytest.raises(ShareError, match="too large to be shared"):
        pack_lines(manifest_of(line()), [line()])
