"""Test the lab's processes: exit codes, signals, `kill -9`, two labs at once, and use without root."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.lab.inside_lab import ROOT, SERVER, lab_process
from tests.support.lab.unprivileged import UNPRIVILEGED, become_unprivileged

PATIENCE = 60  # seconds for what takes one on a machine without other work
KINDS = ("net", "pid", "user", "mnt", "ipc")


def descendants(pid: int) -> dict[int, set[str]]:
    """Return all descendants of `pid`, parents first, with their namespaces."""
    found: dict[int, set[str]] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            parent = int(Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found[int(name)] = {os.readlink(f"/proc/{name}/ns/{kind}") for kind in KINDS}
            found |= descendants(int(name))
    return found


def hold(pids: Iterable[int]) -> list[int]:
    """Open the namespaces of these processes, so that their numbers are not given to others."""
    return [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for pid in pids for kind in KINDS]


def namespaces_in_use() -> set[str]:
    seen = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        for kind in KINDS:
            try:
                seen.add(os.readlink(f"/proc/{name}/ns/{kind}"))
            except OSError:
                continue
    return seen


def read_line(process: "subprocess.Popen[str]", seconds: float = PATIENCE) -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], seconds)[0], "the command prints nothing"
    return process.stdout.readline().strip()


def end(process: "subprocess.Popen[str]", seconds: float = PATIENCE) -> tuple[int, str]:
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, output


@pytest.mark.parametrize(
    ("command", "code"),
    [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143), ("exec /nowhere/at/all", 127)],
)
def test_exit_code_is_that_of_the_command(command: str, code: int) -> None:
    process = lab_process(command, servers=False, stderr=subprocess.DEVNULL)
    assert end(process)[0] == code


@pytest.mark.parametrize("victim", ["caller", "supervisor", "first"])
def test_kill_9_leaves_no_process_and_no_namespace(victim: str) -> None:
    mounts = Path("/proc/self/mounts").read_text()
    process = lab_process("echo ready; sleep 60 & setsid sleep 60 & sleep 60")
    assert read_line(process) == "ready"
    time.sleep(0.2)
    started = descendants(process.pid)
    assert len(started) >= 7, "supervisor, first process, fabric, servers, shell and three sleeps"
    supervisor, first, *_ = started  # parents precede their children
    processes = {"caller": process.pid, "supervisor": supervisor, "first": first}
    own = {os.readlink(f"/proc/self/ns/{kind}") for kind in KINDS}
    made = set().union(*started.values()) - own
    held = hold(started)  # else the kernel gives their numbers to the namespaces of another lab
    assert len(made) >= 3 + 4, "three network namespaces at least are held by processes"
    os.kill(processes[victim], signal.SIGKILL)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and (set(started) & set(map(int, filter(str.isdigit, os.listdir("/proc"))))):
        time.sleep(0.02)
    left = [pid for pid in started if Path(f"/proc/{pid}").exists()]
    code, _ = end(process)
    assert left == [] and made & namespaces_in_use() == set()
    assert code != 0 and Path("/proc/self/mounts").read_text() == mounts
    for descriptor in held:
        os.close(descriptor)


def may_raise_priority() -> bool:
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        return False
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return True


def test_only_the_fabric_runs_before_busy_processes() -> None:
    program = "import os; print([os.sched_getscheduler(pid) for pid in (2, 3, 0)])  # fabric, servers, this command"
    process = lab_process(f"{sys.executable} -c '{program}'")
    first = os.SCHED_RR if may_raise_priority() else os.SCHED_OTHER
    assert end(process) == (0, f"{[first, os.SCHED_OTHER, os.SCHED_OTHER]}\n")


TRAP = "trap 'echo got; n=$((n+1)); [ $n = {times} ] && exit 42' {name}; echo ready; while :; do sleep 0.05; done"


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP", "USR1"])
def test_signals_sent_to_the_caller_reach_the_command(name: str) -> None:
    process = lab_process(TRAP.format(name=name, times=2), servers=False)
    assert read_line(process) == "ready"
    number = getattr(signal, f"SIG{name}")
    process.send_signal(number)
    assert read_line(process) == "got"
    process.send_signal(number)
    assert end(process) == (42, "got\n")


def test_signal_to_the_process_group_reaches_the_command_once() -> None:
    process = lab_process(TRAP.format(name="INT", times=9), servers=False, start_new_session=True)
    assert read_line(process) == "ready"
    os.killpg(process.pid, signal.SIGINT)
    assert read_line(process) == "got"
    time.sleep(0.4)
    process.send_signal(signal.SIGKILL)
    assert end(process)[1] == "", "one signal, one trap"


def test_ctrl_c_in_a_terminal_reaches_the_command_once() -> None:
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        program = (
            "import sys\nfrom probe.lab.net.layout import FabricConfig\n"
            "from probe.lab.sandbox.sandbox import run_in_lab\n"
            f"sys.exit(run_in_lab(FabricConfig(), command=['sh', '-c', {TRAP.format(name='INT', times=9)!r} ]))"
        )
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-c", program])
    seen = b""
    deadline = time.monotonic() + PATIENCE
    while b"ready" not in seen and time.monotonic() < deadline:
        seen += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    time.sleep(0.6)
    seen += os.read(terminal, 1000)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)
    assert seen.count(b"got") == 1


def test_streams_are_untouched() -> None:
    process = lab_process("cat; echo note >&2", servers=False, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    output, errors = process.communicate("word\n", timeout=PATIENCE)
    assert (process.returncode, output, errors) == (0, "word\n", "note\n")


def test_two_labs_side_by_side() -> None:
    both = [lab_process(ask(), lab=f"seed={seed}, home_public_v4='192.88.99.{seed}'") for seed in (1, 2)]
    results = [end(process) for process in both]
    assert results == [(0, f"b'192.88.99.{seed} a'\n") for seed in (1, 2)]


def test_ready_within_three_seconds() -> None:
    """Test three starts, since other processes may delay one."""
    taken = []
    for _ in range(3):
        start = time.monotonic()
        assert end(lab_process("true"))[0] == 0
        taken.append(time.monotonic() - start)
    assert min(taken) < 3


def ask() -> str:
    """Return a shell command that prints the answer of the echo server."""
    say = f"c=socket.create_connection(('{SERVER}',443),3); c.sendall(b'a'); print(c.recv(99))"
    return f'{sys.executable} -c "import socket; {say}"'


@pytest.mark.parametrize("wires", ["auto", "veth"])
def test_lab_runs_without_root(wires: str, tmp_path: Path) -> None:
    root = os.geteuid() == 0
    tmp_path.chmod(0o777)
    command = f"cd {tmp_path} && touch made && id -u && {ask()}"
    lab = f"wires={wires!r}, record={str(tmp_path / 'wire.pcap')!r}"
    process = lab_process(command, lab=lab, first=(lambda: become_unprivileged([tmp_path])) if root else lambda: None)
    owner = UNPRIVILEGED if root else os.getuid()
    assert end(process) == (0, f"{owner}\nb'192.88.99.77 a'\n")
    assert {path.name: path.stat().st_uid for path in tmp_path.iterdir()} == {"made": owner, "wire.pcap": owner}


RIGHTS = """
import re
from pathlib import Path
from probe.lab.net.layout import FabricConfig
from probe.lab.sandbox.sandbox import run_in_lab

