"""Define the ways in which connections fail, with their columns, mechanisms and words, for each layer above TCP."""

from dataclasses import dataclass

from probe.analysis.rules.layer import HTTP, QUIC, TLS, Layer
from probe.messages import mark


@dataclass(frozen=True)
class WayOfFailing:
    """Hold one way in which connections fail at a layer.

    `columns` is the last part of the names of columns. `technical` follows "the connection" in a technical sentence,
    and `plain` is a clause for users. A rule names the mechanism `by_name` if the failure follows the name, `any_name`
    if other names fail too, and `mechanism` if that is not known. `by_name_plain` is the clause about flows whose name
    can be read.
    """

    layer: Layer
    way: str
    columns: str
    technical: str
    plain: str
    mechanism: str
    by_name: str
    any_name: str
    by_name_plain: str = ""

    @property
    def happened(self) -> str:
        """Return the condition that no attempt succeeded, and that some failed in this way."""
        return f"{self.layer.failed} AND {self.layer.columns}_{self.columns} > 0"

    @property
    def by_name_clause(self) -> str:
        """Return the clause about flows that a device can tell by their name."""
        return self.by_name_plain or self.plain

    @property
    def follows_name(self) -> str:
        """Return the condition that the name failed in this way twice, where a device can read it."""
        readable = "clear_text AND by_name AND " if self.layer is HTTP else ""
        return f"{readable}{self.happened} AND name_{self.columns} >= 2 AND name_attempts >= 2"

    @property
    def at_neutral_host(self) -> str:
        """Return the condition that the name fails in this way at a neutral host too."""
        return f"neutral_proven AND neutral_{self.columns} > 0"

    @property
    def controlled(self) -> str:
        """Return the condition that the control succeeds. Packets that are lost at random cause timeouts."""
        return f"{self.layer.controlled}{' AND NOT line_lossy' if self.way == 'timeout' else ''}"


_RESET, _TIMEOUT, _CLOSE = ("reset", "resets"), ("timeout", "timeouts"), ("close", "closes")

TLS_RESET = WayOfFailing(
    TLS, *_RESET, "is reset", mark("connections are cut off"), "tls.reset", "tls.reset.sni", "tls.reset.other"
)
TLS_TIMEOUT = WayOfFailing(
    TLS,
    *_TIMEOUT,
    "times out",
    mark("connections get no answer"),
    "tls.timeout",
    "tls.timeout.sni",
    "tls.timeout.other",
)
TLS_CLOSE = WayOfFailing(TLS, *_CLOSE, "is closed", mark("connections are closed early"), "tls", "tls", "tls")
QUIC_TIMEOUT = WayOfFailing(
    QUIC,
    *_TIMEOUT,
    "times out",
    mark("connections over the web protocol QUIC get no answer"),
    "quic.timeout",
    "quic.timeout.sni",
    "quic.timeout.other",
)
QUIC_CLOSE = WayOfFailing(
    QUIC,
    *_CLOSE,
    "is refused or closed",
    mark("connections over the web protocol QUIC are refused or closed early"),
    "quic",
    "quic",
    "quic",
)
HTTP_RESET = WayOfFailing(
    HTTP,
    *_RESET,
    "is reset",
    mark("web requests are cut off"),
    "http.reset",
    "http.reset.host",
    "http.reset",
    mark("unencrypted web requests are cut off"),
)
HTTP_TIMEOUT = WayOfFailing(
    HTTP,
    *_TIMEOUT,
    "times out",
    mark("web requests get no answer"),
    "http.timeout",
    "http.timeout",
    "http.timeout",
    mark("unencrypted web requests get no answer"),
)
HTTP_CLOSE = WayOfFailing(
    HTTP,
    *_CLOSE,
    "is closed",
    mark("web requests are closed early"),
    "http",
    "http",
    "http",
    mark("unencrypted web requests are closed early"),
)
TLS_WAYS = (TLS_RESET, TLS_TIMEOUT, TLS_CLOSE)
QUIC_WAYS = (QUIC_TIMEOUT, QUIC_CLOSE)
HTTP_WAYS = (HTTP_RESET, HTTP_TIMEOUT, HTTP_CLOSE)
