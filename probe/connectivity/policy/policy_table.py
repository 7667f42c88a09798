"""State the policy: after which outcome, with which proof, which follow-ups are tried, and in which order.

The planner executes the table `POLICY`.
"""

from probe.connectivity.policy.claims import (
    beside_working_claim,
    browser_claim,
    ech_claim,
    ech_key_claim,
    echo_claim,
    hellos_claim,
    name_at_neutral_claim,
    nonexistent_claim,
    random_bytes_claim,
    sizes_claim,
)
from probe.connectivity.policy.followup_conditions import (
    BROWSER_IS_CANDIDATE,
    CONFIRMED,
    DATAGRAMS_SILENT,
    DEEP_OR_ECHCHECK,
    DOUBTFUL_TWICE,
    DTLS_13_PASSED,
    DTLS_SILENT_TWICE,
    ECH_SUSPECTED,
    ECH_WITH_NAME_SUSPECTED,
    ECHCHECK,
    ECHO_OFFERED,
    FIREFOX_DTLS_FAILED,
    FIREFOX_DTLS_PASSED,
    FIRST_BROWSER_FAILED,
    HELLOS_FAILED,
    HTTPS,
    INNOCUOUS_RESET,
    LOOKED_UP,
    NAME_FAILED_AT_NEUTRAL,
    NAME_FAILED_IN_NEUTRAL_TLS,
    NAME_FAILED_WITH_ECH_AT_NEUTRAL,
    NAMED,
    NEUTRAL_CUT_OFF,
    NEUTRAL_ECH_FAILED,
    NEUTRAL_KNOWN,
    NEUTRAL_PASSED_WITHOUT_ECH,
    NO_HELLO_AT_ADDRESS,
    NO_INNOCUOUS,
    NO_PACKET_PASSED,
    NONEXISTENT_FAILED_AT_NEUTRAL,
    NOT_CERTIFICATE,
    OTHER_DTLS_PASSED,
    OTHER_HELLO_PASSED,
    OTHER_SIZE_IS_CANDIDATE,
    PAST_CONNECT,
    PLAIN_PAGE,
    QUIC,
    RANDOM_ENDED,
    REFUSED_AT_NEUTRAL,
    SAME_DTLS_FAILED,
    SECOND_BROWSER_FAILED,
    SILENT_OR_REFUSED_TWICE,
    UNLISTED,
    UNPROVEN_NAME,
    VERIFIED,
    FollowUpCondition,
)
from probe.connectivity.policy.policy_rows import Group, PolicyRow
from probe.connectivity.policy.silent_transfers import SILENT_TRANSFERS

_NAMES = (PAST_CONNECT, NAMED)
_UNLISTED = (PAST_CONNECT, UNLISTED)
_NEUTRAL_HELLO = (HELLOS_FAILED, NAME_FAILED_IN_NEUTRAL_TLS, NO_HELLO_AT_ADDRESS)
_NEUTRAL_BROWSER = (HTTPS, *_NEUTRAL_HELLO)
_SUSPECT = (LOOKED_UP, UNPROVEN_NAME)
_BROWSER = (HTTPS, HELLOS_FAILED, BROWSER_IS_CANDIDATE)
_OTHER_SIZE = (HELLOS_FAILED, OTHER_SIZE_IS_CANDIDATE)
_SEARCH = (VERIFIED, CONFIRMED)
_NEUTRAL_ECH, _NEUTRAL_PLAIN = (NEUTRAL_ECH_FAILED,), (NEUTRAL_PASSED_WITHOUT_ECH,)
_NAME_WITH_ECH, _NAME_WITHOUT = (SECOND_BROWSER_FAILED, ECH_WITH_NAME_SUSPECTED), (NAME_FAILED_WITH_ECH_AT_NEUTRAL,)


def _at_neutral(*when: FollowUpCondition) -> tuple[PolicyRow, ...]:
    """Return the chain of the target's name at a neutral host, then two other names at another one."""
    return (
        PolicyRow(
            "name_at_neutral",
            "same_name_neutral_host",
            "neutral",
            "target",
            (*when, NEUTRAL_KNOWN),
            name_at_neutral_claim,
        ),
        PolicyRow(
            "nonexistent_at_neutral",
            "nonexistent_name_neutral_host",
            "last neutral",
            "nonexistent",
            (*when, NAME_FAILED_AT_NEUTRAL),
        ),
        PolicyRow(
            "own_name_at_neutral",
            "neutral_name_neutral_host",
            "last neutral",
            "neutral",
            (*when, NONEXISTENT_FAILED_AT_NEUTRAL),
        ),
    )


