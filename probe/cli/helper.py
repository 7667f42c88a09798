"""`probe helper`: serve as the test helper that measures the same targets from outside."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from probe.cli.options import new_app, opt, targets_folder
from probe.cli.screen import UsageError

app = new_app()


@app.command()
def helper(
    listen: Annotated[str, opt("--listen", help="ADDRESS:PORT to listen on; port 0 takes a free one.")],
    targets: Annotated[Path | None, opt("--targets", help="Folder of target files instead of the bundled.")] = None,
    echo: Annotated[
        str | None, opt("--echo", help="UDP ports that echo, such as 3478,5060, at the address that probes are told.")
    ] = None,
    lab: Annotated[bool, opt("--lab", help="Allow private addresses in questions.")] = False,
) -> None:
    """Serve as the test helper that measures from outside.

    Prints `listening on URL`, then answers GET /health and POST /v1/measure until SIGTERM, and OONI's probe at POST /.
    Keeps no log of who asked.
    For https put a reverse proxy in front, on the same address where datagrams are to echo.
    With --echo a UDP responder sends back, unchanged, datagrams that hold a token from an answer of the last minute.
    """
    import asyncio
    import os

    from probe.asn.table import TableError
    from probe.helper import open_desk, serve
    from probe.targets.target import TargetError

    host, port = address(listen)
    roots = os.environ.get("PROBE_PUBLIC_ROOTS")
    try:
        desk = open_desk(targets_folder(targets), lab=lab, public_roots=roots, echo_ports=echo_ports(echo))
        code = asyncio.run(serve(desk, host, port, _announce))
    except (TargetError, TableError) as error:
        raise UsageError(str(error), 2) from None
    except OSError as error:
        raise UsageError(f"cannot listen on {listen}: {error.strerror or error}", 2) from None
    raise typer.Exit(code)


def _announce(url: str) -> None:
    print(f"listening on {url}", file=sys.stdout, flush=True)


def address(listen: str) -> tuple[str, int]:
    """Split ADDRESS:PORT or [IPv6]:PORT. Raises UsageError (2)."""
    host, colon, digits = listen.rpartition(":")
    if not colon or not digits.isascii() or not digits.isdigit() or int(digits) > 65535 or not host.strip("[]"):
        raise UsageError(f"--listen {listen!r} is no address; expected ADDRESS:PORT, such as 127.0.0.1:8080", 2)
    return host.strip("[]"), int(digits)


def echo_ports(text: str | None) -> list[int]:
    """Split PORT,PORT,…; None is none. Raises UsageError (2)."""
    words = [word.strip() for word in text.split(",")] if text is not None else []
    for word in words:
        if not word.isascii() or not word.isdigit() or not 0 < int(word[:6]) < 65536:
            raise UsageError(f"--echo {text!r}: {word!r} is no port; expected ports such as 3478,5060", 2)
    return list(dict.fromkeys(map(int, words)))
