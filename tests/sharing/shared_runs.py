"""Make runs, shared files, and files that a hostile person could send."""

import json
from pathlib import Path
from typing import Any

from probe.privacy.redact import KnownIdentifiers
from probe.sharing import Outgoing, inspect
from probe.sharing.share_manifest import Digests, ShareManifest
from tests.support.zstd import ZstdFile

NOTHING = KnownIdentifiers()


def measurement(**changed: Any) -> dict[str, Any]:
    """Return a small measurement of a real network."""
    return {
        "software_name": "censorprobe",
        "software_version": "0.1.0",
        "probe_cc": "QX",
        "probe_asn": "AS64500",
        "probe_network_name": "Example Net",
        "measurement_start_time": "2026-11-24 13:05:00",
        "test_start_time": "2026-11-24 13:05:00",
        "test_name": "telegram",
        "annotations": {"platform": "linux"},
        "test_keys": {},
        **changed,
    }


def line(**changed: Any) -> bytes:
    """Return a measurement as a line."""
    return json.dumps(measurement(**changed)).encode() + b"\n"


def write_run(path: Path, *lines: bytes) -> Path:
    """Write a results file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(lines or (line(),)))
    return path


def inspected(path: Path, **more: Any) -> Outgoing:
    """Inspect a run of a user of whom nothing is known."""
    return inspect(path, NOTHING, **more)


def manifest_of(*lines: bytes) -> ShareManifest:
    """Return the manifest of the lines."""
    digests = Digests()
    for one in lines:
        digests.add(one)
    return digests.manifest("0.1.0")


def packed(path: Path, *lines: bytes, manifest: bytes | None = None) -> bytes:
    """Return a packed file with the lines, and with another manifest than theirs if one is given."""
    with ZstdFile(path, "wb") as file:
        file.write(manifest_of(*lines).line() if manifest is None else manifest)
        file.writelines(lines)
    return path.read_bytes()


def altered(*lines: bytes, **changed: Any) -> bytes:
    """Return a manifest of the lines with other values. None removes a key."""
    document = {**json.loads(manifest_of(*lines).line()), **changed}
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode() + b"\n"
