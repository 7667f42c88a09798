"""Describe the follow-ups that transfer a page again after a connection fell silent in the middle of it."""

from probe.formats.followups.kind import FollowUpKind
from probe.messages import mark

_SILENT = "After a connection fell silent in the middle of an HTTP answer"
_COMPLETE = "No connection fell silent in an answer, the address was not verified, or no trigger was left."

TRANSFERS = (
    FollowUpKind(
        "small_segments_transfer",
        "the same request with segments of at most 536 bytes in both directions",
        "payload",
        1,
        f"{_SILENT}, and the confirmation has ended.",
        f"{_COMPLETE} This system may refuse small segments.",
        mark("asked {name} at {address} for the same page in small packets"),
        mark("the page in small packets"),
    ),
    FollowUpKind(
        "pings_before_transfer",
        "24 PING frames over QUIC, each in its own datagram, then the same request",
        "payload",
        1,
        f"{_SILENT} over QUIC, and the confirmation has ended.",
        _COMPLETE,
        mark("asked {name} at {address} for the same page after many small packets"),
        mark("the page after many small packets"),
    ),
    FollowUpKind(
        "innocuous_name_transfer",
        "the same request inside TLS, whose hello has an innocuous name",
        "name",
        0,
        f"{_SILENT}, at an https or QUIC endpoint.",
        f"{_COMPLETE} The endpoint may have no TLS, or no name.",
        mark("asked {address} for the same page under the innocuous name {name}"),
        mark("the same page under another name"),
    ),
    FollowUpKind(
        "neutral_host_transfer",
        "requests for a neutral host's own page, up to 40960 bytes or 12 requests",
        "name and address",
        0,
        f"{_SILENT}. Once per family.",
        "No connection fell silent in the middle of an answer, or no neutral host of this family passed the preflight.",
        mark("asked the neutral host {name} at {address} for its own page"),
        mark("a neutral host's page"),
    ),
    FollowUpKind(
        "same_transfer_again",
        "the same request once more, twice if answers were complete at times",
        "",
        1,
        "After the transfers with small segments and with an innocuous name, to exclude that an outage has ended.",
        _COMPLETE,
        mark("asked {name} at {address} for the same page again"),
        mark("the same page once more"),
    ),
)
"""Follow-ups that compare transfers."""

_LIKELY = "In a deep run, or after a page, a transfer or a call that stopped late. For one server of a target"
_NOT_LIKELY = "The run was not deep and nothing stopped late, the round had two such servers, or no time was left."
_NOT_ENDED = "The connections of the target were not both cut off."
_NEUTRAL = "No neutral host of this family passed the preflight, or no server was asked."

KEPT_CONNECTIONS = (
    FollowUpKind(
        "kept_connection",
        "HEAD requests on one connection for 12 s: every 1.5 s, on a second one every 0.6 s, and again on a third one",
        "",
        1,
        f"{_LIKELY}. The third one after both were cut off.",
        _NOT_LIKELY,
        mark("kept a connection to {name} at {address} open and asked again at intervals"),
        mark("the connections that were kept open"),
    ),
    FollowUpKind(
        "kept_connection_innocuous",
        "the same requests, every 1.5 s, under an innocuous name",
        "name",
        0,
        f"{_LIKELY}, beside `kept_connection`.",
        _NOT_LIKELY,
        mark("kept a connection to {address} open under the innocuous name {name}"),
        mark("the connections that were kept open"),
    ),
    FollowUpKind(
        "kept_connection_neutral",
        "HEAD requests for a neutral host's own page, every 1.5 s for 12 s",
        "name and address",
        0,
        f"{_LIKELY}, beside `kept_connection`, and again beside the third one.",
        _NEUTRAL,
        mark("kept a connection to the neutral host {name} at {address} open"),
        mark("the connections that were kept open"),
    ),
    FollowUpKind(
        "kept_connection_name_neutral",
        "the requests with the target's name, every 1.5 s for 12 s, to a neutral host",
        "address",
        1,
        "After both connections of the target were cut off, beside the third one.",
        f"{_NOT_ENDED} {_NEUTRAL}",
        mark("kept a connection with the name {name} to the neutral host at {address} open"),
        mark("the connections that were kept open"),
    ),
)
"""Follow-ups that keep connections open, to find a limit of time."""
