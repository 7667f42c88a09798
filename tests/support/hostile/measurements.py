"""Build lines and files of measurements that were made to break their readers."""

import copy
import gzip
import io
import json
import os
import random
import socket
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probe.lab.recordings import recording_of
from probe.results import Problem, read_lines
from probe.results.unpacking import zstd_module
from tests.support.measurements.lines import GENUINE, Lines

URL = "https://web.telegram.org:443/"
STEERING = "\x1b[2J\x1b]0;title\x07\x08\x7f\x9b31m\u202egpj\u2066\u200f\r\n\t"  # what no terminal may receive
Content = dict[str, Any]


def good(minute: int = 0) -> Content:
    """Return a measurement that every command accepts. Another minute gives another measurement."""
    made = Lines({"web": [URL]})
    made.first(URL, GENUINE)
    start = f"2026-11-24 13:{minute:02}:00"
    return made.line() | {"probe_cc": "DE", "probe_asn": "AS3320", "measurement_start_time": start}


def as_line(document: object) -> bytes:
    return json.dumps(document).encode() + b"\n"


GOOD, LAST = as_line(good()), as_line(good(1))

# One line each that cannot be used. It stands between two good ones.
UNUSABLE: dict[str, bytes] = {
    "nested-985": b"[" * 985 + b"]" * 985,
    "nested-985-in-a-measurement": GOOD.strip()[:-1] + b', "x": ' + b'{"a":' * 985 + b"1" + b"}" * 986,
    "nested-100000": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "keys-1000000": b"{" + b",".join(b'"%d":1' % number for number in range(1_000_000)) + b"}",
    "lists-5000000": b'{"test_keys":[' + b"[]," * 5_000_000 + b"[]]}",
    "nan": b'{"test_keys": NaN}',
    "infinity": GOOD.replace(b'"clock_skew": 0.3', b'"clock_skew": -Infinity').strip(),
    "1e999": GOOD.replace(b'"clock_skew": 0.3', b'"clock_skew": 1e999').strip(),
    "digits-100000": GOOD.replace(b'"clock_skew": 0.3', b'"clock_skew": ' + b"9" * 100_000).strip(),
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "invalid-utf-8": b'{"test_keys": "\xff\xfe\x1b[31m"}',
    "nul-bytes": b"\0" * 1000,
    "list": b"[1, 2]",
    "text": b'"measurement"',
    "number": b"7",
    "null": b"null",
    "empty-object": b"{}",
    "no-services": b'{"test_keys": {"x_target": {"services": []}}}',
    "escapes-in-broken-json": b'{"\x1b[2J\x07": oops',
    "line-of-17-megabytes": b'{"a": "' + b"x" * (17 << 20) + b'"}',
}


def _large(services: int = 1, endpoints: int = 1, transactions: int = 0, addresses: int = 1) -> bytes:
    """Return a measurement with so many services, endpoints in each, and transactions at so many addresses."""
    line = copy.deepcopy(good())
    urls = [URL, *(f"https://h{number}.example:443/" for number in range(endpoints - 1))]
    line["test_keys"]["x_target"]["services"] = {f"s{number}": {"endpoints": urls} for number in range(services)}
    line["test_keys"]["x_transactions"] += [
        {
            "transaction_id": 99 + number,
            "kind": "first",
            "endpoint": URL,
            "address": str(number % addresses),
            "failure": "x",
        }
        for number in range(transactions)
    ]
    return as_line(line)


UNUSABLE |= {
    "services-101": _large(services=101),
    "endpoints-501": _large(endpoints=501),
    "transactions-10001": _large(transactions=10_001),
    "addresses-1000-of-1000-transactions": _large(transactions=1000, addresses=1000),
}


def _with_texts(text: str) -> Content:
    """Return a measurement in which every text that a command may print is `text` or begins with it."""
    line = copy.deepcopy(good())
    keys = line["test_keys"]
    target = keys["x_target"]
    target["services"] = {f"web{text}": {"works_if": "all", "endpoints": [f"https://web.telegram.org:443/{text}"]}}
    for holder, names in (
        (target, ("name", "title", "nettest")),
        (line, ("probe_cc", "probe_asn", "probe_network_name", "test_name", "test_start_time", "software_name")),
        (line, ("software_version", "measurement_start_time", "input")),
    ):
        holder.update({name: f"{holder.get(name) or 'x'}{text}" for name in names})
    line["annotations"] = {"platform": text}
    for record in keys["x_transactions"]:
        record.update(dict.fromkeys(("service", "hostname", "address", "sent_name", "failure", "kind"), text))
    return line