def _echo_pair(name: str, when: FollowUpCondition, *beside: tuple[PolicyRow, ...]) -> Group:
    """Return the random datagram to the helper's echo, then the endpoint's own, and chains beside them."""
    rows = (
        PolicyRow("random_echo", "other_payload_echo", "echo", "", (when, ECHO_OFFERED), echo_claim),
        PolicyRow("own_echo", "same_payload_echo", "echo", "", (when, RANDOM_ENDED)),
    )
    return Group(name, (rows, *beside))


ECHO_AFTER_DOUBT = _echo_pair("echo pair after doubtful answers", DOUBTFUL_TWICE)

INNOCUOUS_AGAIN = Group(
    "innocuous name again",
    (
        (
            PolicyRow(
                "innocuous_repeated", "other_name_same_address", "endpoint", "innocuous", (VERIFIED, INNOCUOUS_RESET)
            ),
        ),
    ),
)
"""If it passes, the network resets connections at random. A server that refuses unknown names does it each time."""

AFTER_SUCCESS = (
    *SILENT_TRANSFERS,
    INNOCUOUS_AGAIN,
    Group(
        "page",
        (
            (
                *_at_neutral(NAMED, PLAIN_PAGE),
                # At the same host: many servers refuse every name that they do not know.
                PolicyRow(
                    "refused_at_neutral",
                    "nonexistent_name_neutral_host",
                    "neutral",
                    "nonexistent",
                    (NAMED, PLAIN_PAGE, REFUSED_AT_NEUTRAL),
                ),
            ),
        ),
    ),
    # An allowlist is of addresses or of names. A server that works shows which: any name passes there, or not.
    Group(
        "name beside a working one",
        (
            (
                PolicyRow(
                    "beside_working",
                    "other_name_same_address",
                    "endpoint",
                    "innocuous",
                    (HTTPS, VERIFIED, NO_INNOCUOUS, NEUTRAL_CUT_OFF),
                    beside_working_claim,
                ),
            ),
        ),
    ),
    Group(
        "browser's hello",
        (
            (
                PolicyRow(
                    "deep_browser", "browser_hello", "endpoint", "target", (HTTPS, DEEP_OR_ECHCHECK), browser_claim
                ),
                # Between two failures: otherwise an outage has ended in between.
                PolicyRow(
                    "deep_without_ech", "browser_hello_without_ech", "endpoint", "target", (FIRST_BROWSER_FAILED,)
                ),
                PolicyRow("deep_browser_again", "browser_hello", "endpoint", "target", (FIRST_BROWSER_FAILED,)),
                PolicyRow(
                    "deep_innocuous", "harmless_browser_hello", "endpoint", "innocuous", (SECOND_BROWSER_FAILED,)
                ),
                PolicyRow(
                    "ech_at_neutral", "neutral_browser_hello", "other neutral", "neutral", (ECH_SUSPECTED,), ech_claim
                ),
                PolicyRow(
                    "no_ech_at_neutral", "neutral_browser_hello_without_ech", "other neutral", "neutral", _NEUTRAL_ECH
                ),
                PolicyRow("our_ech_at_neutral", "neutral_hello_with_ech", "other neutral", "neutral", _NEUTRAL_PLAIN),
                PolicyRow(
                    "name_with_ech_at_neutral",
                    "hello_with_ech_neutral_host",
                    "other neutral",
                    "target",
                    _NAME_WITH_ECH,
                ),
                PolicyRow(
                    "name_without_ech_at_neutral", "same_name_neutral_host", "other neutral", "target", _NAME_WITHOUT
                ),
            ),
            (
                PolicyRow(
                    "hello_with_key", "hello_with_ech_key", "endpoint", "target", (HTTPS, ECHCHECK), ech_key_claim
                ),
            ),
        ),
    ),
    ECHO_AFTER_DOUBT,
)
"""Groups after the endpoint has answered."""

RESOLVERS = Group(
    "resolvers",
    (
        (PolicyRow("resolver_udp", "resolver_udp", "resolvers", "target", _SUSPECT),),
        (PolicyRow("resolver_assigned", "resolver_assigned", "resolvers", "target", _SUSPECT),),
        (PolicyRow("dark_resolver", "dark_resolver", "resolvers", "target", _SUSPECT),),
        (PolicyRow("resolver_dot", "resolver_dot", "resolvers", "target", _SUSPECT),),
        (PolicyRow("resolver_doh", "resolver_doh", "resolvers", "target", _SUSPECT),),
        (PolicyRow("dark_innocuous", "dark_innocuous", "resolvers", "innocuous", _SUSPECT),),
    ),
)
"""Queries for the name after a failure, before the confirmation. `followups/other_resolvers.py` sends them."""

