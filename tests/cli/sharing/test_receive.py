"""Test `probe receive`: files that are kept, refused, encrypted, or no files."""

import base64
import gzip
import os
import time
from pathlib import Path

import pyrage
import pytest
import typer

from probe.cli.results.judge import judge
from probe.cli.screen import UsageError
from probe.cli.sharing.receive import receive
from probe.cli.sharing.share import share
from probe.lab.recordings import RECORDED
from probe.sharing import ShareError
from probe.sharing.encryption import MOST_RECIPIENTS, recipients_of
from tests.sharing.shared_runs import line, packed, write_run
from tests.support.zstd import ZstdFile

OWN = pyrage.x25519.Identity.generate()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "r"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    packed(tmp_path / "a.censorprobe.zst", line(), line(test_name="signal"))
    return tmp_path / "a.censorprobe.zst"


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    (tmp_path / "key.txt").write_text(f"# created\n{OWN}\n")
    return tmp_path / "key.txt"


def kept(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def refused(root: Path, capsys: pytest.CaptureFixture[str], *files: Path, identity: Path | None = None) -> str:
    """Receive files that are refused, and return what stderr says."""
    with pytest.raises(typer.Exit) as ended:
        receive(list(files), results=root, identity=identity)
    assert ended.value.exit_code == 6
    return capsys.readouterr().err


def test_file_is_kept_and_the_next_command_is_named(root: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receive([file], results=root)
    printed = capsys.readouterr().out
    assert "2 measurements from QX AS64500 of 2026-11-24" in printed
    assert f"probe ingest {root / 'received'} --store DIR" in printed
    receive([file], results=root)
    assert "was received before, and nothing was added" in capsys.readouterr().out and len(kept(root)) == 1


def test_one_refused_file_does_not_stop_the_others(root: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bad := file.with_name("b\x1b[2J.zst")).write_bytes(b"x")
    errors = refused(root, capsys, bad, file)
    assert len(kept(root)) == 1 and errors.count("\n") == 1 and "\x1b" not in errors and "was refused" in errors


def test_encrypted_file_needs_the_identity(
    root: Path, identity: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "own" / "run.jsonl")
    out = tmp_path / "a.age"
    share(str(tmp_path / "own" / "run.jsonl"), yes=True, to=[str(OWN.to_public())], out=out)
    assert "Give your secret key of age with --identity FILE" in refused(root, capsys, out)
    (tmp_path / "other.txt").write_text(str(pyrage.x25519.Identity.generate()))
    assert "encrypted for another key" in refused(root, capsys, out, identity=tmp_path / "other.txt")
    receive([out], results=root, identity=identity)
    assert len(kept(root)) == 1


def test_encrypted_bomb_is_refused(
    root: Path, identity: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ZstdFile(tmp_path / "bomb", "wb") as bomb:
        for _ in range(100):
            bomb.write(bytes(1 << 20))
    (tmp_path / "bomb.age").write_bytes(pyrage.encrypt((tmp_path / "bomb").read_bytes(), [OWN.to_public()]))
    assert "first line is no manifest" in refused(root, capsys, tmp_path / "bomb.age", identity=identity)


@pytest.mark.parametrize("text", ["", "age1x", "AGE-SECRET-KEY-1X", "\xff"])
def test_wrong_identity_file_is_refused(text: str, root: Path, file: Path, tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match="dentity file"):
        receive([file], results=root, identity=tmp_path / "key.txt")


def test_missing_identity_file_is_refused(root: Path, file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        receive([file], results=root, identity=tmp_path / "nowhere")


def test_only_regular_files_are_read(
    root: Path, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(file)
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    for name, sentence in {
        "pipe": "it is a named pipe",
        "link": "is a link to another file",
        "broken": "is a link to another file",
        "nowhere": "No such file",
        ".": "it is a folder",
        "a\0b": "no file can have this name",
    }.items():
        assert sentence in refused(root, capsys, tmp_path / name), name
    assert "it is a device" in refused(root, capsys, Path("/dev/zero"))
    assert kept(root) == []


def test_file_above_the_limit_is_refused_unread(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tmp_path / "large").open("wb") as large:
        large.truncate((64 << 20) + 1)
    assert "larger than 67108864 bytes" in refused(root, capsys, tmp_path / "large")


def test_received_run_has_the_same_verdicts(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = tmp_path / "run.jsonl", tmp_path / "a.zst"
    run.write_bytes(gzip.decompress((RECORDED / "sni-reset.jsonl.gz").read_bytes()))
    share(str(run), yes=True, lab=True, out=out)
    receive([out], results=root, lab=True)
    (path,) = kept(root)
    verdicts = []
    for source in (run, path):
        capsys.readouterr()
        judge([str(source)], json=True)
        verdicts.append(capsys.readouterr().out.replace(source.name, ""))
    assert verdicts[0] == verdicts[1] and '"blocked"' in verdicts[0]


def test_received_lines_are_the_bytes_of_the_run(root: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "own" / "run.jsonl", line(annotations={"lab": "clean"}))
    out = tmp_path / "a.zst"
    share(str(tmp_path / "own" / "run.jsonl"), yes=True, lab=True, out=out)
    receive([out], results=root, lab=True)
    (path,) = kept(root)
    with ZstdFile(path) as stream:
        assert stream.read() == (tmp_path / "own" / "run.jsonl").read_bytes()


@pytest.mark.parametrize("armored", [False, True])
@pytest.mark.parametrize("size", [98_000, 980_000])
def test_endless_header_of_age_is_refused_within_a_second(
    size: int, armored: bool, root: Path, tmp_path: Path, identity: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stanza = b"-> X25519 " + b"A" * 43 + b"\n" + b"A" * 43 + b"\n"
    whole = b"age-encryption.org/v1\n" + stanza * (size // len(stanza)) + b"--- " + b"A" * 43 + b"\n" + b"x" * 99
    text = base64.encodebytes(whole)
    (tmp_path / "a.age").write_bytes(
        b"-----BEGIN AGE ENCRYPTED FILE-----\n%b-----END AGE ENCRYPTED FILE-----\n" % text if armored else whole
    )
    before = time.process_time()
    said = refused(root, capsys, tmp_path / "a.age", identity=identity)
    assert "its header has no end within 16 kB" in said and "bug" not in said
    assert time.process_time() - before < 1


@pytest.mark.parametrize("armored", [False, True])
def test_file_for_many_analysts_is_received(
    armored: bool, root: Path, file: Path, identity: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [pyrage.x25519.Identity.generate().to_public() for _ in range(MOST_RECIPIENTS - 1)]
    file.write_bytes(pyrage.encrypt(file.read_bytes(), [*others, OWN.to_public()], armored))
    receive([file], results=root, identity=identity)
    assert "2 measurements" in capsys.readouterr().out


def test_more_analysts_than_a_header_has_place_for_are_refused() -> None:
    with pytest.raises(ShareError, match="can be given 100 times"):
        recipients_of([str(OWN.to_public())] * (MOST_RECIPIENTS + 1))