# One line each that is judged, however strange it is.
STRANGE: dict[str, bytes] = {
    "u0000-in-names": as_line(_with_texts("a\0b")),
    "half-a-surrogate-pair": as_line(_with_texts("\ud83d")),
    "escapes-in-names": as_line(_with_texts(STEERING)),
    "quotes-in-names": as_line(_with_texts("'\"`;--%s{0}{x}\\")),
    "names-of-100000-letters": as_line(_with_texts("n" * 100_000)),
    "duplicate-keys": GOOD.replace(b'{"', b'{"test_keys": 7, "', 1),
    "large": _large(services=5, endpoints=100, transactions=2000, addresses=100),
    "integers-of-4000-digits": GOOD.replace(b'"transaction_id": 1', b'"transaction_id": ' + b"7" * 4000),
}


WRONG_VALUES: tuple[Any, ...] = (None, True, -1, 2**63, 1.5, "x", [], ["x"], [[]], {}, {"x": {}})


def mutated(whole: Content | None = None, *, each: bool = True) -> Iterator[bytes]:
    """Yield a measurement once for each of its keys and each wrong value there.

    Without `each` every key gets one wrong value, the next one in turn.
    """
    whole = good() if whole is None else whole
    for number, place in enumerate(_places(whole)):
        for wrong in WRONG_VALUES if each else (WRONG_VALUES[number % len(WRONG_VALUES)],):
            line = copy.deepcopy(whole)
            holder: Any = line
            for step in place[:-1]:
                holder = holder[step]
            holder[place[-1]] = wrong
            yield as_line(line)


KEYS: dict[str, tuple[str, tuple[tuple[str, ...], ...]]] = {
    "media": ("media-loss", (("x_followups", "media"), ("x_run", "media"))),
    "calls": ("call-webrtc-no-dtls", (("x_followups", "webrtc_calls"), ("x_run", "calls"))),
    "transfers": ("freeze-transfers-one-path", (("x_followups", "transfers"), ("x_run", "transfers"))),
    "cut-offs": ("cutoff-name", (("x_followups", "requests"), ("x_transactions",))),
    "regimes": ("media-loss", (("x_run", "preflight"), ("x_run", "access_line"), ("x_run", "families"))),
}
"""What is measured, each with a recording of it, and the test keys that a hostile person may write."""
WRONG_NUMBERS: tuple[Any, ...] = (float("nan"), float("inf"), 1e308, -1e308, 5e-324, -1, -(2**63), 2**63, 10**30, "NaN")
MUTATIONS = 25  # lines of one test. Each takes the time of a measurement of an app.


def mutated_keys(group: str, seed: str) -> Iterator[bytes]:
    """Yield a recorded measurement with a wrong value or number at drawn places of the keys of this group."""
    recording, keys = KEYS[group]
    lines = (line for _, line in read_lines(recording_of(recording)) if not isinstance(line, Problem))
    whole = next(line for line in lines if all(_at(line["test_keys"], key) for key in keys))
    whole = json.loads(json.dumps(whole | {"test_keys": whole["test_keys"] | {"x_packets": []}}))
    draw = random.Random(f"{group} {seed}")
    places = [(*key, *place) for key in keys for place in _places(_at(whole["test_keys"], key))]
    for place in draw.sample(places, min(MUTATIONS, len(places))):
        line = copy.deepcopy(whole)
        _at(line["test_keys"], place[:-1])[place[-1]] = draw.choice((*WRONG_VALUES, *WRONG_NUMBERS))
        yield as_line(line)