_OTHER_DTLS = (
    PolicyRow("dtls_firefox", "firefox_dtls_hello", "endpoint", "", (DTLS_SILENT_TWICE,)),
    PolicyRow("dtls_13", "dtls13_hello", "endpoint", "", (FIREFOX_DTLS_FAILED,)),
    # The same form between two that pass: otherwise an outage has ended in between.
    PolicyRow("dtls_same", "same_dtls_hello_again", "endpoint", "", (OTHER_DTLS_PASSED,)),
    PolicyRow("dtls_firefox_again", "firefox_dtls_hello", "endpoint", "", (SAME_DTLS_FAILED, FIREFOX_DTLS_PASSED)),
    PolicyRow("dtls_13_again", "dtls13_hello", "endpoint", "", (SAME_DTLS_FAILED, DTLS_13_PASSED)),
)

ECHO_PAIR = _echo_pair("echo pair", SILENT_OR_REFUSED_TWICE, _OTHER_DTLS)

SIZES = Group(
    "datagram sizes",
    ((PolicyRow("datagram_sizes", "datagram_sizes", "echo", "", (DATAGRAMS_SILENT, ECHO_OFFERED), sizes_claim),),),
)

_UNLISTED_PROTOCOL = (
    PolicyRow(
        "random_bytes",
        "random_bytes_neutral_host",
        "neutral same port",
        "",
        (PAST_CONNECT, UNLISTED),
        random_bytes_claim,
    ),
)
_NEUTRAL_NAMES = (
    PolicyRow(
        "quic_neutral",
        "neutral_name_neutral_host",
        "quic neutral",
        "neutral",
        (*_NAMES, QUIC),
        name_at_neutral_claim,
    ),
    *_at_neutral(*_NAMES),
)
_ENDPOINT_NAMES = (
    PolicyRow(
        "nonexistent_name",
        "nonexistent_name_same_address",
        "endpoint",
        "nonexistent",
        (*_NAMES, VERIFIED, NOT_CERTIFICATE),
        nonexistent_claim,
    ),
    # An innocuous flow that passes at the end shows that the other failure is not residual (P8).
    PolicyRow("other_name", "other_name_same_address", "endpoint", "innocuous", (*_NAMES, VERIFIED)),
)

BEFORE_ALONE = Group(
    "before a repetition alone",
    (
        _NEUTRAL_NAMES,
        (
            PolicyRow(
                "other_name",
                "other_name_same_address",
                "endpoint",
                "innocuous",
                (*_NAMES, VERIFIED, NO_INNOCUOUS),
            ),
        ),
    ),
)
"""Flows of the group `names` that come before a hello is repeated alone, since they may show another cause."""

BEFORE_REST = (
    Group("unlisted protocol", (_UNLISTED_PROTOCOL,)),
    Group("names", (_NEUTRAL_NAMES, _ENDPOINT_NAMES)),
)
"""Groups that come before a name is sent again after a rest, since they may show that no limit is at fault."""

NEAR_REACTION = Group(
    "reaction on this computer or at the first hop",
    ((PolicyRow("near_reaction", "near_reaction", "endpoint", "", (VERIFIED, CONFIRMED, NO_PACKET_PASSED)),),),
)

AFTER_FAILURE = (
    *SILENT_TRANSFERS,
    *BEFORE_REST,
    Group(
        "hellos at a neutral host",
        (
            (PolicyRow("neutral_browser", "browser_hello", "other neutral", "target", _NEUTRAL_BROWSER, hellos_claim),),
            (
                PolicyRow(
                    "neutral_other_size", "other_size_hello", "other neutral", "target", _NEUTRAL_HELLO, hellos_claim
                ),
            ),
        ),
    ),
    Group(
        "hellos at the endpoint",
        (
            (
                PolicyRow("browser", "browser_hello", "endpoint", "target", _BROWSER, hellos_claim),
                PolicyRow("other_size", "other_size_hello", "endpoint", "target", _OTHER_SIZE, hellos_claim),
                # Only what fails again now counts: otherwise an outage has ended in between.
                PolicyRow("same_hello", "same_hello_again", "endpoint", "target", (OTHER_HELLO_PASSED,)),
            ),
        ),
    ),
    ECHO_PAIR,
    SIZES,
    NEAR_REACTION,
)
"""Groups after the endpoint has failed, and its confirmation too if the address is verified."""

HOP_SEARCH = Group(
    "hop search",
    (
        (
            PolicyRow("path_sweep", "path_sweep", "endpoint", "", _SEARCH),
            PolicyRow("limited_payload", "limited_payload", "endpoint", "target", _SEARCH),
        ),
    ),
)
"""What the end of the measurement searches for. `followups/hops/hop_search.py` has further conditions."""

POLICY = tuple(dict.fromkeys((*AFTER_SUCCESS, RESOLVERS, *AFTER_FAILURE, HOP_SEARCH)))
