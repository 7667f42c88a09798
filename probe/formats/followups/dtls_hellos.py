"""Describe the follow-ups that send a DTLS hello in the form of another program."""

from probe.formats.followups.kind import FollowUpKind
from probe.messages import mark

_EVIDENCE = mark("the DTLS hellos of other programs")

DTLS_HELLOS = (
    FollowUpKind(
        "firefox_dtls_hello",
        "a DTLS hello in the form of Firefox to the address that failed",
        "hello",
        1,
        "After two DTLS hellos met silence. Once more after the first form failed again.",
        "The DTLS hellos did not both meet silence, or no trigger was left.",
        mark("sent a DTLS hello in Firefox's form to {address}, to compare with {name}"),
        _EVIDENCE,
    ),
    FollowUpKind(
        "dtls13_hello",
        "a DTLS hello in the form of a Firefox that offers DTLS 1.3, to the address that failed",
        "hello",
        1,
        "After the hello in Firefox's form failed too. Once more after the first form failed again.",
        "The hello in Firefox's form passed, or was not sent.",
        mark("sent a DTLS hello that offers version 1.3 to {address}, to compare with {name}"),
        _EVIDENCE,
    ),
    FollowUpKind(
        "same_dtls_hello_again",
        "a DTLS hello in the form that failed",
        "",
        1,
        "After a DTLS hello in another form passed, to exclude that an outage has ended.",
        "No DTLS hello in another form passed.",
        mark("sent the first DTLS hello to {address} again, to compare with {name}"),
        _EVIDENCE,
    ),
)
"""Follow-ups that compare DTLS hellos."""
