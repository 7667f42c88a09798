"""Map an exception to a failure string. This is the only place that does so, and errno comes before the type."""

import asyncio
import errno
import socket
import ssl

from probe.formats import failures as f
from probe.platforms.configured_resolvers import no_data_errors, unknown_name_errors


class RemoteError(Exception):
    """Report that the peer answered, but not as the protocol demands. `failure` is the df-007 string."""

    def __init__(self, failure: str) -> None:
        super().__init__(failure)
        self.failure = failure


class LocalFailure(Exception):
    """Report that a resource of this computer or of the run is exhausted (descriptors, trigger budget).

    This failure says nothing about the network.
    """

    def __init__(self, failure: str) -> None:
        super().__init__(failure)
        self.failure = failure


NETWORK_ERRORS = (OSError, EOFError, RemoteError, LocalFailure, ssl.SSLError, asyncio.IncompleteReadError, TimeoutError)

_BY_ERRNO = {
    errno.ECONNREFUSED: f.REFUSED,
    errno.ECONNRESET: f.RESET,
    errno.ECONNABORTED: f.ABORTED,
    errno.EPIPE: "unknown_failure: broken pipe",
    errno.ETIMEDOUT: f.TIMED_OUT,
    errno.EHOSTUNREACH: f.HOST_UNREACHABLE,
    errno.ENETUNREACH: f.NETWORK_UNREACHABLE,
    errno.ENETDOWN: "network_down",
    # Linux maps rarer ICMP errors to these (RFC 792, RFC 1122, 3.2.2.1). Each gets a failure string.
    errno.EHOSTDOWN: f.HOST_UNREACHABLE,  # "destination host unknown"
    getattr(errno, "ENONET", errno.ENETUNREACH): f.NETWORK_UNREACHABLE,  # "source host isolated"
    errno.ENOPROTOOPT: "no_protocol_option",  # "protocol unreachable"
    errno.EPROTO: f"{f.UNKNOWN}: icmp: parameter problem",
    errno.EOPNOTSUPP: f"{f.UNKNOWN}: icmp: source route failed",
    errno.ENETRESET: "network_reset",
    errno.EAFNOSUPPORT: "address_family_not_supported",
    errno.EADDRINUSE: "address_in_use",
    errno.EADDRNOTAVAIL: "address_not_available",
    errno.EACCES: "permission_denied",
    errno.EPERM: "permission_denied",
    errno.EINVAL: "invalid_argument",
    errno.EMSGSIZE: "message_size",
    errno.ENOBUFS: "no_buffer_space",
    errno.ENOTCONN: "not_connected",
    errno.EPROTONOSUPPORT: "protocol_not_supported",
    errno.EINTR: f.INTERRUPTED,
    errno.EMFILE: f.FILES_EXHAUSTED,
    errno.ENFILE: f.FILES_EXHAUSTED,
}

_BY_GETADDRINFO = {
    **dict.fromkeys(unknown_name_errors(), f.DNS_NXDOMAIN),
    **dict.fromkeys(no_data_errors(), f.DNS_NO_ANSWER),
}


def classify(error: BaseException) -> str:
    """Return the failure string for `error`, as in OONI's df-007.

    Source: https://github.com/ooni/spec/blob/master/data-formats/df-007-errors.md
    """
    if isinstance(error, RemoteError | LocalFailure):
        return error.failure
    if isinstance(error, socket.gaierror):
        return _BY_GETADDRINFO.get(error.errno or 0, f.DNS_MISBEHAVING)
    if isinstance(error, ssl.SSLEOFError | asyncio.IncompleteReadError | EOFError):
        return f.EOF
    if isinstance(error, ssl.SSLError):
        return _tls_error(error)
    if isinstance(error, OSError) and error.errno is not None:
        return _BY_ERRNO.get(error.errno, f"{f.UNKNOWN}: errno {errno.errorcode.get(error.errno, error.errno)}")
    if isinstance(error, TimeoutError):
        return f.TIMEOUT
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        return f.INTERRUPTED
    return f"{f.UNKNOWN}: {type(error).__name__}"


def _tls_error(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}:
        return f.NOT_TLS
    if reason == "UNEXPECTED_EOF_WHILE_READING":
        return f.EOF
    return f"{f.UNKNOWN}: tls: {reason.lower().replace('_', ' ')}" if reason else f"{f.UNKNOWN}: tls"


def has_run_out(error: BaseException) -> bool:
    """Return whether `error` means that no file descriptor is left.

    This is neither a bug nor a property of the network.
    """
    return isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}


def describe(bug: BaseException) -> str:
    """Describe a bug by its type and the innermost place in our code, without paths, addresses or values."""
    place = ""
    trace = bug.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        file = code.co_filename.replace("\\", "/")
        if "/probe/" in file:
            place = f" in {file.rsplit('/probe/', 1)[1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(bug).__name__}{place}"
