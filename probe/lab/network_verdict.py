"""Ask `probe judge` for the verdict about the network of a run. The lab computes no verdict itself."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from probe.lab.forks import Forks, run_probe
from probe.results import results_root

PATIENCE = 60  # seconds


def network_verdicts(records: Sequence[Mapping[str, Any]], results: Path | None) -> list[dict[str, Any]]:
    """Return the verdict about the network of a run in the lab, whose file the verdict records name.

    There is none without a file, or if `probe judge` fails.
    """
    name = str(records[0].get("measurement_file", "")) if records else ""
    found = sorted((results_root(results) / "lab").rglob(name)) if name else []
    if not found:
        return []
    code, printed = _output_of(["judge", "--json", "--by", "network", str(found[-1])])
    return [json.loads(line) for line in printed.splitlines()] if code == 0 else []


def _output_of(words: Sequence[str]) -> tuple[int, bytes]:
    """Return the exit code and the output of `probe WORDS`, run in a fork."""
    with open(os.memfd_create("stdout"), "rb") as written:

        def program() -> None:
            os.dup2(written.fileno(), 1)
            run_probe(words, {})

        fork = Forks[None](PATIENCE)
        fork.start(None, program)
        ((_, code),), _ = fork.wait()
        written.seek(0)
        return code, written.read()
