"""Run a command in the user's namespace of an emulated Internet, and leave nothing behind.

    code = run_in_lab(config, command=["probe", "run"], servers=start_servers, helper=["probe", "helper", …])

Processes. The *caller* forks a *supervisor*, which creates the namespaces (user, pid, mount, ipc, network) and forks
their *first process* (`first_process.py`). The first process forks the fabric, the servers, the helper and the command.
Each process ends with its parent, and all processes of the pid namespace end with the first process. After `kill -9`
of any of them, no process, mount or namespace is left. All files are in a tmpfs that ends with the mount namespace.

Signals. The command is in the caller's process group. It gets the terminal's signals directly, and Ctrl-Z works. A
signal that is sent only to the caller is passed on. The first process is in that group too, and sees if the whole group
received the signal. The command therefore gets each signal once.

Call `run_in_lab` from a process without other threads, since it forks and blocks signals.
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
from probe.lab.sandbox.isolation import network_inode
from probe.lab.sandbox.job import Command, ProcessFaults
from probe.lab.sandbox.unsupported import LabBroken, LabUnavailable, explain
from probe.lab.sandbox.user_mapping import map_identity
from probe.messages import tr

__all__ = ["LabBroken", "LabUnavailable", "run_in_lab"]

PASSED_ON = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2})
NAMESPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET

NO_FAULTS = ProcessFaults()


def run_in_lab(
    config: FabricConfig,
    *,
    command: Command,
    servers: Start | None = None,
    helper: Start | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    keep: Sequence[str] = (),
    log: str | None = None,
    ready_within: float = 10.0,
    faults: ProcessFaults = NO_FAULTS,
) -> int:
    """Run `command` in the user's namespace and return its exit code, 128 + n if signal n ended it.

    `servers` and `helper` run in their own namespaces. The command gets the caller's environment and `env`, the
    caller's streams, and `cwd` (default: the caller's). `keep`: more paths under /tmp or /run that stay real. `log`:
    file for the output of servers and helper, which must be ready within `ready_within` seconds.

    Raises LabUnavailable, with the remedy, if the kernel refuses or the isolation is not verified. Raises LabBroken if
    a part of the lab itself fails.
    """
    folder = os.path.realpath(cwd or os.getcwd())
    plan = Plan(
        config=config,
        command=command,
        servers=servers,
        helper=helper,
        env={**os.environ, **(env or {})},
        cwd=folder,
        keep=[folder, *keep, *_needed_paths(config), *_folder_of(command)],
        log=_open_log(log),
        ready_within=ready_within,
        callers_inode=network_inode(),
        mask=signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON | {signal.SIGCHLD}),
        faults=faults,
    )
    return _run(plan)


def _folder_of(command: Command) -> list[str]:
    """Return the folder of the program that a command line starts."""
    program = None if callable(command) else shutil.which(command[0])
    return [] if program is None else [os.path.dirname(program)]


def _needed_paths(config: FabricConfig) -> list[str]:
    """Return the folders that Python, this project and the fabric's recording need."""
    project = Path(__file__).resolve().parents[3]
    record = [os.path.dirname(os.path.abspath(config.record))] if config.record else []
    return [
        str(project),
        sys.prefix,
        sys.base_prefix,
        os.path.dirname(sys.executable),
        *(path for path in sys.path if path and path not in ("/tmp", "/run")),  # replaced in the lab  # nosec B108
        *record,
    ]


def _open_log(path: str | None) -> int:
    if path is None:
        return os.memfd_create("lab-log")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


@dataclass
class _Outcome:
    """Hold the reports of supervisor and first process."""

    code: int | None = None
    unavailable: str | None = None
    broken: str | None = None


def _run(plan: Plan) -> int:
    """Run the job, close its log, and restore the caller's blocked signals."""
    try:
        return _supervised(plan)
    finally:
        os.close(plan.log)
        signal.pthread_sigmask(signal.SIG_SETMASK, plan.mask)


def _supervised(plan: Plan) -> int:
    """Fork the supervisor and wait for it. Raises LabUnavailable and LabBroken."""
    pipes = Pipes()
    sys.stdout.flush()
    sys.stderr.flush()
    supervisor = os.fork()
    if supervisor == 0:
        _supervise(plan, pipes)
    pipes.keep_callers_ends()
    try:
        if pipes.receive_word() == b"user":
            map_identity(supervisor)
        pipes.send_word(b"go")
        _wait_for(supervisor, pipes.orders)
        return _exit_code(_read_reports(pipes.reports))
    except kernel.Refused as error:
        os.kill(supervisor, signal.SIGKILL)
        os.waitpid(supervisor, 0)
        raise LabUnavailable(explain(error)) from error
    finally:
        pipes.close()


def _wait_for(supervisor: int, orders: int) -> None:
    """Pass signals on until the supervisor has ended."""
    while True:
        received = signal.sigwaitinfo(PASSED_ON | {signal.SIGCHLD})
        if received.si_signo != signal.SIGCHLD:
            _send_signal(orders, received.si_signo)
        elif os.waitpid(supervisor, os.WNOHANG)[0]:
            return


def _send_signal(orders: int, number: int) -> None:
    try:
        os.write(orders, bytes((number,)))
    except BrokenPipeError:
        return  # the first process has just ended, and SIGCHLD follows


def _read_reports(descriptor: int) -> _Outcome:
    outcome = _Outcome()
    with os.fdopen(descriptor, "r", closefd=False) as reports:
        for line in reports:
            for name, value in json.loads(line).items():
                setattr(outcome, name, value)
    return outcome


def _exit_code(outcome: _Outcome) -> int:
    """Return the exit code of the command. Raises LabUnavailable and LabBroken."""
    if outcome.unavailable is not None:
        raise LabUnavailable(outcome.unavailable)
    if outcome.broken is not None:
        raise LabBroken(outcome.broken)
    if outcome.code is None:
        raise LabBroken(tr("The lab was ended by another program before its command was done."))
    return outcome.code


def _supervise(plan: Plan, pipes: Pipes) -> None:
    """Run the supervisor: create the namespaces, fork their first process and wait for it. Never returns."""
    caller = os.getppid()
    try:
        pipes.keep_supervisors_ends()
        kernel.end_with_parent()
        kernel.raise_priority()  # of the fabric, so that packets are not late on a busy computer
        _enter_namespaces(pipes)
        kernel.end_with_parent()  # a change of credentials clears it
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


def _enter_namespaces(pipes: Pipes) -> None:
    """Move into new namespaces. Root works without a user namespace if the kernel refuses one."""
    try:
        kernel.unshare(kernel.CLONE_NEWUSER | NAMESPACES)
        pipes.send_word(b"user")
    except kernel.Refused:
        if os.geteuid() != 0:
            raise
        kernel.unshare(NAMESPACES)
        pipes.send_word(b"same")
