"""Describe the follow-ups that send another client hello.

Describe the follow-ups that send a DTLS hello in the form of another program.
"""

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

_NO_ECH_SUSPECT = (
    "No innocuous name failed in a browser's hello, or no neutral host of this family passed the preflight."
)

HELLOS = (
    FollowUpKind(
        "browser_hello",
        "the target's name in a browser's hello, to a neutral host or to the endpoint's address",
        "hello",
        1,
        "After two hellos to an https endpoint were reset, ended or met silence. Deep: also after a success.",
        "The failures were not both in the TLS handshake, or the name passed in no hello at a neutral host.",
        mark("sent {name} to {address} in a browser's client hello"),
        mark("the name in a browser's client hello"),
    ),
    FollowUpKind(
        "harmless_browser_hello",
        "an innocuous name in a browser's hello to the endpoint's address",
        "name",
        0,
        "In a deep run, after two browser's hellos with the target's name failed where the probe's own passed.",
        "No browser's hello failed twice, or the run was not deep.",
        mark("sent the innocuous name {name} to {address} in a browser's client hello"),
        mark("the name in a browser's client hello"),
    ),
    FollowUpKind(
        "other_size_hello",
        "the target's name in the probe's hello at another length",
        "hello",
        1,
        "After two hellos were reset, ended or met silence, beside or after the browser's hello.",
        "The failures were not both in the TLS handshake, or the name passed in no hello at a neutral host.",
        mark("sent {name} to {address} in a client hello of another size"),
        mark("the name in a client hello of another size"),
    ),
    FollowUpKind(
        "same_hello_again",
        "the target's name in the same hello that failed",
        "",
        1,
        "After another hello passed at the endpoint's address, to exclude that an outage has ended.",
        "No other hello passed at the endpoint's address.",
        mark("sent {name} to {address} in the first client hello again"),
        mark("the name in a client hello of another size"),
    ),
    FollowUpKind(
        "browser_hello_without_ech",
        "the target's name in a browser's hello with padding in place of Encrypted ClientHello",
        "hello",
        1,
        "In a deep run, after a browser's hello failed at an endpoint where the probe's own passed.",
        "No browser's hello failed, or the run was not deep.",
        mark("sent {name} to {address} in a browser's client hello without Encrypted ClientHello"),
        mark("the hellos without Encrypted ClientHello"),
    ),
    FollowUpKind(
        "neutral_browser_hello",
        "a neutral host's own name to that host in a browser's hello, which carries Encrypted ClientHello",
        "name and address",
        0,
        "In a deep run, after browser's hellos failed with any name, and passed without ECH. Once per family.",
        _NO_ECH_SUSPECT,
        mark("sent the neutral host's own name {name} to {address} in a browser's client hello"),
        mark("a neutral host's name with Encrypted ClientHello"),
    ),
    FollowUpKind(
        "neutral_browser_hello_without_ech",
        "a neutral host's own name to that host in a browser's hello without Encrypted ClientHello",
        "hello",
        0,
        "After the same hello with the extension failed there.",
        "The hello with the extension passed at the neutral host, or was not sent there.",
        mark("sent the neutral host's own name {name} to {address} without Encrypted ClientHello"),
        mark("the hellos without Encrypted ClientHello"),
    ),
    FollowUpKind(
        "neutral_hello_with_ech",
        "a neutral host's own name to that host in the probe's hello with Encrypted ClientHello",
        "hello",
        0,
        "After a browser's hello passed there without the extension, to exclude a list of programs.",
        "No browser's hello without the extension passed at the neutral host.",
        mark("sent the neutral host's own name {name} to {address} in our client hello with Encrypted ClientHello"),
        mark("a neutral host's name with Encrypted ClientHello"),
    ),
    FollowUpKind(
        "hello_with_ech_neutral_host",
        "the target's name in the probe's hello with Encrypted ClientHello to a neutral host",
        "hello",
        1,
        "In a deep run, after the name failed in browser's hellos with ECH only, and another name passed.",
        "The name passed with the extension, or failed without it, or another name failed too.",
        mark("sent {name} to the neutral host {address} in our client hello with Encrypted ClientHello"),
        mark("the name with Encrypted ClientHello at a neutral host"),
    ),
    FollowUpKind(
        "hello_with_ech_key",
        "the target's name in a browser's hello, encrypted with the key that DNS publishes",
        "hello",
        1,
        "In `echcheck`, beside a browser's hello. The key is asked of the run's encrypted resolver.",
        "Another nettest, no encrypted resolver, or no endpoint worked. Without a key only the lookup is made.",
        mark("sent {name} to {address} in an encrypted client hello"),
    ),
)
"""Follow-ups that compare client hellos."""
