"""Run the probe and functions in forks of this process. A new Python takes a second of processor time to start."""

import gc
import importlib
import importlib.util
import os
import runpy
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NoReturn, TypeVar

from probe.formats.schema.schema import models
from probe.lab.sandbox.kernel import end_with_parent
from probe.lab.scenario.scenario import Scenario
from probe.privacy.server_fields import load_decoders
from probe.targets.target_files import bundled_targets, target_names

Job = TypeVar("Job")

LOADED_ONCE = (  # by a process that forks many runs, so that no fork has to
    "dns.rdtypes.ANY.CNAME",
    "dns.rdtypes.ANY.NS",
    "dns.rdtypes.ANY.PTR",
    "dns.rdtypes.ANY.TXT",
    "orjson",
    "probe.analysis.verdicts.verdicts",
    "probe.cli.helper",
    "probe.cli.results.judge",
    "probe.cli.run.findings",
    "probe.cli.run.progress",
    "probe.cli.run.run_request",
    "probe.cli.run.run",
    "probe.cli.run.running",
    "probe.control.ooni",
    "probe.control.own",
    "probe.helper.helper_server",
    "probe.lab.services.quic.quic_server",
    "probe.packets.capture",
    "probe.run.runner",
    "probe.steps.quic.quic_engine",
    "service_identity.cryptography",
    "utls",
)
OPTIONAL = frozenset({"utls"})  # packages of an extra
CRASHED = 70  # exit code


def load_once() -> None:
    """Import what a run in the lab needs, and build validators and decoders.

    The garbage collector leaves all of it out.
    """
    for name in LOADED_ONCE:
        if name not in OPTIONAL or importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
    importlib.import_module("probe.nettests").load_nettests()
    for model in models().values():
        model.model_rebuild()  # otherwise probe and helper of each run build their validators
    load_decoders()
    gc.collect()
    gc.freeze()  # so that no fork copies the memory of these modules


def pause_after(scenario: Scenario) -> float:
    """Return the seconds from the start of this scenario's lab until another lab may start.

    Most of a lab's processor time is that of its first seconds. On a quiet machine it takes 0.6 s, and 0.3 s more for
    each target. Two processors have done that after this pause. Then the lab mostly waits for deadlines.
    """
    targets = len(scenario.targets) or (0 if scenario.pages else len(target_names(bundled_targets())))
    return 1.0 + 0.2 * targets


def run_probe(words: Sequence[str], env: Mapping[str, str]) -> None:
    """Run `probe WORDS` in this process, which is a fork, as a new Python would."""
    os.environ.update(env)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["probe", *words]
    with (
        open(0, closefd=False) as sys.stdin,
        open(1, "w", closefd=False) as sys.stdout,
        open(2, "w", 1, closefd=False) as sys.stderr,
    ):
        runpy.run_module("probe", run_name="__main__")


class Forks(Generic[Job]):
    """Run functions in forks, `at_once` at a time, each for at most `seconds`. They end with this process."""

    def __init__(self, seconds: int, *, at_once: int = 1) -> None:
        self._seconds, self._at_once = seconds, at_once
        self._next_start = 0.0
        self._under_way: dict[int, tuple[int, Job]] = {}  # by pidfd: pid, job

    def __len__(self) -> int:
        return len(self._under_way)

    def start_in(self) -> float | None:
        """Return the seconds until another fork may start, None if one must end before."""
        return max(0.0, self._next_start - time.monotonic()) if len(self) < self._at_once else None

    def start(self, job: Job, program: Callable[[], None], *, errors: str = os.devnull, pause: float = 0.0) -> None:
        """Run `program` in a fork, without input, and with its error output in the file `errors`.

        `pause`: seconds until another fork may start.
        """
        self._next_start = time.monotonic() + pause
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if not pid:
            self._run(program, errors)
        self._under_way[os.pidfd_open(pid)] = pid, job

    def _run(self, program: Callable[[], None], errors: str) -> NoReturn:
        end_with_parent()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(self._seconds)
        try:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), 2)
            program()
            os._exit(0)
        except SystemExit as end:
            os._exit(end.code if isinstance(end.code, int) else CRASHED if end.code else 0)
        except BaseException:
            os.write(2, traceback.format_exc().encode())
            os._exit(CRASHED)

    def wait(self, seconds: float | None = None, *, also: Sequence[int] = ()) -> tuple[list[tuple[Job, int]], set[int]]:
        """Wait until a fork ends or a descriptor of `also` is readable, at most `seconds`.

        Return the ended jobs with their exit codes (-n for signal n), and the readable descriptors.
        """
        readable = set(select.select([*also, *self._under_way], (), (), seconds)[0])
        return [self._ended(one) for one in readable & self._under_way.keys()], readable & set(also)

    def _ended(self, descriptor: int) -> tuple[Job, int]:
        pid, job = self._under_way.pop(descriptor)
        os.close(descriptor)
        return job, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def close(self) -> None:
        """End every fork that still runs, and wait for its end."""
        for pid, _ in self._under_way.values():
            os.kill(pid, signal.SIGKILL)
        while self._under_way:
            self.wait()
