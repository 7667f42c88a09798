"""Test reading results: packed, in tarballs, incomplete, malformed, too long or too deep."""

import gzip
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.results import LONGEST_LINE, Problem, find_files, read_lines, reading, unpacking
from probe.results.unpacking import zstd_module

zstd = zstd_module()


def problems(path: Path) -> list[Problem]:
    return [line for _, line in read_lines(path) if isinstance(line, Problem)]


def documents(path: Path) -> list[dict[str, Any]]:
    return [line for _, line in read_lines(path) if not isinstance(line, Problem)]


def tarball(path: Path, *contents: bytes, kind: bytes = tarfile.REGTYPE, packed: bool = True) -> Path:
    """Build a tarball as OONI's uploader does: `.post` files in one folder."""
    with tarfile.open(path, "w:gz" if packed else "w:") as tar:
        folder = tarfile.TarInfo("2021081711_GB_whatsapp")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for number, content in enumerate(contents):
            member = tarfile.TarInfo(f"2021081711_GB_whatsapp/20210817110102.{number:06}_GB_whatsapp_{'f' * 16}.post")
            member.size, member.type = len(content), kind
            tar.addfile(member, io.BytesIO(content))
    return path


def post(content: object, style: str = "json") -> bytes:
    return json.dumps({"format": style, "content": content}).encode()


def test_malformed_lines_are_numbered_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    deep = "[" * 100_000
    path.write_bytes(b'{"a":1}\n{"a":\n[1]\n\xff\xfe\n' + deep.encode() + b'\n{"a":NaN}\n\n{"a":2}\n{"a":3')
    assert documents(path) == [{"a": 1}, {"a": 2}]
    assert [problem.number for problem in problems(path)] == [2, 3, 4, 5, 6, 9]
    assert "is incomplete" in problems(path)[-1].sentence
    assert str(problems(path)[0]).startswith("x.jsonl:2: The line is not valid JSON")


def test_complete_last_line_without_newline_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a":1}')
    assert documents(path) == [{"a": 1}] and not problems(path)


def test_gz_is_read_and_an_incomplete_one_reported(tmp_path: Path) -> None:
    whole, torn = tmp_path / "w.jsonl.gz", tmp_path / "t.jsonl.gz"
    raw = gzip.compress(b"".join(json.dumps({"a": n, "r": os.urandom(99).hex()}).encode() + b"\n" for n in range(999)))
    whole.write_bytes(raw)
    torn.write_bytes(raw[: len(raw) // 2])
    assert len(documents(whole)) == 999 and not problems(whole)
    assert 0 < len(documents(torn)) < 999 and "cannot be read further" in problems(torn)[-1].sentence


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress, lambda raw: raw], ids=["gz", "zst", "plain"])
@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.jsonl.zst"])
def test_packing_is_recognised_by_the_first_bytes(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / name).write_bytes(pack(b'{"a":1}\n{"a":2}\n'))
    assert documents(tmp_path / name) == [{"a": 1}, {"a": 2}] and not problems(tmp_path / name)


def test_incomplete_zst_is_reported_after_its_complete_lines(tmp_path: Path) -> None:
    frames = [zstd.compress(json.dumps({"a": n}).encode() + b"\n") for n in range(3)]
    (tmp_path / "t.jsonl.zst").write_bytes(b"".join(frames)[:-4])
    assert documents(tmp_path / "t.jsonl.zst") == [{"a": 0}, {"a": 1}]
    assert "cannot be read further" in problems(tmp_path / "t.jsonl.zst")[-1].sentence


def test_zst_without_a_module_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "ZSTD_MODULES", ("no_such_module",))
    (tmp_path / "x.jsonl.zst").write_bytes(zstd.compress(b"{}"))
    assert "zstd -d" in problems(tmp_path / "x.jsonl.zst")[0].sentence


def test_lz4_is_reported(tmp_path: Path) -> None:
    (tmp_path / "x.tar.lz4").write_bytes(unpacking.LZ4 + b"\0" * 9)
    (problem,) = problems(tmp_path / "x.tar.lz4")
    assert "lz4 -d" in problem.sentence


def test_packed_lines_are_read_from_a_pipe() -> None:
    code = "from probe.results import *; print([line for _, line in read_lines(STDIN)])"
    raw = gzip.compress(b'{"a":1}\n')
    done = subprocess.run([sys.executable, "-c", code], input=raw, capture_output=True, check=True)
    assert done.stdout == b"[{'a': 1}]\n"


@pytest.mark.parametrize("packed", [True, False], ids=["gzipped", "only-called-gz"])
def test_posts_of_a_tarball_are_read(tmp_path: Path, packed: bool) -> None:
    contents = (post({"a": 1}), post("--- yaml", "yaml"), b"{ nonsense", post('{"a": 2}'), post(7), b'{"a": 3}')
    path = tarball(tmp_path / "2021081711_GB_whatsapp.n0.0.tar.gz", *contents, packed=packed)
    assert documents(path) == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert [problem.number for problem in problems(path)] == [2, 3, 5]
    assert "'yaml'" in problems(path)[0].sentence


