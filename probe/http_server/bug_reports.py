"""Report bugs of a server by class and place. Addresses and bytes of requests are never written."""

import asyncio
import errno
import logging
import sys
import threading
import warnings
from typing import Any

from probe.session.classify import describe

NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})


def report(bug: BaseException) -> None:
    """Print the class of an exception and its place in our code on stderr. The exception's text stays out."""
    if isinstance(bug, OSError) and bug.errno in NO_DESCRIPTORS:
        _print("this process has no file descriptor left; raise its limit (ulimit -n)")
    else:
        print_bug(describe(bug))


def print_bug(description: str) -> None:
    """Print a bug that is described by its class and place."""
    _print(f"a bug in probe: {description}")


def silence() -> None:
    """Turn off every logger, warning and traceback of this process. Bugs are reported by class and place instead.

    Libraries name the peer and quote the request in their log messages (aiohttp.server, asyncio).
    """
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    sys.unraisablehook = lambda unraisable: _report_if_any(unraisable.exc_value)
    threading.excepthook = lambda failed: _report_if_any(failed.exc_value)


def watch(loop: asyncio.AbstractEventLoop) -> None:
    """Report what a callback or a forgotten task of `loop` raised. Its default handler prints sockets and messages."""
    loop.set_exception_handler(_report_context)


def _report_context(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    _report_if_any(context.get("exception"))


def _report_if_any(bug: BaseException | None) -> None:
    if bug is not None:
        report(bug)


def _print(sentence: str) -> None:
    print(f"probe: {sentence}", file=sys.stderr, flush=True)
