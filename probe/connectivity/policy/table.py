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
)
from probe.connectivity.policy.conditions import (
    BROWSER_IS_CANDIDATE,
    CONFIRMED,
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
    NONEXISTENT_FAILED_AT_NEUTRAL,
    NOT_CERTIFICATE,
    OTHER_DTLS_PASSED,
    OTHER_HELLO_PASSED,
    OTHER_SIZE_IS_CANDIDATE,
    PAST_CONNECT,
    PLAIN_PAGE,
    QUIC,
    RANDOM_ENDED,
    SAME_DTLS_FAILED,
    SECOND_BROWSER_FAILED,
    SILENT_TWICE,
    UNLISTED,
    UNPROVEN_NAME,
    VERIFIED,
    Condition,
)
from probe.connectivity.policy.rows import Group, Row
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


def _at_neutral(*when: Condition) -> tuple[Row, ...]:
    """Return the chain of the target's name at a neutral host, then two other names at another one."""
    return (
        Row(
            "name_at_neutral",
            "same_name_neutral_host",
            "neutral",
            "target",
            (*when, NEUTRAL_KNOWN),
            name_at_neutral_claim,
        ),
        Row(
            "nonexistent_at_neutral",
            "nonexistent_name_neutral_host",
            "last neutral",
            "nonexistent",
            (*when, NAME_FAILED_AT_NEUTRAL),
        ),
        Row(
            "own_name_at_neutral",
            "neutral_name_neutral_host",
            "last neutral",
            "neutral",
            (*when, NONEXISTENT_FAILED_AT_NEUTRAL),
        ),
    )


def _echo_pair(name: str, when: Condition, *beside: tuple[Row, ...]) -> Group:
    """Return the random datagram to the helper's echo, then the endpoint's own, and chains beside them."""
    rows = (
        Row("random_echo", "other_payload_echo", "echo", "", (when, ECHO_OFFERED), echo_claim),
        Row("own_echo", "same_payload_echo", "echo", "", (when, RANDOM_ENDED)),
    )
    return Group(name, (rows, *beside))


ECHO_AFTER_DOUBT = _echo_pair("echo pair after doubtful answers", DOUBTFUL_TWICE)

INNOCUOUS_AGAIN = Group(
    "innocuous name again",
    ((Row("innocuous_repeated", "other_name_same_address", "endpoint", "innocuous", (VERIFIED, INNOCUOUS_RESET)),),),
)
"""If it passes, the network resets connections at random. A server that refuses unknown names does it each time."""

