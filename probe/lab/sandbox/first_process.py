"""The first process of the lab's pid namespace: builds the places, starts everybody, waits, and ends everything."""

import gc
import ipaddress
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

from probe.lab.net import fabric
from probe.lab.sandbox import kernel, mounts
from probe.lab.sandbox.isolation import find_leak
from probe.lab.sandbox.job import Interruption, Pipes, Plan, Start
from probe.lab.sandbox.namespaces import Place, build_places
from probe.lab.sandbox.unsupported import explain

__all__ = ["Pipes", "Plan", "Start", "run_first_process"]

LISTENING = "0A"  # state of a socket in /proc/net/tcp
GRACE_S = 1.0  # for servers and helper to end by themselves
READY_VARIABLE = "PROBE_LAB_READY_FD"


class Interrupted(Exception):
    """A signal for the command came before there was one; the number is in args."""


class PartFailed(Exception):
    """A part of the lab has ended that should not have."""


def run_first_process(plan: Plan, pipes: Pipes) -> NoReturn:
    """Lives the life of the first process; with it ends everything that was started inside."""
    try:
        pipes.keep_insides_ends()
        kernel.die_with_parent()
        pipes.report(**_live(plan, pipes))
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


def _live(plan: Plan, pipes: Pipes) -> dict[str, object]:
    mounts.prepare(plan.keep, plan.config.files)
    places = build_places(plan.config)
    lab = _Lab(plan, pipes, places)
    try:
        lab.start_parts()
        return {"code": lab.run_command()}
    except Interrupted as interruption:
        return {"code": 128 + int(interruption.args[0])}
    finally:
        lab.end_parts()


def _fork(life: Callable[[], None], log: int) -> int:
    """A child that lives `life` and never comes back here; its crash goes to the log, as does what it prints there."""
    child = os.fork()
    if child:
        return child
    try:
        life()
        os._exit(0)
    except SystemExit as end:  # a command that was run here and has said itself what was wrong
        os._exit(end.code if isinstance(end.code, int) else 70)
    except BaseException:
        os.write(log, traceback.format_exc().encode())
        os._exit(70)


