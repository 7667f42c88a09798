"""Define the rules about failures that depend on the client hello: its length, its program, or one extension."""

from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_RESET = "tls_successes = 0 AND tls_resets > 0 AND name_resets >= 2 AND name_attempts >= 2"
_TIMEOUT = "tls_successes = 0 AND tls_timeouts > 0 AND name_timeouts >= 2 AND name_attempts >= 2"
_INNOCUOUS_PASSES = "innocuous_passed > 0 AND innocuous_failed = 0"
_RESET_NOT_BY_SERVER = "(control_tls_successes > 0 OR (neutral_proven AND neutral_resets > 0))"
_TIMEOUT_NOT_BY_SERVER = "(control_tls_successes > 0 OR (neutral_proven AND neutral_timeouts > 0))"
"""The test helper sends our hello and succeeds, or a neutral host shows the same failure. So no server refuses us."""

# `degraded`: the service works for some programs and is interfered with for others.
BROWSER_HELLO_FAILS = (
    Rule(
        "tls_reset_of_name_in_browsers_hello",
        "tls_successes > 0 AND browser_resets >= 2 AND browser_resets >= resets_needed",
        State.DEGRADED,
        mechanism="tls.reset.sni",
        because=(
            "The connection is reset when this name is in a browser's client hello. The name passes in our hello, and "
            "an innocuous name passes in a browser's."
        ),
        plain=mark(
            "Web browsers that connect to {host} are cut off. Other programs get through. Browsers cannot reach "
            "{service}, and other programs may."
        ),
    ),
    Rule(
        "tls_timeout_of_name_in_browsers_hello",
        "tls_successes > 0 AND browser_timeouts >= 2",
        State.DEGRADED,
        mechanism="tls.timeout.sni",
        because=(
            "The connection times out when this name is in a browser's client hello. The name passes in our hello, "
            "and an innocuous name passes in a browser's."
        ),
        plain=mark(
            "Web browsers that connect to {host} get no answer. Other programs get through. Browsers cannot reach "
            "{service}, and other programs may."
        ),
    ),
)

HELLO_WITH_ECH_FAILS = (
    Rule(
        "tls_reset_of_any_hello_with_ech",
        "tls_successes > 0 AND ech_resets >= 5 AND ech_resets >= resets_needed",
        State.DEGRADED,
        mechanism="tls.reset.ech",
        because=(
            "The connection is reset when its client hello carries Encrypted ClientHello, with any name and at a "
            "neutral host too. The same hello without it is answered."
        ),
        plain=mark(
            "Connections with a privacy extension that web browsers use are cut off, to {host} and to an unrelated "
            "server. Without it they get an answer. Browsers cannot reach {service}, and other programs may."
        ),
    ),
    Rule(
        "tls_reset_of_name_in_hello_with_ech",
        "tls_successes > 0 AND ech_name_resets >= 3 AND ech_name_resets >= resets_needed",
        State.DEGRADED,
        mechanism="tls.reset.ech",
        because=(
            "The connection is reset when its client hello carries this name and Encrypted ClientHello, at a neutral "
            "host too. Either of the two alone is answered."
        ),
        plain=mark(
            "Connections that name {host} are cut off if they use a privacy extension of web browsers, even to an "
            "unrelated server. Browsers cannot reach {service}, and other programs may."
        ),
    ),
    Rule(
        "tls_timeout_of_any_hello_with_ech",
        "tls_successes > 0 AND ech_timeouts >= 5",
        State.DEGRADED,
        mechanism="tls.timeout.ech",
        because=(
            "The connection times out when its client hello carries Encrypted ClientHello, with any name and at a "
            "neutral host too. The same hello without it is answered."
        ),
        plain=mark(
            "Connections with a privacy extension that web browsers use get no answer from {host} and from an "
            "unrelated server. Without it they get one. Browsers cannot reach {service}, and other programs may."
        ),
    ),
    Rule(
        "tls_timeout_of_name_in_hello_with_ech",
        "tls_successes > 0 AND ech_name_timeouts >= 3",
        State.DEGRADED,
        mechanism="tls.timeout.ech",
        because=(
            "The connection times out when its client hello carries this name and Encrypted ClientHello, at a neutral "
            "host too. Either of the two alone is answered."
        ),
        plain=mark(
            "Connections that name {host} get no answer if they use a privacy extension of web browsers, even from an "
            "unrelated server. Browsers cannot reach {service}, and other programs may."
        ),
    ),
)

