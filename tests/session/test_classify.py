"""Test that every exception has one name, by errno before type, and that a bug is described without values."""

import asyncio
import errno
import socket
import ssl

import pytest

from probe.formats import failures as f
from probe.session.classify import NETWORK_ERRORS, LocalFailure, RemoteError, classify, describe


def tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ConnectionResetError(errno.ECONNRESET, ""), f.RESET),
        (OSError(errno.ECONNREFUSED, ""), f.REFUSED),
        (OSError(errno.ETIMEDOUT, ""), f.TIMED_OUT),  # the kernel's timeout is the same class TimeoutError as ours
        (TimeoutError(), f.TIMEOUT),
        (OSError(errno.EHOSTUNREACH, ""), f.HOST_UNREACHABLE),
        (OSError(errno.ENETUNREACH, ""), f.NETWORK_UNREACHABLE),
        (OSError(errno.EMFILE, ""), f.FILES_EXHAUSTED),
        (OSError(errno.ELOOP, ""), "unknown_failure: errno ELOOP"),
        (socket.gaierror(socket.EAI_NONAME, ""), f.DNS_NXDOMAIN),
        (socket.gaierror(-5, ""), f.DNS_NO_ANSWER),
        (socket.gaierror(socket.EAI_AGAIN, ""), f.DNS_MISBEHAVING),
        (asyncio.IncompleteReadError(b"", 4), f.EOF),
        (EOFError(), f.EOF),
        (tls("WRONG_VERSION_NUMBER"), f.NOT_TLS),
        (tls("UNEXPECTED_EOF_WHILE_READING"), f.EOF),
        (tls("BAD_LENGTH"), "unknown_failure: tls: bad length"),
        (asyncio.CancelledError(), f.INTERRUPTED),
        (RemoteError(f.DNS_REFUSED), f.DNS_REFUSED),
        (LocalFailure(f.BUDGET), f.BUDGET),
        (ValueError("x"), "unknown_failure: ValueError"),
    ],
)
def test_error_has_its_failure(error: BaseException, failure: str) -> None:
    assert classify(error) == failure


def test_missing_descriptors_are_local_and_reset_is_not() -> None:
    assert f.is_local(classify(OSError(errno.EMFILE, "")))
    assert not f.is_local(classify(OSError(errno.ECONNRESET, "")))
    assert not f.is_local(None)


def test_bugs_are_no_network_errors() -> None:
    assert not issubclass(ValueError, NETWORK_ERRORS) and not issubclass(KeyError, NETWORK_ERRORS)


def test_bug_is_described_by_type_and_place() -> None:
    try:
        f.is_local(7)  # type: ignore[arg-type]
    except AttributeError as bug:
        description = describe(bug)
    assert description.startswith("AttributeError in formats/failures.py:")
    assert "7" not in description.split(":")[0] and "object" not in description
