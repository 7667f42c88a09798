"""Test that many synthetic measurements need no more memory than few."""

import subprocess
import sys
from pathlib import Path

import pytest

from probe.lab.synth.synthetic_world import world_names

SCRIPT = """
import resource, sys
from pathlib import Path
from probe.lab.synth.synthetic_world import load_world
from probe.lab.synth.write import synthesise
synthesise(int(sys.argv[1]), 1, Path(sys.argv[2]), light=True, world=load_world(sys.argv[3]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
FEW, MANY = 1000, 12_000
LITTLE = 8  # MB. The 11 000 more measurements have 220 MB.


def most_memory(folder: Path, measurements: int, world: str) -> int:
    """Return the largest memory in MB of a process that writes so many measurements."""
    command = [sys.executable, "-c", SCRIPT, str(measurements), str(folder / str(measurements)), world]
    return int(subprocess.run(command, check=True, capture_output=True, timeout=300).stdout)


@pytest.mark.parametrize("world", world_names())
def test_memory_does_not_grow_with_number_of_measurements(tmp_path: Path, world: str) -> None:
    assert most_memory(tmp_path, MANY, world) < most_memory(tmp_path, FEW, world) + LITTLE
