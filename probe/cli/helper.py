"""`probe helper`: serve as the test helper that measures the same targets from outside."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from probe.cli.options import new_app, opt, targets_folder
from probe.cli.screen import Refusal

app = new_app()


@app.command()
def helper(
    listen: Annotated[str, opt("--listen", help="ADDRESS:PORT to listen on; port 0 takes a free one.")],
    targets: Annotated[Path | None, opt("--targets", help="Folder of target files instead of the bundled.")] = None,
    lab: Annotated[bool, opt("--lab", help="Allow private addresses in questions.")] = False,
) -> None:
    """Serve as the test helper that measures from outside.

    Prints `listening on URL`, then answers GET /health and POST /v1/measure until SIGTERM. Keeps no log of who asked.
    For https put a reverse proxy in front.
    """
    import asyncio
    import os

    from probe.helper import open_desk, serve
    from probe.targets import TargetError

    host, port = address(listen)
    try:
        desk = open_desk(targets_folder(targets), lab=lab, public_roots=os.environ.get("PROBE_PUBLIC_ROOTS"))
        code = asyncio.run(serve(desk, host, port, _announce))
    except TargetError as error:
        raise Refusal(str(error), 2) from None
    except OSError as error:
        raise Refusal(f"cannot listen on {listen}: {error.strerror or error}", 2) from None
    raise typer.Exit(code)


def _announce(url: str) -> None:
    print(f"listening on {url}", file=sys.stdout, flush=True)


def address(listen: str) -> tuple[str, int]:
    """Split ADDRESS:PORT or [IPv6]:PORT. Raises Refusal (2)."""
    host, colon, digits = listen.rpartition(":")
    if not colon or not digits.isascii() or not digits.isdigit() or int(digits) > 65535 or not host.strip("[]"):
        raise Refusal(f"--listen {listen!r} is no address; expected ADDRESS:PORT, such as 127.0.0.1:8080", 2)
    return host.strip("[]"), int(digits)
