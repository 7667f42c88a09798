"""Provide results folders for both engines, with valid and invalid lines, and a store with events."""

import gzip
import json
import shutil
from pathlib import Path

from probe.lab.recordings import recording_of
from probe.lab.synth.write import synthesise
from tests.support.measurements.verdict_rows import blocked, rows, store
from tests.support.store.stores import some_lines, write

RECORDED = ("sni-reset", "sip-drop")
EVIL = "'); DROP TABLE verdicts; -- \\' ? <script>"
_BAD_HEADS = (
    {"probe_cc": "xx"},
    {"probe_asn": EVIL},
    {"measurement_start_time": None},
    {"measurement_start_time": "1999-01-01 00:00:00"},
    {"measurement_start_time": "2199-01-01 00:00:00"},
)
_ODD_HEADS = (
    {"probe_network_name": EVIL, "software_version": EVIL, "test_runtime": 1e-7},
    {"probe_network_name": "\ud800 \x00 \U0001f600", "test_runtime": "7"},
    {"probe_network_name": ["no", "text"], "software_name": None, "test_runtime": 123456789.125},
)
_NO_LINES = (b"no JSON", b"[1]", b'{"a": NaN}', b"[" * 100_000, b'{"probe_cc": "DE"}', b"\xff\xfe", b"no JSON")


def lines_of_all_kinds(folder: Path) -> Path:
    """Write recordings of the lab, measurements of an invented world, unusual ones, copies and invalid lines."""
    for name in RECORDED:
        recording = recording_of(name)
        assert recording is not None
        shutil.copy(recording, folder / recording.name)
    synthesise(8, 7, folder / "synth")
    lines = some_lines(12)
    write(folder / "some.jsonl", lines)
    write(folder / "odd.jsonl", [line | head for line, head in zip(lines, _ODD_HEADS, strict=False)])
    bad = [json.dumps(lines[0] | head).encode() for head in _BAD_HEADS]
    torn = json.dumps(lines[1]).encode()[:500]
    (folder / "bad.jsonl").write_bytes(b"\n".join([*bad, *_NO_LINES, torn]))
    (folder / "copy.jsonl.gz").write_bytes(gzip.compress((folder / "some.jsonl").read_bytes()))
    shutil.copy(folder / "some.jsonl", folder / "twin.jsonl")
    (folder / "cut-off.jsonl.gz").write_bytes(gzip.compress((folder / "odd.jsonl").read_bytes())[:-200])
    (folder / "empty.jsonl").touch()
    return folder


def store_with_events(folder: Path) -> Path:
    """Return rows with an ended and a lasting block, a faulty software version, and hostile text."""
    days = [f"2026-10-{day:02}" for day in range(1, 31)]
    begun = [blocked(5, day=day, probe_asn=asn) for day in days[10:20] for asn in ("AS1", "AS2")]
    fine = [rows(5, day=day, probe_asn=asn) for day in days[:10] + days[20:] for asn in ("AS1", "AS2")]
    lasts = [
        rows(5, day=day, service=EVIL, network="Übernetz ✓")
        if day < days[15]
        else blocked(5, day=day, service=EVIL, mechanisms="dns.injection tls.reset")
        for day in days
    ]
    faulty = [
        rows(4, day=day, probe_cc="DE", probe_asn=asn, state=state, software_version=version)
        for day in days[:3]
        for asn in ("AS8", "AS9")
        for version, state in (("0.1.0", "ok"), ("0.0.9", "blocked"))
    ]
    odd = [
        rows(3, state="insufficient", valid=False, invalid_reason="vpn"),
        blocked(3, ipv6_broken=True, mechanisms="tcp.timeout"),
        rows(2, lab="clean"),
        blocked(6, probe_cc="NA", measurement_file=EVIL, measurement_line=1 << 30, run_id="one"),
    ]
    store(folder, *begun, *fine, *lasts, *faulty, *odd)
    return folder
