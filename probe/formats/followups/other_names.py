"""Describe the follow-ups that send another name, or the same name to a neutral host."""

from probe.formats.followups.kind import AFTER_FAILURE, FollowUpKind
from probe.messages import mark

_NOT_COMPARED = "The failure was not past the connect, follow-ups were off, or the run was stopping."
_NO_NEUTRAL = "No neutral host of this family passed the preflight, or no trigger was left for it."
_UNVERIFIED = "The address was not verified."

NAMES = (
    FollowUpKind(
        "other_name_same_address",
        "an innocuous name to the address that failed",
        "name",
        0,
        f"{AFTER_FAILURE}, at a verified address, as the last name there.",
        f"{_UNVERIFIED} {_NOT_COMPARED}",
        mark("sent the innocuous name {name} to {address} afterwards"),
    ),
    FollowUpKind(
        "same_name_neutral_host",
        "the target's name to a neutral host",
        "address",
        1,
        f"{AFTER_FAILURE}, or a page in the clear was answered. Once per endpoint, service and family.",
        _NO_NEUTRAL,
        mark("sent {name} to the neutral host {address}"),
        mark("the name at a neutral host"),
    ),
    FollowUpKind(
        "nonexistent_name_same_address",
        "a name that does not exist to the address that failed",
        "name",
        0,
        f"{AFTER_FAILURE}, at a verified address, except after a bad certificate. Once per endpoint and family.",
        f"{_UNVERIFIED} {_NOT_COMPARED}",
        mark("sent {name}, which does not exist, to {address}"),
        mark("the names that do not exist"),
    ),
    FollowUpKind(
        "nonexistent_name_neutral_host",
        "a name that does not exist to another neutral host than the target's name, if there are two",
        "name and address",
        0,
        "After the target's name failed past the connect at a neutral host.",
        "The target's name passed at the neutral host, or was not sent there.",
        mark("sent {name}, which does not exist, to the neutral host {address}"),
        mark("the names that do not exist"),
    ),
    FollowUpKind(
        "neutral_name_neutral_host",
        "a neutral host's own name to that host",
        "name and address",
        0,
        "After a name that does not exist failed at a neutral host. Over QUIC also before any other name there.",
        "The name that does not exist passed at the neutral host, or was not sent there.",
        mark("sent the neutral host's own name {name} to {address}"),
        mark("the neutral host's own name"),
    ),
)
"""Follow-ups that compare names and neutral hosts."""