class _Lab:
    """The running parts: the fabric, servers, helper, and the command."""

    def __init__(self, plan: Plan, pipes: Pipes, places: dict[str, Place]) -> None:
        self._plan, self._pipes, self._places = plan, pipes, places
        self._parts: dict[int, tuple[str, int]] = {}  # pidfd → (name, pid)
        self._command: int | None = None

    # ── starting ──

    def start_parts(self) -> None:
        """Starts the fabric, servers and helper; returns when they are ready, raises PartFailed when they are not."""
        self._add("fabric", _fork(self._be_fabric, self._plan.log))
        for place in self._places.values():
            os.close(place.wire.descriptor)
        config = self._plan.config
        waiting: dict[str, tuple[int, int]] = {}
        for name, start, where, resolver in (
            ("servers", self._plan.servers, "outside", config.outside_resolver),
            ("helper", self._plan.helper, "helper", config.helper_resolver),
        ):
            if start is not None:
                waiting[name] = self._start(name, start, self._places[where], resolver)
        self._wait_until_ready(waiting)

    def _add(self, name: str, pid: int) -> None:
        self._parts[os.pidfd_open(pid)] = (name, pid)

    def _be_fabric(self) -> None:
        os.setsid()
        wires = {name: place.wire for name, place in self._places.items()}
        built = fabric.Fabric(self._plan.config, wires)
        gc.freeze()
        fabric.run(built, wires)

    def _start(self, name: str, start: Start, place: Place, resolver: str) -> tuple[int, int]:
        """Starts a part; returns the descriptor on which it says that it is ready, and its pid."""
        reading, writing = os.pipe()

        def life() -> None:
            os.setsid()
            self._move_to(place, resolver)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(self._plan.log, 1)
            os.dup2(self._plan.log, 2)
            self._be_normal()
            if callable(start):
                start(lambda: _say_ready(writing))
                return
            os.set_inheritable(writing, True)
            os.execvpe(start[0], list(start), {**self._plan.env, READY_VARIABLE: str(writing)})

        pid = _fork(life, self._plan.log)
        os.close(writing)
        self._add(name, pid)
        return reading, pid

    def _move_to(self, place: Place, resolver: str) -> None:
        """Into the network namespace of a place, with an /etc and a /sys that fit it."""
        kernel.setns(place.namespace, kernel.CLONE_NEWNET)
        kernel.unshare(kernel.CLONE_NEWNS)
        mounts.furnish_etc(resolver)
        mounts.show_own_interfaces()
        os.chdir(self._plan.cwd)

    def _be_normal(self) -> None:
        """Undoes what this process, or Python, changed about signals."""
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
                raise PartFailed(
                    f"The lab's {' and '.join(waiting)} did not get ready in {self._plan.ready_within:g} s."
                )
            readable = self._wait([reading for reading, _ in waiting.values()], 0.02)
            for name, (reading, pid) in list(waiting.items()):
                if reading in readable and not os.read(reading, 100):
                    raise PartFailed(f"The lab's {name} ended before being ready.")
                if reading in readable or (name == "helper" and _listens(pid)):
                    del waiting[name]  # its pipe stays open: a later line must not kill the writer

    # ── waiting ──

    def _wait(self, descriptors: list[int], timeout: float | None) -> set[int]:
        """Waits for any of `descriptors`; passes signals on; raises when a part ends."""
        watched = [*descriptors, *self._parts, self._pipes.orders, self._pipes.alive]
        readable = set(select.select(watched, (), (), timeout)[0])
        if self._pipes.alive in readable:
            os._exit(0)  # nobody is left to report to
        if self._pipes.orders in readable:
            for number in os.read(self._pipes.orders, 64):
                self._pass_on(number)
        for part in readable & set(self._parts):
            raise PartFailed(f"The lab's {self._parts[part][0]} ended before its time.")
        return readable

    def _pass_on(self, number: int) -> None:
        """Gives the command a signal that the caller got, unless the whole group, so the command too, got it."""
        if self._command is None:
            raise Interrupted(number)
        if signal.sigtimedwait({number}, 0.05) is None:
            os.kill(self._command, number)

    def run_command(self) -> int:
        """Runs the command and returns its exit code, 128 + n for signal n."""
        self._command = _fork(self._be_command, self._plan.log)
        end = os.pidfd_open(self._command)
        if self._plan.interruption is None or not self._ends(end, self._plan.interruption, self._command):
            while end not in self._wait([end], None):
                continue
        return _exit_code(os.waitpid(self._command, 0)[1])

    def _ends(self, end: int, interruption: Interruption, command: int) -> bool:
        """Interrupts the command; says whether it had ended before.

        What it does before its first connection is not counted: that takes as long as the machine is busy.
        """
        places = {_as_in_proc(ip) for ip in interruption.addresses}
        due: float | None = None
        while due is None or (left := due - time.monotonic()) > 0:
            if end in self._wait([end], 0.02 if due is None else left):
                return True
            if due is None and places & {row.remote for row in _tcp_rows(command)}:
                due = time.monotonic() + interruption.seconds
        os.kill(command, signal.SIGINT)
        return False

    def _be_command(self) -> None:
        plan = self._plan
        self._move_to(self._places["home"], plan.config.router_v4)
        leak = find_leak(plan.callers_inode, plan.config.home_interface)
        if leak:
            self._pipes.report(unavailable=f"{leak} So the lab refuses to run anything.")
            return
        self._be_normal()
        if plan.open_files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (plan.open_files, plan.open_files))
        try:
            os.execvpe(plan.command[0], plan.command, plan.env)
        except OSError as error:
            os.write(2, f"{plan.command[0]}: {error.strerror}\n".encode())
            os._exit(127 if isinstance(error, FileNotFoundError) else 126)

    # ── ending ──

    def end_parts(self) -> None:
        """Asks servers and helper to end and waits a moment; whatever is left ends with this process."""
        asked = {part: pid for part, (name, pid) in self._parts.items() if name != "fabric"}
        for pid in asked.values():
            _kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while asked and (left := deadline - time.monotonic()) > 0:
            for part in select.select(list(asked), (), (), left)[0]:
                del asked[part]


def _kill(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _say_ready(descriptor: int) -> None:
    os.write(descriptor, b"ready\n")


def _listens(pid: int) -> bool:
    """Whether anything in the network namespace of `pid` accepts TCP connections."""
    return any(row.state == LISTENING for row in _tcp_rows(pid))


class _Row(NamedTuple):
    """One TCP socket as /proc tells of it: the other end's address in its hexadecimal, and the state's number."""

    remote: str
    state: str


def _tcp_rows(pid: int) -> list[_Row]:
    found: list[_Row] = []
    for table in (f"/proc/{pid}/net/tcp", f"/proc/{pid}/net/tcp6"):
        try:
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        except OSError:
            continue
        found += [_Row(row[2].partition(":")[0], row[3]) for row in rows]
    return found


def _as_in_proc(address: str) -> str:
    """An address as /proc/net/tcp writes it: words of 32 bits in the machine's own order."""
    packed = ipaddress.ip_address(address).packed
    words = (int.from_bytes(packed[at : at + 4], sys.byteorder) for at in range(0, len(packed), 4))
    return "".join(f"{word:08X}" for word in words)


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code
