"""Test that servers and the probe start in a fork of the lab as in a new Python."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from probe.lab.sandbox.sandbox import run_in_lab
from tests.support.lab.inside_lab import config

FORK = """
import os, runpy, signal, sys
from probe.lab.forks import run_probe

def run_module(name, run_name):
    print(name, run_name, *sys.argv, os.environ["GIVEN"])
    print(signal.getsignal(signal.SIGINT))
    print("to standard error", file=sys.stderr)

print(signal.getsignal(signal.SIGINT), flush=True)
signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.stdout = sys.stderr = open(os.devnull, "w")  # as in a test whose output is captured
runpy.run_module = run_module
run_probe(["run", "--json"], {"GIVEN": "value"})
os._exit(0)
"""


def test_fork_has_signals_streams_and_words_of_a_new_python() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=True)
    before, called, after = done.stdout.splitlines()
    assert called == "probe __main__ probe run --json value"
    assert after == before
    assert done.stderr == "to standard error\n"


def write_to_closed_connection() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(BrokenPipeError):
        ours.send(b"data")


def test_write_to_closed_connection_ends_neither_servers_nor_command() -> None:
    def serve(ready: Callable[[], None]) -> None:
        write_to_closed_connection()
        ready()
        time.sleep(60)

    def command() -> None:
        write_to_closed_connection()
        os._exit(3)

    assert run_in_lab(config(), command=command, servers=serve) == 3
