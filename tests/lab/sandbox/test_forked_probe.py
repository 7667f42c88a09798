"""Test that the probe starts in a fork of the lab as in a new Python."""

import subprocess
import sys

FORK = """
import os, runpy, signal, sys
from probe.lab.run import _run_probe

def run_module(name, run_name):
    print(name, run_name, *sys.argv, os.environ["GIVEN"])
    ours = signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT
    print([signal.getsignal(number) for number in ours])
    print("to standard error", file=sys.stderr)

before = [signal.getsignal(number) for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT)]
print(before, flush=True)
for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
    signal.signal(number, signal.SIG_DFL)
sys.stdout = sys.stderr = open(os.devnull, "w")  # as in a test whose output is captured
runpy.run_module = run_module
_run_probe(["run", "--json"], {"GIVEN": "value"})
os._exit(0)
"""


def test_fork_has_signals_streams_and_words_of_a_new_python() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=True)
    before, called, after = done.stdout.splitlines()
    assert called == "probe __main__ probe run --json value"
    assert after == before
    assert done.stderr == "to standard error\n"
