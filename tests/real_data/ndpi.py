"""Judge the captures of ntop/nDPI, and count what each parser reads and what is accused.

`python -m tests.real_data.ndpi GIT_FOLDER` reads a local copy of https://github.com/ntop/nDPI at COMMIT. Nothing of it
is stored. Nothing is known about censorship in these captures, so each accusation would be suspect.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.captures.capture_file import is_capture
from probe.captures.capture_measurements import measurements_of
from probe.captures.captured_set import CapturedSet, read_captures
from probe.results.unpacking import UNREADABLE
from probe.wire.tls.quic_initial import ClientInitials
from probe.wire.tls.server_name import read_hello

COMMIT = "3b1286ab"
SUFFIXES = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz")
ACCUSING = ("blocked", "likely_blocked", "degraded")


def main(repository: str) -> int:
    """Print the figures. Return 1 if a capture is accused or could not be read."""
    figures, problems = Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        for name in _names(repository):
            path = Path(folder) / Path(name).name
            path.write_bytes(_git(repository, "cat-file", "blob", f"{COMMIT}:{name}"))
            problems += _judge(path, name, figures)
            path.unlink()
    for key, number in sorted(figures.items()):
        print(f"{number:7} {key}")
    print("\n".join(problems))
    return 1 if any(figures[state] for state in ACCUSING) or figures["errors"] else 0


def _names(repository: str) -> list[str]:
    """Return the captures in the tree. Links to other captures are left out."""
    listed = _git(repository, "ls-tree", "-r", COMMIT).decode().splitlines()
    files = [line.partition("\t") for line in listed if not line.startswith("120000")]
    return [name for _, _, name in files if name.endswith(SUFFIXES)]


def _git(repository: str, *words: str) -> bytes:
    return subprocess.run(["git", "-C", repository, *words], capture_output=True, check=False).stdout


def _judge(path: Path, name: str, figures: Counter[str]) -> list[str]:
    try:
        if not is_capture(path):
            return [f"no capture: {name}"]
        reading = read_captures([path])
        _count(reading, figures)
        problems = [str(each) for each in reading.problems]
        for number, each in enumerate(measurements_of(reading), 1):
            for record in judge_measurement(each.document, file=name, number=number):
                figures[record["state"]] += 1
                if record["state"] in ACCUSING:
                    problems.append(f"accused: {name} {each.document['input']} {record['rule_id']}")
    except UNREADABLE as error:
        figures["errors"] += 1
        return [f"{name}: {error}"]
    return problems


def _count(reading: CapturedSet, figures: Counter[str]) -> None:
    figures.update({"files": 1, "flows": len(reading.flows), "flows with a result": len(reading.conversations)})
    figures.update(f"results: {each.scheme}" for each in reading.conversations)
    for flow in reading.flows:
        if flow.protocol == "tcp" and read_hello(bytes(flow.sent.head)).name:
            figures["names read: tls"] += 1
        elif flow.protocol == "udp":
            initials = ClientInitials()
            for each in flow.datagrams:
                initials.feed(each.payload)
            figures["hellos decrypted: quic"] += bool(initials.hello)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
