"""Run the first process of the lab's pid namespace: create the namespaces, start all parts, wait, and end them."""

import gc
import os
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable
from typing import NoReturn

from probe.lab.net import fabric
from probe.lab.sandbox import kernel, mounts
from probe.lab.sandbox.isolation import find_leak
from probe.lab.sandbox.job import Moment, Pipes, Plan, Start
from probe.lab.sandbox.namespaces import Side, build_sides
from probe.lab.sandbox.tcp_table import as_in_proc, listens, tcp_rows
from probe.lab.sandbox.unsupported import explain
from probe.messages import tr

__all__ = ["Pipes", "Plan", "Start", "run_first_process"]

GRACE_S = 1.0  # seconds for servers and helper to end
LISTENING_EVERY = 0.05  # seconds between two looks at the helper's sockets, of which each takes 4 ms of processor time
READY_VARIABLE = "PROBE_LAB_READY_FD"


class Interrupted(Exception):
    """Report a signal that came before the command was started. Its number is in `args`."""


class PartFailed(Exception):
    """Report that a part of the lab ended, or did not get ready."""


def run_first_process(plan: Plan, pipes: Pipes) -> NoReturn:
    """Run the first process. The kernel ends all processes of the pid namespace with it."""
    try:
        pipes.keep_first_process_ends()
        kernel.end_with_parent()
        pipes.report(**_run_lab(plan, pipes))
    except kernel.Refused as error:
        pipes.report(unavailable=explain(error))
    except PartFailed as error:
        pipes.report(broken=f"{error}\n{_tail(plan.log)}".strip())
    except BaseException as error:
        pipes.report(broken=f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
    finally:
        os._exit(0)


def _tail(log: int) -> str:
    size = os.fstat(log).st_size
    return os.pread(log, 4000, max(0, size - 4000)).decode(errors="replace")


def _run_lab(plan: Plan, pipes: Pipes) -> dict[str, object]:
    mounts.prepare(plan.keep, plan.config.files)
    lab = _Lab(plan, pipes, build_sides(plan.config))
    try:
        lab.start_parts()
        return {"code": lab.run_command()}
    except Interrupted as interruption:
        return {"code": 128 + int(interruption.args[0])}
    finally:
        lab.end_parts()


def _fork(program: Callable[[], None], log: int) -> int:
    """Start a child process that runs `program` and ends. The traceback of a crash goes to the log."""
    child = os.fork()
    if child:
        return child
    try:
        program()
        os._exit(0)
    except SystemExit as end:  # of a command that printed its own error
        os._exit(end.code if isinstance(end.code, int) else 70)
    except BaseException:
        os.write(log, traceback.format_exc().encode())
        os._exit(70)


class _Lab:
    """Start and watch the parts of the lab: fabric, servers, helper and command."""

    def __init__(self, plan: Plan, pipes: Pipes, sides: dict[str, Side]) -> None:
        self._plan, self._pipes, self._sides = plan, pipes, sides
        self._parts: dict[int, tuple[str, int]] = {}  # by pidfd: name, pid
        self._command: int | None = None

    def start_parts(self) -> None:
        """Start fabric, servers and helper, and wait until they are ready. Raises PartFailed."""
        self._add("fabric", _fork(self._run_fabric, self._plan.log))
        for side in self._sides.values():
            os.close(side.wire.descriptor)
        config = self._plan.config
        waiting: dict[str, tuple[int, int]] = {}
        if self._plan.servers is not None:
            waiting["servers"] = self._start("servers", self._plan.servers, "outside", config.outside_resolver)
        if self._plan.helper is not None:
            waiting["helper"] = self._start("helper", self._plan.helper, "helper", config.helper_resolver)
        self._wait_until_ready(waiting)

    def _pid_of_helper(self) -> int:
        return next(pid for name, pid in self._parts.values() if name == "helper")

    def _restart_helper(self) -> None:
        """Kill the helper and start it again. It has then forgotten its answers and the tokens of its echo."""
        if self._plan.helper is None:
            return
        part, pid = next((part, pid) for part, (name, pid) in self._parts.items() if name == "helper")
        del self._parts[part]
        _kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(part)
        again = self._start("helper", self._plan.helper, "helper", self._plan.config.helper_resolver)
        self._wait_until_ready({"helper": again})

    def _add(self, name: str, pid: int) -> None:
        self._parts[os.pidfd_open(pid)] = (name, pid)

    def _run_fabric(self) -> None:
        os.setsid()
        wires = {name: side.wire for name, side in self._sides.items()}
        built = fabric.Fabric(self._plan.config, wires)
        gc.freeze()
        fabric.run(built, wires)

    def _start(self, name: str, start: Start, side_name: str, resolver: str) -> tuple[int, int]:
        """Start a part. Return the descriptor on which it reports that it is ready, and its pid."""
        reading, writing = os.pipe()
        side = self._sides[side_name]

        def program() -> None:
            os.setsid()
            self._move_to(side, resolver)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(self._plan.log, 1)
            os.dup2(self._plan.log, 2)
            self._restore_signals()
            _allow_many_files()
            if callable(start):
                _ignore_broken_pipes()
                start(lambda: _report_ready(writing))
                return
            os.set_inheritable(writing, True)
            os.execvpe(start[0], list(start), {**self._plan.env, READY_VARIABLE: str(writing)})

        pid = _fork(program, self._plan.log)
        os.close(writing)
        self._add(name, pid)
        return reading, pid

    def _move_to(self, side: Side, resolver: str, hosts: str = "") -> None:
        """Move this process into the network namespace of a side, with a matching /etc and /sys.

        Its priority is the usual one again, since only the fabric runs before others.
        """
        kernel.lower_priority()
        kernel.setns(side.namespace, kernel.CLONE_NEWNET)
        kernel.unshare(kernel.CLONE_NEWNS)
        mounts.mount_etc(resolver, hosts)
        mounts.mount_sys()
        os.chdir(self._plan.cwd)

    def _restore_signals(self) -> None:
        """Restore the signal handling that this process, or Python, has changed."""
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGTERM):
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._plan.mask)

    def _wait_until_ready(self, waiting: dict[str, tuple[int, int]]) -> None:
        deadline = time.monotonic() + self._plan.ready_within
        while waiting:
            if time.monotonic() > deadline:
                names, seconds = ", ".join(waiting), f"{self._plan.ready_within:g}"
                raise PartFailed(tr("Not ready after {seconds} s: the lab's {names}.", seconds=seconds, names=names))
            readable = self._wait([reading for reading, _ in waiting.values()], LISTENING_EVERY)
            for name, (reading, pid) in list(waiting.items()):
                if reading in readable and not os.read(reading, 100):
                    raise PartFailed(tr("The lab's {name} ended before being ready.", name=name))
                if reading in readable or (name == "helper" and listens(pid)):
                    del waiting[name]  # its pipe stays open, since a later line must not kill the writer

    def _wait(self, descriptors: list[int], timeout: float | None) -> set[int]:
        """Wait for any of `descriptors` and pass signals on. Raises PartFailed when a part ends."""
        watched = [*descriptors, *self._parts, self._pipes.orders, self._pipes.alive]
        readable = set(select.select(watched, (), (), timeout)[0])
        if self._pipes.alive in readable:
            os._exit(0)  # the caller has ended
        if self._pipes.orders in readable:
            for number in os.read(self._pipes.orders, 64):
                self._pass_on(number)
        for part in readable & set(self._parts):
            name, pid = self._parts[part]
            code = _exit_code(os.waitpid(pid, 0)[1])
            raise PartFailed(tr("The lab's {name} ended during the run (exit code {code}).", name=name, code=code))
        return readable

    def _pass_on(self, number: int) -> None:
        """Pass a signal of the caller to the command, unless the whole process group received it."""
        if self._command is None:
            raise Interrupted(number)
        if signal.sigtimedwait({number}, 0.05) is None:
            os.kill(self._command, number)

    def run_command(self) -> int:
        """Run the command and return its exit code, 128 + n for signal n."""
        self._command = _fork(self._exec_command, self._plan.log)
        end = os.pidfd_open(self._command)
        if self._reaches(self._plan.faults.helper_restart, end, self._command):
            self._restart_helper()
        if self._reaches(self._plan.faults.interruption, end, self._command):
            os.kill(self._command, signal.SIGINT)
        while end not in self._wait([end], None):
            continue
        return _exit_code(os.waitpid(self._command, 0)[1])

    def _reaches(self, moment: Moment | None, end: int, command: int) -> bool:
        """Wait for a moment. Return False if there is none, or if the command has ended before.

        The time before the first connection does not count, since it depends on the load of the machine.
        """
        if moment is None:
            return False
        process = self._pid_of_helper() if moment.of_helper else command
        watched = {as_in_proc(ip) for ip in moment.addresses}
        due: float | None = None
        while due is None or (left := due - time.monotonic()) > 0:
            if end in self._wait([end], 0.02 if due is None else left):
                return False
            if due is None and watched & {row.remote for row in tcp_rows(process)}:
                due = time.monotonic() + moment.seconds
        return True

    def _exec_command(self) -> None:
        plan = self._plan
        self._move_to(self._sides["home"], plan.config.home_resolver or plan.config.router_v4, plan.config.home_hosts)
        if plan.config.home_assigned:
            mounts.write_lease(plan.config.home_interface, plan.config.home_address, plan.config.home_assigned)
        alone = plan.config.ipv6_alone
        leak = find_leak(plan.callers_inode, plan.config.home_interface, alone.interface if alone else "")
        if leak:
            self._pipes.report(unavailable=tr("{leak} The lab therefore runs nothing.", leak=leak))
            return
        self._restore_signals()
        if plan.faults.open_files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (plan.faults.open_files, plan.faults.open_files))
        if callable(plan.command):
            _ignore_broken_pipes()
            os.environ.update(plan.env)
            if os.geteuid() != 0:
                kernel.drop_capabilities()
            plan.command()
            return
        try:
            os.execvpe(plan.command[0], list(plan.command), plan.env)
        except OSError as error:
            os.write(2, f"{plan.command[0]}: {error.strerror}\n".encode())
            os._exit(127 if isinstance(error, FileNotFoundError) else 126)

    def end_parts(self) -> None:
        """End servers and helper with SIGTERM and wait. The kernel ends the rest with this process."""
        asked = {part: pid for part, (name, pid) in self._parts.items() if name != "fabric"}
        for pid in asked.values():
            _kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while asked and (left := deadline - time.monotonic()) > 0:
            for part in select.select(list(asked), (), (), left)[0]:
                del asked[part]


def _allow_many_files() -> None:
    """Raise the limit of open files as far as the system allows: an emulated Internet has more than 1000 servers."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _ignore_broken_pipes() -> None:
    """Ignore the signals that a new Python ignores. Else a server ends when it writes to a reset connection."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_IGN)


def _kill(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _report_ready(descriptor: int) -> None:
    os.write(descriptor, b"ready\n")


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code