def test_incomplete_tarball_is_reported_after_its_complete_posts(tmp_path: Path) -> None:
    path = tarball(tmp_path / "x.tar.gz", post({"a": 1}), post({"a": "x" * 9000}), packed=False)
    path.write_bytes(path.read_bytes()[:4096])
    assert documents(path) == [{"a": 1}]
    assert "is incomplete" in problems(path)[-1].sentence
    path.write_bytes(b"not a tar file at all" * 99)
    assert "is no tar file" in problems(path)[-1].sentence
    spoiled = bytearray(tarball(path, post({"a": 1}), packed=False).read_bytes())
    spoiled[512] ^= 1  # the first letter of a name: numbers are as they were, and the checksum knows
    path.write_bytes(spoiled)
    assert documents(path) == [] and "is damaged" in problems(path)[-1].sentence


def test_link_in_a_tarball_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"secret": 1}')
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        link = tarfile.TarInfo("a.post")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        tar.addfile(link)
    assert documents(tmp_path / "x.tar.gz") == [] == problems(tmp_path / "x.tar.gz")


def test_folder_with_two_forms_of_an_hour_gives_one(tmp_path: Path) -> None:
    for name in ("h.n0.0.jsonl.gz", "h.n0.0.tar.gz", "h.n0.1.tar.gz", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in find_files([tmp_path]).files] == ["h.n0.0.jsonl.gz", "h.n0.1.tar.gz"]


def test_line_of_100_megabytes_is_reported_with_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b'{"a":1}\n{"b":"')
        for _ in range(100):
            file.write(os.urandom(1 << 15).hex().encode() * 16)
        file.write(b'"}\n{"a":2}\n')
    code = (
        "import resource, sys; from pathlib import Path; from probe.results import *\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"print([line if isinstance(line, dict) else line.number for _, line in read_lines(Path({str(path)!r}))])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    read, grown = done.stdout.splitlines()
    assert read == "[{'a': 1}, 2, {'a': 2}]"
    assert int(grown) < 3 * LONGEST_LINE / 1024  # kB


@pytest.mark.parametrize("suffix", [".jsonl.zst", ".tar.gz"])
def test_decompression_bomb_ends_the_reading(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "BOMB_FLOOR", 1 << 20)
    path = tmp_path / f"x{suffix}"
    path.write_bytes(zstd.compress(_huge_tar() if suffix == ".tar.gz" else b"\n" * (1 << 26)))
    assert "200 times its size" in problems(path)[-1].sentence


def _huge_tar() -> bytes:
    member = tarfile.TarInfo("a.post")
    member.size = 1 << 26
    return member.tobuf(tarfile.USTAR_FORMAT) + b"\0" * member.size


def test_header_of_24_megabytes_is_skipped(tmp_path: Path) -> None:
    """Test a header that `tarfile` would read into memory."""
    head = tarfile.TarInfo("x")
    head.type, head.size = tarfile.XHDTYPE, 24 << 20
    after = tarfile.TarInfo("a.post")
    after.size = 7
    blocks = head.tobuf(tarfile.USTAR_FORMAT) + b"\0" * head.size + after.tobuf() + b'{"a":1}'.ljust(512, b"\0")
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(blocks + b"\0" * 1024))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert documents(tmp_path / "x.tar.gz") == [{"a": 1}]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 12 * 1024  # kB


def test_half_a_surrogate_pair_is_read_and_malformed_utf8_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a":"\\ud83d"}\n{"a":"\xed\xa0\xbd"}\n{"a":' + b"9" * 5000 + b"}\n")
    assert documents(path) == [{"a": "\ud83d"}]
    assert [problem.number for problem in problems(path)] == [2, 3]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=2000), st.sampled_from(["jsonl", "jsonl.gz", "jsonl.zst", "tar.gz"]), st.integers(0, 3))
def test_any_bytes_give_documents_or_problems(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, kind: str, at: int
) -> None:
    starts = (b"", unpacking.GZIP, unpacking.ZSTD, gzip.compress(raw))
    path = tmp_path_factory.getbasetemp() / f"any.{kind}"
    path.write_bytes(starts[at] + raw)
    assert all(isinstance(line, dict | Problem) for _, line in read_lines(path))


# -- two parsers ---------------------------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=4), _JSON, max_size=4), st.booleans())
def test_fast_parser_agrees_with_the_exact_one(document: dict[str, Any], ascii_only: bool) -> None:
    raw = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    fast = reading._parse_fast(raw)
    try:
        exact = reading._parse_exactly(raw, first=False)
    except ValueError:
        assert fast is None  # what is no JSON is none to either
    else:
        assert fast is None or json.dumps(fast) == json.dumps(exact)
        assert json.dumps(reading._parse(raw)) == json.dumps(exact)


def test_everything_is_read_without_the_fast_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reading._parse_fast(b'{"a": 1}') == {"a": 1}  # the extra `analysis` brings it
    monkeypatch.setattr(reading, "orjson", lambda: None)
    assert reading._parse_fast(b'{"a": 1}') is None
    assert reading._parse(b'{"a": "\\ud800"}') == {"a": "\ud800"}
    assert reading._parse(b'{"a": 1}') == {"a": 1}