AFTER_SUCCESS = (
    *SILENT_TRANSFERS,
    INNOCUOUS_AGAIN,
    Group("page", (_at_neutral(NAMED, PLAIN_PAGE),)),
    # An allowlist is of addresses or of names. A server that works shows which: any name passes there, or not.
    Group(
        "name beside a working one",
        (
            (
                Row(
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
                Row("deep_browser", "browser_hello", "endpoint", "target", (HTTPS, DEEP_OR_ECHCHECK), browser_claim),
                # Between two failures: otherwise an outage has ended in between.
                Row("deep_without_ech", "browser_hello_without_ech", "endpoint", "target", (FIRST_BROWSER_FAILED,)),
                Row("deep_browser_again", "browser_hello", "endpoint", "target", (FIRST_BROWSER_FAILED,)),
                Row("deep_innocuous", "harmless_browser_hello", "endpoint", "innocuous", (SECOND_BROWSER_FAILED,)),
                Row("ech_at_neutral", "neutral_browser_hello", "other neutral", "neutral", (ECH_SUSPECTED,), ech_claim),
                Row("no_ech_at_neutral", "neutral_browser_hello_without_ech", "other neutral", "neutral", _NEUTRAL_ECH),
                Row("our_ech_at_neutral", "neutral_hello_with_ech", "other neutral", "neutral", _NEUTRAL_PLAIN),
                Row(
                    "name_with_ech_at_neutral",
                    "hello_with_ech_neutral_host",
                    "other neutral",
                    "target",
                    _NAME_WITH_ECH,
                ),
                Row("name_without_ech_at_neutral", "same_name_neutral_host", "other neutral", "target", _NAME_WITHOUT),
            ),
            (Row("hello_with_key", "hello_with_ech_key", "endpoint", "target", (HTTPS, ECHCHECK), ech_key_claim),),
        ),
    ),
    ECHO_AFTER_DOUBT,
)
"""Groups after the endpoint has answered."""

RESOLVERS = Group(
    "resolvers",
    (
        (Row("resolver_udp", "resolver_udp", "resolvers", "target", _SUSPECT),),
        (Row("dark_resolver", "dark_resolver", "resolvers", "target", _SUSPECT),),
        (Row("resolver_dot", "resolver_dot", "resolvers", "target", _SUSPECT),),
        (Row("resolver_doh", "resolver_doh", "resolvers", "target", _SUSPECT),),
        (Row("dark_innocuous", "dark_innocuous", "resolvers", "innocuous", _SUSPECT),),
    ),
)
"""Queries for the name after a failure, before the confirmation. `followups/other_resolvers.py` sends them."""

_OTHER_DTLS = (
    Row("dtls_firefox", "firefox_dtls_hello", "endpoint", "", (DTLS_SILENT_TWICE,)),
    Row("dtls_13", "dtls13_hello", "endpoint", "", (FIREFOX_DTLS_FAILED,)),
    # The same form between two that pass: otherwise an outage has ended in between.
    Row("dtls_same", "same_dtls_hello_again", "endpoint", "", (OTHER_DTLS_PASSED,)),
    Row("dtls_firefox_again", "firefox_dtls_hello", "endpoint", "", (SAME_DTLS_FAILED, FIREFOX_DTLS_PASSED)),
    Row("dtls_13_again", "dtls13_hello", "endpoint", "", (SAME_DTLS_FAILED, DTLS_13_PASSED)),
)

ECHO_PAIR = _echo_pair("echo pair", SILENT_TWICE, _OTHER_DTLS)

_UNLISTED_PROTOCOL = (
    Row(
        "random_bytes",
        "random_bytes_neutral_host",
        "neutral same port",
        "",
        (PAST_CONNECT, UNLISTED),
        random_bytes_claim,
    ),
)
_NEUTRAL_NAMES = (
    Row(
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
    Row(
        "nonexistent_name",
        "nonexistent_name_same_address",
        "endpoint",
        "nonexistent",
        (*_NAMES, VERIFIED, NOT_CERTIFICATE),
        nonexistent_claim,
    ),
    # An innocuous flow that passes at the end shows that the other failure is not residual (P8).
    Row("other_name", "other_name_same_address", "endpoint", "innocuous", (*_NAMES, VERIFIED)),
)

BEFORE_ALONE = Group(
    "before a repetition alone",
    (
        _NEUTRAL_NAMES,
        (
            Row(
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

AFTER_FAILURE = (
    *SILENT_TRANSFERS,
    *BEFORE_REST,
    Group(
        "hellos at a neutral host",
        (
            (Row("neutral_browser", "browser_hello", "other neutral", "target", _NEUTRAL_BROWSER, hellos_claim),),
            (Row("neutral_other_size", "other_size_hello", "other neutral", "target", _NEUTRAL_HELLO, hellos_claim),),
        ),
    ),
    Group(
        "hellos at the endpoint",
        (
            (
                Row("browser", "browser_hello", "endpoint", "target", _BROWSER, hellos_claim),
                Row("other_size", "other_size_hello", "endpoint", "target", _OTHER_SIZE, hellos_claim),
                # Only what fails again now counts: otherwise an outage has ended in between.
                Row("same_hello", "same_hello_again", "endpoint", "target", (OTHER_HELLO_PASSED,)),
            ),
        ),
    ),
    ECHO_PAIR,
)
"""Groups after the endpoint has failed, and its confirmation too if the address is verified."""

HOP_SEARCH = Group(
    "hop search",
    (
        (
            Row("path_sweep", "path_sweep", "endpoint", "", _SEARCH),
            Row("limited_payload", "limited_payload", "endpoint", "target", _SEARCH),
        ),
    ),
)
"""What the end of the measurement searches for. `followups/hops/hop_search.py` has further conditions."""

POLICY = tuple(dict.fromkeys((*AFTER_SUCCESS, RESOLVERS, *AFTER_FAILURE, HOP_SEARCH)))
