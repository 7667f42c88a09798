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
        "innocuous_name_transfer",
        "the same request inside TLS, whose hello has an innocuous name",
        "name",
        0,
        f"{_SILENT}, at an https endpoint.",
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