def _at(holder: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        holder = holder[step]
    return holder


def _places(value: Any, where: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every key, and of the first element of every list."""
    inner: list[tuple[str | int, Any]] = list(value.items()) if isinstance(value, dict) else []
    inner += list(enumerate(value[:1])) if isinstance(value, list) else []
    for step, item in inner:
        yield (*where, step)
        yield from _places(item, (*where, step))


@dataclass(frozen=True)
class Case:
    """Describe one hostile file or folder: how it is made, and what must be said about it."""

    make: Callable[[Path], object]  # gets the path
    good: tuple[int, ...] = ()  # lines that must have verdicts
    problems: int = 0
    name: str = "a.jsonl"  # of the file, "" for a folder
    cpu: float = 10


def between(line: bytes, problems: int) -> Case:
    """Return the case of one line between two good ones."""
    numbers = (1, 3) if problems else (1, 2, 3)
    return Case(lambda path: path.write_bytes(GOOD + line.rstrip(b"\n") + b"\n" + LAST), numbers, problems)


def written(content: Callable[[], bytes], *numbers: int, problems: int, name: str = "a.jsonl", cpu: float = 10) -> Case:
    return Case(lambda path: path.write_bytes(content()), numbers, problems, name, cpu)


def _zeros(times: int) -> bytes:
    """Return a gzip file of `times` times 16 MB of zeros, each in 16 kB."""
    return gzip.compress(b"\0" * (1 << 24)) * times


def _line_breaks() -> bytes:
    return gzip.compress(GOOD) + gzip.compress(b"\n" * (1 << 24)) * 40


def _wide_window() -> bytes:
    """Return a frame whose reader needs 128 MB for its window, the most that zstd's own program accepts."""
    zstd = zstd_module()
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    return bytes(packer.compress(GOOD + LAST) + packer.flush())


def _window_of_2_gigabytes() -> bytes:
    """Return the head of a frame whose reader would need 2 GB (RFC 8878, section 3.1.1.1.2)."""
    return b"\x28\xb5\x2f\xfd" + bytes([0x00, (31 - 10) << 3]) + b"\x01\x00\x00"


def _tar(*members: tuple[str, bytes, bytes, str]) -> bytes:
    """Return a tar file of members: name, type, content, link target."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:") as tar:
        for name, kind, content, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(content), target
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def _hostile_tar() -> bytes:
    links = [("l", tarfile.SYMTYPE, b"", "/etc/passwd"), ("h", tarfile.LNKTYPE, b"", "../../etc/passwd")]
    devices = [("c", tarfile.CHRTYPE, b"", ""), ("b", tarfile.BLKTYPE, b"", ""), ("f", tarfile.FIFOTYPE, b"", "")]
    escapes = [
        ("../../escaped.post", tarfile.REGTYPE, GOOD, ""),
        ("/tmp/escaped.post", tarfile.REGTYPE, LAST, ""),
        ("\x1b[2J\x07.post", tarfile.REGTYPE, b"{oops", ""),
    ]
    return _tar(*links, *devices, *escapes)


def _tar_of_negative_size() -> bytes:
    member = bytearray(_tar(("a.post", tarfile.REGTYPE, GOOD, "")))
    member[124:136] = b"-0000000001\0"
    member[148:156] = b" " * 8
    member[148:156] = b"%06o\0 " % sum(member[:512])
    return bytes(member)


WHOLE_FILES: dict[str, Case] = {
    "million-lines-of-one-byte": written(
        lambda: GOOD + b"7\n" * 1_000_000 + LAST, 1, 1_000_002, problems=1_000_000, cpu=20
    ),
    "line-of-200-megabytes": Case(lambda path: os.truncate(_made(path), 200 << 20), problems=1),
    "empty": written(bytes, problems=0),
    "blank-lines": written(lambda: b"\n" * 1_000_000 + GOOD, 1_000_001, problems=0),
    "byte-order-mark": written(lambda: b"\xef\xbb\xbf" + GOOD + LAST, 1, 2, problems=0),
    "utf-16-file": written(lambda: (GOOD + LAST).decode().encode("utf-16"), problems=3),
    "utf-16-file-without-mark": written(lambda: (GOOD + LAST).decode().encode("utf-16-le"), problems=3),
    "carriage-returns": written(lambda: GOOD.rstrip() + b"\r\n" + LAST.rstrip() + b"\r\n", 1, 2, problems=0),
    "torn": written(lambda: GOOD + LAST[:99], 1, problems=1),
    "gzip-members": written(lambda: gzip.compress(GOOD) + gzip.compress(LAST), 1, 2, problems=0, name="a.jsonl.gz"),
    "gzip-truncated": written(
        lambda: gzip.compress(GOOD) + gzip.compress(LAST)[:-9], 1, 2, problems=1, name="a.jsonl.gz"
    ),
    "gzip-with-rubbish": written(lambda: gzip.compress(GOOD) + b"rubbish", 1, problems=1, name="a.jsonl.gz"),
    "gzip-of-nothing": written(lambda: gzip.compress(b"") * 10_000, problems=0, name="a.jsonl.gz"),
    "gzip-damaged": written(lambda: gzip.compress(GOOD)[:40] + b"\xff" * 99, problems=1, name="a.jsonl.gz"),
    "gzip-bomb": written(lambda: gzip.compress(GOOD) + _zeros(64), 1, problems=1, name="a.jsonl.gz"),
    "gzip-bomb-of-line-breaks": written(_line_breaks, 1, problems=1, name="a.jsonl.gz"),
    "zstd-truncated": written(
        lambda: zstd_module().compress(GOOD) + zstd_module().compress(LAST)[:-9], 1, problems=1, name="a.jsonl.zst"
    ),
    "zstd-bomb": written(
        lambda: zstd_module().compress(GOOD) + zstd_module().compress(b"\0" * (1 << 26)) * 16,
        1,
        problems=1,
        name="a.jsonl.zst",
    ),
    "zstd-wide-window": written(_wide_window, 1, 2, problems=0, name="a.jsonl.zst"),
    "zstd-window-of-2-gigabytes": written(_window_of_2_gigabytes, problems=1, name="a.jsonl.zst"),
    "tar-with-links-and-devices": written(_hostile_tar, 1, 2, problems=1, name="a.tar.gz"),
    "tar-of-negative-size": written(_tar_of_negative_size, problems=1, name="a.tar.gz"),
    "tar-with-large-member": written(
        lambda: _tar(("a", tarfile.REGTYPE, b"\0" * (17 << 20), ""), ("b", tarfile.REGTYPE, GOOD, "")),
        2,
        problems=1,
        name="a.tar.gz",
    ),
    "tar-truncated": written(
        lambda: _tar(("a", tarfile.REGTYPE, GOOD, ""), ("b", tarfile.REGTYPE, LAST, ""))[: 1024 + len(GOOD)],
        1,
        problems=1,
        name="a.tar.gz",
    ),
}


def _made(path: Path) -> Path:
    path.touch()
    return path


def _strange_files(folder: Path) -> None:
    """Put one good file, and everything that is no regular file inside of the folder, into it."""
    inside = folder / "2026-11-24" / "DE-AS3320"
    inside.mkdir(parents=True)
    (inside / "130000-aa.jsonl").write_bytes(GOOD)
    (inside / "folder.jsonl").mkdir()
    os.mkfifo(inside / "pipe.jsonl")
    opened = os.open(inside, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{opened}/socket.jsonl")  # whose own path may be too long
    os.close(opened)
    (inside / "device.jsonl").symlink_to("/dev/zero")
    (inside / "nowhere.jsonl").symlink_to("missing")
    (inside / "loop.jsonl").symlink_to("loop.jsonl")
    outside = folder.with_name(f"{folder.name}-outside.jsonl")
    outside.write_bytes(LAST)
    (inside / "outside.jsonl").symlink_to(outside)
    (inside / "circle").symlink_to(folder)


def _names(folder: Path) -> None:
    """Put good and bad files with names that steer a terminal into a folder."""
    folder.mkdir()
    for number, name in enumerate((STEERING, "\u202egpj", "new\nline", "quote'\"`$(x)")):
        (folder / f"{name}.jsonl").write_bytes(as_line(good(number)) + b"oops\n")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\x9b31m.jsonl")).write_bytes(as_line(good(9)) + b"oops\n")


STRANGE_NAMES = (
    *("s[1]", "a*b", "q?", "-rf", "--json", "%s{0}{x}", "'; DROP TABLE verdicts; --", "a b ", "~", "$HOME", "a=b"),
    *("AS３３２０", "\u202egpj", "new\nline", "\x1b[2J\x07", "n" * 200),
)
"""Names of files and stores that a shell, DuckDB, SQL, an option or a terminal could read as something else."""

FOLDERS: dict[str, Case] = {
    "folder-of-strange-files": Case(_strange_files, (1,), 6, ""),
    "folder-of-strange-names": Case(_names, (1, 1, 1, 1, 1), 5, ""),
}


def mixed() -> bytes:
    """Return all hostile lines in one file, each followed by a good one."""
    every = [*UNUSABLE.values(), *STRANGE.values()]
    return b"".join(line.rstrip(b"\n") + b"\n" + as_line(good(number)) for number, line in enumerate(every))


CASES: dict[str, Case] = {
    **{name: between(line, 1) for name, line in UNUSABLE.items()},
    **{name: between(line, 0) for name, line in STRANGE.items()},
    **WHOLE_FILES,
    **FOLDERS,
}