def show():
    found = re.findall(r"Cap(?:Inh|Prm|Eff|Amb):\\t0*([0-9a-f]+)", Path("/proc/self/status").read_text())
    print(found, flush=True)

raise SystemExit(run_in_lab(FabricConfig(), command=show))
"""


def test_function_as_command_has_no_more_rights_than_a_program() -> None:
    """Test a user who is not root. The start of a program would take the rights of the lab's processes away."""
    first = become_unprivileged if os.geteuid() == 0 else None
    done = subprocess.run(
        [sys.executable, "-c", RIGHTS], capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT, preexec_fn=first
    )
    assert (done.stdout, done.returncode) == ("['0', '0', '0', '0']\n", 0), done.stderr


REFUSED = """
import os
from pathlib import Path
from typing import Any
from probe.lab.sandbox import kernel
from probe.lab.net.layout import FabricConfig
from probe.lab.sandbox.sandbox import LabUnavailable, run_in_lab

user, group = os.geteuid(), os.getegid()
kernel.unshare(kernel.CLONE_NEWUSER)
Path("/proc/self/setgroups").write_text("deny")
Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
Path("/proc/sys/user/max_net_namespaces").write_text("0")
try:
    run_in_lab(FabricConfig(), command=["echo", "ran"])
except LabUnavailable as error:
    print(error)
"""


def test_refused_namespaces_give_a_sentence_with_the_remedy() -> None:
    """Test a kernel without network namespaces: in its own user namespace, a process can forbid them to itself."""
    done = subprocess.run([sys.executable, "-c", REFUSED], capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT)
    assert "Run it with sudo" in done.stdout or "It needs a Linux" in done.stdout or "docker run" in done.stdout, (
        done.stderr
    )
    assert "ran" not in done.stdout
