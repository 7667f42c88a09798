"""Make runs of a real network for submission, and read the stand-in's storage."""

import json
from pathlib import Path
from typing import Any

from probe.ooni.submission.sendable import SendableLine
from tests.sharing.shared_runs import line

RUN = "2026-11-24/IT-AS30722/130500-4f2a.jsonl"
NETWORK = {"probe_cc": "IT", "probe_asn": "AS30722"}


def public_line(**changed: Any) -> bytes:
    """Return a measurement of a public network as a line, in the form of OONI's df-000."""
    usual = {"data_format_version": "0.2.0", "test_version": "0.3.1", "report_id": "", "probe_ip": "127.0.0.1"}
    return line(**{**usual, **NETWORK, **changed})


def lines(count: int, **changed: Any) -> list[SendableLine]:
    """Return different lines of one run."""
    return [
        SendableLine(number, public_line(test_keys={"number": number}, **changed).strip(), "telegram")
        for number in range(1, count + 1)
    ]


def content_key(raw: bytes) -> str:
    """Return the key of a line in the stand-in's storage."""
    return json.dumps({key: value for key, value in json.loads(raw).items() if key != "report_id"}, sort_keys=True)


def write(path: Path, count: int, **changed: Any) -> Path:
    """Write a run with so many measurements."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(one.raw + b"\n" for one in lines(count, **changed)))
    return path
