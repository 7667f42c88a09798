"""Take away what a system lacks. The standard library stays that of Linux. So only calls of our own code are tested."""

import asyncio
import importlib
import os
import signal
import socket
import ssl
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# What looks at the name of the system while it is loaded, and would then ask Windows.
LOADED_BEFORE = (
    *("asyncio.subprocess", "concurrent.futures.process", "ctypes.util", "multiprocessing.context", "platform"),
    *("multiprocessing.connection", "multiprocessing.popen_spawn_posix", "multiprocessing.resource_tracker"),
    *("shutil", "ssl", "subprocess", "tempfile", "uuid", "webbrowser", "zoneinfo", "certifi", "dns.resolver"),
    *(
        "dns.win32util",
        "aiohttp",
        "aiohttp.web",
        "aiohttp.resolver",
        "OpenSSL.crypto",
        "OpenSSL.SSL",
        "cryptography.x509",
    ),
    *(
        "service_identity.cryptography",
        "pydantic",
        "typer",
        "typer.core",
        "typer.main",
        "rich.console",
        "rich.progress",
    ),
)
_NOT_ELSEWHERE = ("MSG_ERRQUEUE", "AF_PACKET", "AF_NETLINK", "NETLINK_ROUTE", "TCP_INFO")


def simulate(name: str) -> None:
    """Make this process one of `darwin`, `win32` or `termux`. `linux` changes nothing, for comparison."""
    for module in LOADED_BEFORE:
        importlib.import_module(module)
    {"linux": lambda: None, "darwin": _darwin, "win32": _win32, "termux": _termux}[name]()


def _without_affinity() -> None:
    """Remove the list of usable processors. Python 3.13 has a function that counts it where it exists."""
    _remove(os, "sched_getaffinity")
    if hasattr(os, "process_cpu_count"):
        os.process_cpu_count = os.cpu_count


def _darwin() -> None:
    sys.platform = "darwin"
    _without_affinity()
    _remove(os, "posix_fallocate", "memfd_create", "pidfd_open", "O_PATH")
    _remove(socket, *_NOT_ELSEWHERE)
    _missing("pyroute2", "utls")
    _unreadable("/proc", "/sys")


def _win32() -> None:
    sys.platform = "win32"
    _without_affinity()
    _remove(os, "posix_fallocate", "memfd_create", "pidfd_open", "O_PATH", "pread", "pwrite")
    _remove(os, "sync", "fchmod", "fork", "getuid", "geteuid", "nice", "getpgid", "killpg", "setsid")
    _remove(os, "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY")
    _remove(signal, "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2", "pthread_sigmask")
    _remove(socket, *_NOT_ELSEWHERE, "IPV6_RECVHOPLIMIT", "EAI_NODATA")
    _remove_from_sockets("recvmsg", "sendmsg", "recvmsg_into")
    _missing("fcntl", "resource", "pwd", "grp", "termios", "pyroute2", "utls", "ifaddr")
    _unreadable("/proc", "/sys", "/etc/resolv.conf")
    ssl.enum_certificates = _enum_certificates  # type: ignore[attr-defined]
    _resolvers_of_windows()
    _loops_of_windows()
    _no_interfaces()


def _termux() -> None:
    sys.getandroidapilevel = lambda: 30  # type: ignore[attr-defined]
    _missing(
        "aioquic", "duckdb", "pyarrow", "orjson", "jsonschema_rs", "utls", "pyroute2", "pandas", "pyspark", "msvcrt"
    )
    _unreadable("/proc/net", "/proc/sys", "/sys", "/etc/resolv.conf")
    _refuse_sockets({socket.AF_NETLINK, socket.AF_PACKET})


def _remove(place: Any, *names: str) -> None:
    for name in names:
        if hasattr(place, name):
            delattr(place, name)


def _remove_from_sockets(*names: str) -> None:
    """Hide methods that the C class behind every socket has."""

    def missing(name: str) -> property:
        def refuse(_: object) -> None:
            raise AttributeError(name)

        return property(refuse)

    class Hidden(type):
        def __getattribute__(cls, name: str) -> Any:
            if name in names:
                raise AttributeError(name)
            return super().__getattribute__(name)

    original = socket.socket
    body = {name: missing(name) for name in names} | {"__slots__": ()}
    socket.socket = Hidden("socket", (original,), body)  # type: ignore[misc]


def _missing(*names: str) -> None:
    """Make later imports of these modules fail, as where they are not installed."""
    for name in [*names, *(loaded for loaded in sys.modules if loaded.partition(".")[0] in names)]:
        sys.modules[name] = None  # type: ignore[assignment]


def _unreadable(*folders: str) -> None:
    """Make files of these folders missing for Python code that reads them. The C library goes on reading them."""
    read = Path.read_text

    def refuse(path: Path, *args: Any, **more: Any) -> str:
        if str(path).startswith(folders):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return read(path, *args, **more)

    Path.read_text = refuse  # type: ignore[method-assign]


def _refuse_sockets(families: Iterable[int]) -> None:
    """Refuse raw and netlink sockets, as Android does."""
    original, refused = socket.socket.__init__, set(families)

    def refuse(sock: socket.socket, family: int = -1, *args: Any, **more: Any) -> None:
        if family in refused:
            raise PermissionError(13, "Permission denied")
        original(sock, family, *args, **more)

    socket.socket.__init__ = refuse  # type: ignore[assignment, method-assign]


def _enum_certificates(store: str) -> list[tuple[bytes, str, bool]]:
    """Return the certificates of SSL_CERT_FILE, which stands for the store of Windows."""
    named = os.environ.get("SSL_CERT_FILE")
    text = Path(named).read_text() if named and store == "ROOT" else ""
    blocks = [block + ssl.PEM_FOOTER for block in text.split(ssl.PEM_FOOTER)[:-1]]
    return [(ssl.PEM_cert_to_DER_cert(block[block.index(ssl.PEM_HEADER) :]), "x509_asn", True) for block in blocks]


def _resolvers_of_windows() -> None:
    import dns.win32util

    words = [line.split() for line in open("/etc/resolv.conf").read().splitlines()]  # noqa: SIM115
    found = SimpleNamespace(nameservers=[line[1] for line in words if line[:1] == ["nameserver"]])
    dns.win32util.get_dns_info = lambda: found  # type: ignore[attr-defined]


def _loops_of_windows() -> None:
    """Take signals away from loops, and the watching of sockets from the usual one."""
    abstract, selector = asyncio.AbstractEventLoop, asyncio.SelectorEventLoop
    for name in ("add_signal_handler", "remove_signal_handler"):
        setattr(selector, name, getattr(abstract, name))

    class Proactor(selector):  # type: ignore[misc, valid-type]
        add_reader, remove_reader = abstract.add_reader, abstract.remove_reader
        add_writer, remove_writer = abstract.add_writer, abstract.remove_writer

    asyncio.new_event_loop = asyncio.events.new_event_loop = Proactor  # type: ignore[assignment]


def _no_interfaces() -> None:
    """Let the C library list no interfaces. The own name leads to them instead."""
    import ctypes

    def refuse(name: object, *args: object, **more: object) -> None:
        raise TypeError("bad argument type for built-in operation")

    ctypes.CDLL = refuse  # type: ignore[assignment, misc]