DEPENDS_ON_HELLO = (
    Rule(
        "tls_reset_of_name_in_hello_of_this_size",
        f"{_RESET} AND other_size_passed > 0 AND {_INNOCUOUS_PASSES} AND {_RESET_NOT_BY_SERVER}",
        State.DEGRADED,
        mechanism="tls.reset.sni",
        because=(
            "The connection is reset when this name is in a client hello like ours. The same hello with another "
            "length is answered."
        ),
        plain=mark(
            "Connections that name {host} are cut off if their first message has a certain length. A longer or shorter "
            "one gets an answer. Some programs cannot reach {service}, and others may."
        ),
    ),
    Rule(
        "tls_reset_of_any_hello_of_this_size",
        f"{_RESET} AND other_size_passed > 0 AND {_RESET_NOT_BY_SERVER}",
        State.DEGRADED,
        mechanism="tls.reset.other",
        because=(
            "The connection is reset after a client hello like ours, with any name. The same hello with another "
            "length is answered."
        ),
        plain=mark(
            "Connections to {host} are cut off if their first message has a certain length. A longer or shorter one "
            "gets an answer. Some programs cannot reach {service}, and others may."
        ),
    ),
    Rule(
        "tls_reset_of_name_in_hello_of_this_make",
        f"{_RESET} AND browser_passed > 0 AND {_INNOCUOUS_PASSES} AND {_RESET_NOT_BY_SERVER}",
        State.DEGRADED,
        mechanism="tls.reset.sni",
        because=(
            "The connection is reset when this name is in a client hello like ours. The name in a browser's hello "
            "reaches the certificate exchange."
        ),
        plain=mark(
            "Connections of this program that name {host} are cut off. A browser's connection gets an answer. Browsers "
            "can reach {service}, and other programs may not."
        ),
    ),
    Rule(
        "tls_reset_of_any_hello_of_this_make",
        f"{_RESET} AND browser_passed > 0 AND {_RESET_NOT_BY_SERVER}",
        State.DEGRADED,
        mechanism="tls.reset.other",
        because=(
            "The connection is reset after a client hello like ours, with any name. The name in a browser's hello "
            "reaches the certificate exchange."
        ),
        plain=mark(
            "Connections of this program to {host} are cut off, with any name. A browser's connection gets an answer. "
            "Browsers can reach {service}, and other programs may not."
        ),
    ),
    Rule(
        "tls_timeout_of_name_in_hello_of_this_size",
        f"{_TIMEOUT} AND other_size_passed > 0 AND {_INNOCUOUS_PASSES} AND {_TIMEOUT_NOT_BY_SERVER}",
        State.DEGRADED,
        mechanism="tls.timeout.sni",
        because=(
            "The connection times out when this name is in a client hello like ours. The same hello with another "
            "length is answered."
        ),
        plain=mark(
            "Connections that name {host} get no answer if their first message has a certain length. A longer or "
            "shorter one gets an answer. Some programs cannot reach {service}, and others may."
        ),
    ),
    Rule(
        "tls_timeout_of_any_hello_of_this_size",
        f"{_TIMEOUT} AND other_size_passed > 0 AND {_TIMEOUT_NOT_BY_SERVER}",
        State.DEGRADED,
        mechanism="tls.timeout.other",
        because=(
            "The connection times out after a client hello like ours, with any name. The same hello with another "
            "length is answered."
        ),
        plain=mark(
            "Connections to {host} get no answer if their first message has a certain length. A longer or shorter one "
            "gets an answer. Some programs cannot reach {service}, and others may."
        ),
    ),
    Rule(
        "tls_timeout_of_name_in_hello_of_this_make",
        f"{_TIMEOUT} AND browser_passed > 0 AND {_INNOCUOUS_PASSES} AND {_TIMEOUT_NOT_BY_SERVER}",
        State.DEGRADED,
        mechanism="tls.timeout.sni",
        because=(
            "The connection times out when this name is in a client hello like ours. The name in a browser's hello "
            "reaches the certificate exchange."
        ),
        plain=mark(
            "Connections of this program that name {host} get no answer. A browser's connection gets an answer. "
            "Browsers can reach {service}, and other programs may not."
        ),
    ),
    Rule(
        "tls_timeout_of_any_hello_of_this_make",
        f"{_TIMEOUT} AND browser_passed > 0 AND {_TIMEOUT_NOT_BY_SERVER}",
        State.DEGRADED,
        mechanism="tls.timeout.other",
        because=(
            "The connection times out after a client hello like ours, with any name. The name in a browser's hello "
            "reaches the certificate exchange."
        ),
        plain=mark(
            "Connections of this program to {host} get no answer, with any name. A browser's connection gets an "
            "answer. Browsers can reach {service}, and other programs may not."
        ),
    ),
    Rule(
        "tls_server_takes_browsers_only",
        "tls_successes = 0 AND browser_passed > 0 AND control_tls_attempts > 0 AND control_tls_successes = 0",
        State.INSUFFICIENT,
        because=(
            "The server rejects client hellos like ours, from the test helper too. A browser's hello reaches the "
            "certificate exchange here."
        ),
        plain=mark(
            "The server of {service} refuses programs like this one everywhere, and accepts web browsers. Nothing can "
            "be concluded about this network."
        ),
    ),
)
