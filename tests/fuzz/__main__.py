"""Fuzz each codec for FUZZ_SECONDS (20), with atheris where it runs, else with hypothesis (`make fuzz`).

`python -m tests.fuzz` runs all, one process each. `python -m tests.fuzz NAME` runs one.
"""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SECONDS = float(os.environ.get("FUZZ_SECONDS", "20"))
FALLBACK = (
    "atheris is not installed for this Python (no wheel of it, or no extra [fuzz]): hypothesis takes its place. "
    "It is not guided by what the code does, and finds less."
)
_DONE = re.compile(r"Done (\d+) runs in|^(\d+) examples", re.MULTILINE)


def main() -> int:
    """Fuzz every codec in turn. Return 1 if one raised an undocumented exception."""
    with_atheris = importlib.util.find_spec("atheris") is not None
    print(f"each codec for {SECONDS:g} s, by {'atheris' if with_atheris else 'hypothesis'}")
    if not with_atheris:
        print(FALLBACK)
    from tests.fuzz.codecs import CODECS

    failed = [codec.name for codec in CODECS if not _in_a_process(codec.name)]
    print(f"{len(CODECS)} codecs, {len(failed)} raised what is not documented: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


def _in_a_process(name: str) -> bool:
    command = [sys.executable, "-m", "tests.fuzz", name]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=20 * SECONDS + 300)
    output = done.stdout + done.stderr
    runs = _DONE.search(output)
    figure = next((number for number in runs.groups() if number), "?") if runs else "?"
    print(f"  {name:<28} {figure:>10} inputs {time.monotonic() - began:6.1f} s  {'FAILED' if done.returncode else ''}")
    if done.returncode:
        print(output[-6000:])
    sys.stdout.flush()
    return done.returncode == 0


def fuzz_one(name: str) -> None:
    """Fuzz one codec in this process and exit, with code 0 unless an undocumented exception was raised."""
    try:
        import atheris
    except ImportError:
        _by_hypothesis(name)
        return
    with atheris.instrument_imports(include=["probe"]):
        from tests.fuzz.codecs import CODECS, run
    (codec,) = (codec for codec in CODECS if codec.name == name)
    with tempfile.TemporaryDirectory() as corpus, tempfile.TemporaryDirectory() as found:
        for number, seed in enumerate(codec.seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        limits = [
            f"-max_total_time={SECONDS:g}",
            "-max_len=4096",
            "-timeout=10",
            "-rss_limit_mb=1024",
            "-print_final_stats=1",
        ]
        atheris.Setup([name, *limits, f"-artifact_prefix={found}/", corpus], lambda data: run(codec, data))
        atheris.Fuzz()


def _by_hypothesis(name: str) -> None:
    from hypothesis import HealthCheck, given, settings

    from tests.fuzz.codecs import CODECS, run
    from tests.fuzz.strategies import bytes_for

    (codec,) = (codec for codec in CODECS if codec.name == name)
    end, examples = time.monotonic() + SECONDS, 0

    @settings(max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(bytes_for(codec))
    def attempt(data: bytes) -> None:
        nonlocal examples
        examples += 1
        run(codec, data)

    while time.monotonic() < end:
        attempt()
    print(f"{examples} examples")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        fuzz_one(sys.argv[1])
    else:
        sys.exit(main())
