"""Runs a command at the volunteer's place of an emulated internet, and leaves nothing behind.

    code = run_in_lab(config, command=["probe", "run"], servers=start_servers, helper=["probe", "helper", …])

Processes, outermost first. The *caller* forks a *supervisor*, which makes the namespaces (user, pid, mount, ipc,
network) and forks their *first process* (`first_process.py`); that one forks the fabric, the servers, the helper and
the command. Each dies with its parent, and with the first process dies everything in its pid namespace, so that after
`kill -9` of any of them no process, mount or namespace is left; files there are none outside the tmpfs that goes with
the mount namespace.

Signals. The command is in the caller's process group, so the terminal talks to it directly and Ctrl-Z works. What is
sent to the caller alone is passed on; the first process, which is in that group too, knows whether the whole group was
meant, so that the command never gets one signal twice.

Call `run_in_lab` from a process without other threads: it forks and blocks signals.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from probe.lab.net.layout import FabricConfig
from probe.lab.sandbox import kernel
from probe.lab.sandbox.first_process import Pipes, Plan, Start, run_first_process
from probe.lab.sandbox.identity import map_identity
from probe.lab.sandbox.isolation import network_inode
from probe.lab.sandbox.job import Interruption
from probe.lab.sandbox.unsupported import LabBroken, LabUnavailable, explain

__all__ = ["LabBroken", "LabUnavailable", "run_in_lab"]

PASSED_ON = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2})
NAMESPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET


def run_in_lab(
    config: FabricConfig,
    *,
    command: Sequence[str],
    servers: Start | None = None,
    helper: Start | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    keep: Sequence[str] = (),
    log: str | None = None,
    ready_within: float = 10.0,
    interruption: Interruption | None = None,
    open_files: int | None = None,
) -> int:
    """Runs `command` at the volunteer's place and returns its exit code, 128 + n when signal n ended it.

    `servers` runs among the servers, `helper` at the helper's place: an argv, or a function that is given `ready` to
    call. An argv says that it is ready by a line on the descriptor named in PROBE_LAB_READY_FD; for the helper a
    listening TCP socket counts as well. The command gets the caller's environment and `env`, the caller's streams, and
    `cwd` (default: the caller's). `keep`: further paths under /tmp or /run that stay real. `log`: a file for what
    servers and helper print. `interruption`: a SIGINT for the command; `open_files`: how many descriptors it may have.

    Raises LabUnavailable (a sentence with the remedy) where the kernel refuses or isolation cannot be proven, and
    LabBroken when a part of the lab itself fails.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    folder = os.path.realpath(cwd or os.getcwd())
    plan = Plan(
        config=config,
        command=list(command),
        servers=servers,
        helper=helper,
        env={**os.environ, **(env or {})},
        cwd=folder,
        keep=[folder, *keep, *_needed_paths(config), os.path.dirname(shutil.which(command[0]) or folder)],
        log=_open_log(log),
        ready_within=ready_within,
        callers_inode=network_inode(),
        mask=signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON | {signal.SIGCHLD}),
        interruption=interruption,
        open_files=open_files,
    )
    try:
        return _run(plan)
    finally:
        os.close(plan.log)
        signal.pthread_sigmask(signal.SIG_SETMASK, plan.mask)


def _needed_paths(config: FabricConfig) -> list[str]:
    """What Python and this project need to run, wherever they are installed, and where the fabric records."""
    project = Path(__file__).resolve().parents[3]
    record = [os.path.dirname(os.path.abspath(config.record))] if config.record else []
    return [
        str(project),
        sys.prefix,
        sys.base_prefix,
        os.path.dirname(sys.executable),
        *(path for path in sys.path if path and path not in ("/tmp", "/run")),
        *record,
    ]


def _open_log(path: str | None) -> int:
    if path is None:
        return os.memfd_create("lab-log")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


@dataclass
class _Outcome:
    """What the inside has reported so far."""

    code: int | None = None
    unavailable: str | None = None
    broken: str | None = None


def _run(plan: Plan) -> int:
    pipes = Pipes()
    supervisor = os.fork()
    if supervisor == 0:
        _supervise(plan, pipes)
    pipes.keep_callers_ends()
    try:
        if pipes.receive_word() == b"user":
            map_identity(supervisor)
        pipes.send_word(b"go")
        _wait_for(supervisor, pipes.orders)
        return _judge(_read_reports(pipes.reports))
    except kernel.Refused as error:
        os.kill(supervisor, signal.SIGKILL)
        os.waitpid(supervisor, 0)
        raise LabUnavailable(explain(error)) from error
    finally:
        pipes.close()


def _wait_for(supervisor: int, orders: int) -> None:
    """Passes signals on until the supervisor has ended."""
    while True:
        received = signal.sigwaitinfo(PASSED_ON | {signal.SIGCHLD})
        if received.si_signo != signal.SIGCHLD:
            _order(orders, received.si_signo)
        elif os.waitpid(supervisor, os.WNOHANG)[0]:
            return


def _order(orders: int, number: int) -> None:
    try:
        os.write(orders, bytes((number,)))
    except BrokenPipeError:
        return  # the inside has just ended; SIGCHLD follows


def _read_reports(descriptor: int) -> _Outcome:
    outcome = _Outcome()
    with os.fdopen(descriptor, "r", closefd=False) as reports:
        for line in reports:
            for name, value in json.loads(line).items():
                setattr(outcome, name, value)
    return outcome


def _judge(outcome: _Outcome) -> int:
    if outcome.unavailable is not None:
        raise LabUnavailable(outcome.unavailable)
    if outcome.broken is not None:
        raise LabBroken(outcome.broken)
    if outcome.code is None:
        raise LabBroken("The lab was ended from outside before its command was done.")
    return outcome.code


def _supervise(plan: Plan, pipes: Pipes) -> None:
    """The supervisor's life: namespaces, their first process, and waiting for it. Never returns."""
    caller = os.getppid()
    try:
        pipes.keep_supervisors_ends()
        kernel.die_with_parent()
        _leave(pipes)
        kernel.die_with_parent()  # a change of credentials clears it
        if os.getppid() == caller and pipes.receive_word() == b"go":
            first = os.fork()
            if first == 0:
                run_first_process(plan, pipes)
            pipes.close_reports()
            os.waitpid(first, 0)
    except kernel.Refused as error:
        pipes.report(unavailable=explain(error))
    finally:
        os._exit(0)


def _leave(pipes: Pipes) -> None:
    """Leaves the caller's namespaces; root does without a user namespace where there is none to be had."""
    try:
        kernel.unshare(kernel.CLONE_NEWUSER | NAMESPACES)
        pipes.send_word(b"user")
    except kernel.Refused:
        if os.geteuid() != 0:
            raise
        kernel.unshare(NAMESPACES)
        pipes.send_word(b"same")
