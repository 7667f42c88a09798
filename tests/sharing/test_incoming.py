"""Test received files: round trip, hostile files, and nothing that is overwritten or left behind."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.results import Problem, find_files, read_lines, run_files
from probe.sharing import LARGEST_PACKED, ShareError, container, pack, receive
from probe.sharing.container import pack_lines, unpack_lines
from tests.sharing.shared_runs import altered, inspected, line, manifest_of, packed, write_run
from tests.support.zstd import ZstdFile, compress


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.zst"


def kept(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_received_lines_are_those_that_were_shared(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run.jsonl", line(), line(test_name="signal"))
    outgoing = inspected(run)
    received = receive(pack(outgoing), tmp_path / "results")
    name = f"received/2026-11-24/QX-AS64500/{outgoing.manifest.sha256}.jsonl.zst"
    assert received.path == tmp_path / "results" / name and not received.known
    assert [read for _, read in read_lines(received.path)] == [
        json.loads(one) for one in (line(), line(test_name="signal"))
    ]
    assert kept(tmp_path / "results") == [received.path]
    assert stat.S_IMODE(received.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(received.path.parent.stat().st_mode) == 0o700


def test_ingest_finds_received_files_and_they_are_no_own_runs(tmp_path: Path, file: Path) -> None:
    received = receive(packed(file, line()), tmp_path / "results")
    assert find_files([tmp_path / "results"]).files == [received.path]
    assert run_files(tmp_path / "results") == []


def test_second_receipt_adds_nothing(tmp_path: Path, file: Path) -> None:
    first = receive(packed(file, line()), tmp_path / "results")
    before = first.path.read_bytes()
    again = receive(compress(manifest_of(line()).line() + line(), 19), tmp_path / "results")
    assert again.known and again.path == first.path and first.path.read_bytes() == before
    assert kept(tmp_path / "results") == [first.path]


def test_other_file_of_the_same_network_and_day_is_kept_beside(tmp_path: Path, file: Path) -> None:
    paths = {receive(packed(file, line(test_name=name)), tmp_path / "r").path for name in ("signal", "telegram")}
    assert len(paths) == 2 and set(kept(tmp_path / "r")) == paths


@pytest.mark.parametrize("content", [b"", b"damaged", compress(b"other\n")])
def test_file_with_the_same_name_is_never_overwritten(content: bytes, tmp_path: Path, file: Path) -> None:
    path = receive(packed(file, line()), tmp_path / "r").path
    path.write_bytes(content)
    with pytest.raises(ShareError, match="exists already and is another file"):
        receive(packed(file, line()), tmp_path / "r")
    assert path.read_bytes() == content


def test_link_with_the_same_name_is_not_followed(tmp_path: Path, file: Path) -> None:
    path = receive(packed(file, line()), tmp_path / "r").path
    path.rename(tmp_path / "elsewhere.jsonl.zst")
    path.symlink_to(tmp_path / "elsewhere.jsonl.zst")
    with pytest.raises(ShareError, match="is another file"):
        receive(packed(file, line()), tmp_path / "r")


def test_artificial_measurements_are_refused_unless_wanted(tmp_path: Path, file: Path) -> None:
    content = packed(file, line(annotations={"lab": "clean"}))
    with pytest.raises(ShareError, match="To receive them anyway, add --lab"):
        receive(content, tmp_path / "r")
    assert receive(content, tmp_path / "r", artificial=True).first.origin.lab == "clean"


# -- hostile files -----------------------------------------------------------------------------------------------------

ONE, TWO = line(), line(test_name="signal")
MANIFESTS = {
    "another format": (altered(ONE, format="tar"), "first line is no manifest"),
    "no JSON": (b"{\n", "first line is no manifest"),
    "no UTF-8": (b"\xff\n", "first line is no manifest"),
    "nested": (b"[" * 100_000 + b"\n", "first line is no manifest"),
    "no manifest": (ONE, "first line is no manifest"),
    "endless": (b"x" * (9 << 20) + b"\n", "first line is no manifest"),
    "newer": (altered(ONE, format_version=2), "newer version"),
    "version true": (altered(ONE, format_version=True), "damaged, or another program"),
    "key twice": (manifest_of(ONE).line().replace(b'{"format":', b'{"lines":7,"format":'), "has a key twice"),
    "key missing": (altered(ONE, sha256=None), "damaged, or another program"),
    "key more": (altered(ONE, path="../../x"), "damaged, or another program"),
    "digest of path": (altered(ONE, sha256="../" * 21 + "x"), "damaged, or another program"),
    "control characters": (altered(ONE, software_version="\x1b[2J"), "damaged, or another program"),
    "number as text": (altered(ONE, lines="1"), "damaged, or another program"),
    "no lines": (altered(ONE, lines=0, line_sha256=[]), "damaged, or another program"),
    "endless number": (altered(ONE, bytes=10**30), "damaged, or another program"),
    "other digest": (altered(ONE, sha256="0" * 64), "do not agree with its first line"),
    "other line digest": (altered(ONE, line_sha256=["0" * 64]), "Line 1 was changed"),
    "fewer bytes": (altered(ONE, bytes=len(ONE) - 1), "do not agree with its first line"),
    "more bytes": (altered(ONE, bytes=len(ONE) + 1), "do not agree with its first line"),
    "more lines": (manifest_of(ONE, TWO).line(), "ends before line 2"),
    "bomb": (altered(ONE, bytes=1 << 30), "more than 200 times its size"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest_that_does_not_fit_is_refused(name: str, tmp_path: Path, file: Path) -> None:
    manifest, sentence = MANIFESTS[name]
    with pytest.raises(ShareError, match=sentence):
        receive(packed(file, ONE, manifest=manifest), tmp_path / "r")
    assert kept(tmp_path / "r") == []


LINES = {
    "second manifest": ([ONE, manifest_of(ONE).line()], "Line 2 is a second manifest"),
    "no JSON": ([b"{\n"], "Line 1 cannot be used"),
    "blank": ([ONE, b"\n"], "Line 2 cannot be used"),
    "no object": ([b"7\n"], "Line 1 cannot be used"),
    "nested": ([b"[" * 100_000 + b"\n"], "Line 1 cannot be used"),
    "no line break": ([ONE[:-1]], "do not agree with its first line"),
    "too long": ([b'"' + b"x" * (17 << 20) + b'"\n'], "has over 16777216 bytes"),
    "country with control characters": ([line(probe_cc="\x1b[2J")], "no usable country code"),
    "country that is a path": ([line(probe_cc="..")], "no usable country code"),
    "country in other digits": ([line(probe_cc="İR")], "no usable country code"),
    "network that is a path": ([line(probe_asn="AS1/../..")], "no usable network number"),
    "network with a line break": ([line(probe_asn="AS1\n")], "no usable network number"),
    "time that is a path": ([line(measurement_start_time="../../../x 13:05:00")], "no usable time"),
    "day that does not exist": ([line(measurement_start_time="2026-02-31 13:05:00")], "no usable time"),
    "day in other digits": ([line(measurement_start_time="٢٠٢٦-11-24 13:05:00")], "no usable time"),
    "later line": ([ONE, line(probe_cc=7)], "Line 2 has no usable country code"),
}


@pytest.mark.parametrize("name", LINES)
def test_line_that_is_no_measurement_is_refused(name: str, tmp_path: Path, file: Path) -> None:
    lines, sentence = LINES[name]
    with pytest.raises(ShareError, match=sentence):
        receive(packed(file, *lines), tmp_path / "r")
    assert kept(tmp_path / "r") == []


def test_bytes_after_the_last_line_are_refused(tmp_path: Path, file: Path) -> None:
    content = packed(file, ONE)
    for more in (compress(b"x"), compress(TWO), b"x", compress(bytes(1 << 20))):
        with pytest.raises(ShareError):
            receive(content + more, tmp_path / "r")
    assert kept(tmp_path / "r") == []


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"PK\x03\x04", b"#!/bin/sh\n", ONE])
def test_other_formats_are_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ShareError, match="not packed with zstd"):
        receive(content, tmp_path / "r")


def test_bomb_is_unpacked_only_as_far_as_its_manifest_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, taken = tmp_path / "bomb.zst", list[int]()
    with ZstdFile(path, "wb") as bomb:
        bomb.write(manifest_of(ONE).line() + ONE[:-1])
        for _ in range(300):
            bomb.write(b" " * (1 << 20))
    assert path.stat().st_size < LARGEST_PACKED

    class Counting(ZstdFile):
        def readline(self, size: int | None = -1) -> bytes:
            found: bytes = super().readline(size)
            taken.append(len(found))
            return found

    class Module:
        ZstdFile = Counting

    monkeypatch.setattr(container, "zstd_module", lambda: Module)
    with pytest.raises(ShareError, match="do not agree with its first line"):
        receive(path.read_bytes(), tmp_path / "r")
    assert len(taken) == 2 and taken[1] == len(ONE) + 1


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(JSON, min_size=1, max_size=5))
def test_any_measurements_come_back_as_they_were(values: list[Any]) -> None:
    lines = [line(test_keys={"value": value}) for value in values]
    manifest, found = unpack_lines(pack_lines(manifest_of(*lines), lines))
    assert manifest == manifest_of(*lines) and list(found) == lines


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_changed_file_is_refused_and_nothing_is_kept(data: st.DataObject, tmp_path: Path) -> None:
    content = bytearray(pack_lines(manifest_of(ONE, TWO), [ONE, TWO]))
    kind = data.draw(st.sampled_from(("cut", "bit", "insert")))
    at = data.draw(st.integers(0, len(content) - 1))
    if kind == "cut":
        del content[at:]
    elif kind == "bit":
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        content[at:at] = data.draw(st.binary(min_size=1, max_size=9))
    try:
        received = receive(bytes(content), tmp_path / "r")
    except ShareError:
        assert kept(tmp_path / "r") == []
    else:  # the change was in bytes of zstd that carry nothing
        assert [read for _, read in read_lines(received.path) if not isinstance(read, Problem)] == [
            json.loads(ONE),
            json.loads(TWO),
        ]
        received.path.unlink()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changed=st.dictionaries(st.sampled_from(sorted(json.loads(manifest_of(ONE).line()))), JSON, min_size=1))
def test_changed_manifest_is_refused(changed: dict[str, Any], tmp_path: Path) -> None:
    manifest = altered(ONE, **changed)
    same = {**json.loads(manifest), "software_version": "0.1.0"} == json.loads(manifest_of(ONE).line())
    try:
        receive(packed(tmp_path / "a.zst", ONE, manifest=manifest), tmp_path / "r")
    except ShareError:
        assert not same or "software_version" in changed
    else:
        assert same
