"""Check that calls which differ between systems stand in `probe/platforms` alone. The lab runs on Linux only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROBE = Path(__file__).parents[2] / "probe"
MODULES = {"fcntl", "msvcrt", "posix", "pwd", "resource", "signal", "winreg", "ctypes"}
ATTRIBUTES = {
    *("O_BINARY", "O_CLOEXEC", "O_DIRECTORY", "O_NOCTTY", "O_NOFOLLOW", "O_NONBLOCK", "O_PATH"),
    *("chmod", "chown", "fchmod", "fork", "fsync", "geteuid", "getuid", "memfd_create", "nice", "pidfd_open"),
    *("posix_fallocate", "pread", "pwrite", "sched_getaffinity", "setsid", "umask", "uname", "getandroidapilevel"),
    *("add_reader", "add_signal_handler", "add_writer", "remove_reader", "remove_signal_handler", "remove_writer"),
    *("AF_NETLINK", "AF_PACKET", "AF_UNIX", "IPV6_RECVHOPLIMIT", "IPV6_UNICAST_HOPS", "IP_RECVERR", "IP_TTL"),
    *("MSG_DONTWAIT", "MSG_ERRQUEUE", "TCP_INFO", "recvmsg", "sendmsg", "if_nameindex"),
    *("SIGHUP", "SIGINT", "SIGKILL", "SIGPIPE", "SIGTERM", "SIGUSR1"),
}
CALLS = {"asyncio.run", "os.name", "os.sync", "sys.platform"}
FOLDERS = ("/proc/", "/sys/", "/etc/")
ALLOWED = {"/proc/self/fd"}  # the name of a descriptor that the user's shell has opened


def outside() -> Iterator[Path]:
    for path in PROBE.rglob("*.py"):
        if path.relative_to(PROBE).parts[0] not in {"platforms", "lab"}:
            yield path


def specific(tree: ast.AST) -> Iterator[str]:
    """Yield what only some systems have, or have in different forms."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from MODULES & {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from MODULES & {node.module.partition(".")[0]}
            yield from ATTRIBUTES & {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            yield from ATTRIBUTES & {node.attr}
            yield from CALLS & {ast.unparse(node)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_specific(node.value):
            yield node.value


def _is_specific(text: str) -> bool:
    return text in ATTRIBUTES or (text.startswith(FOLDERS) and text not in ALLOWED)


def test_no_other_module_names_what_differs_between_systems() -> None:
    found = {str(path.relative_to(PROBE)): names for path in outside() if (names := [*specific(_tree(path))])}
    assert not found, "move these into probe/platforms"


@pytest.mark.parametrize(
    "line",
    [
        "import fcntl",
        "from resource import getrlimit",
        "from socket import AF_PACKET",
        "os.O_RDONLY | os.O_CLOEXEC",
        "getattr(os, 'sched_getaffinity')",
        "asyncio.run(main())",
        "loop.add_reader(1, read)",
        "if sys.platform == 'linux': pass",
        "Path('/proc/net/route')",
    ],
)
def test_each_kind_of_use_is_noticed(line: str) -> None:
    assert [*specific(ast.parse(line))]


def test_what_is_named_is_used_in_the_package_or_the_lab() -> None:
    """Check that the list has no name that nothing uses, apart from those that a later change may need."""
    used = {name for path in (PROBE / "platforms").rglob("*.py") for name in specific(_tree(path))}
    assert {"fsync", "recvmsg", "AF_PACKET", "add_reader", "add_signal_handler", "os.sync", "sched_getaffinity"} <= used


def _tree(path: Path) -> ast.AST:
    return ast.parse(path.read_text())
