"""Define the rules about TLS handshakes, and collect the rules of the TLS table."""

from probe.analysis.rules.resets import random_resets
from probe.analysis.rules.resets.connection_rates import TLS_SOON_AFTER_ANOTHER
from probe.analysis.rules.rule import Rule, State
from probe.analysis.rules.tls.certificates import FOREIGN_CERTIFICATES, REFUSED_CERTIFICATES
from probe.analysis.rules.tls.client_hellos import BROWSER_HELLO_FAILS, DEPENDS_ON_HELLO, HELLO_WITH_ECH_FAILS
from probe.analysis.rules.tls.names import TLS_FOLLOWS_NAME
from probe.analysis.rules.tls.parallel_hellos import NOT_REPEATED_ALONE, PASSES_ALONE
from probe.analysis.rules.tls.slow_answers import SILENT_BESIDE_SLOW_ANSWERS
from probe.messages import mark

_INNOCUOUS_PASSES = "innocuous_passed > 0 AND innocuous_failed = 0"
_AGAIN = "name_failures >= 2 AND control_tls_successes > 0"
_RESET = f"tls_successes = 0 AND tls_resets > 0 AND {_AGAIN}"
_TIMEOUT = f"tls_successes = 0 AND tls_timeouts > 0 AND {_AGAIN}"
_CLOSE = f"tls_successes = 0 AND tls_closes > 0 AND {_AGAIN}"

# `tls_completes_though_reset`: no socket reports such a reset. If innocuous names draw one too, the server may send it.
# `tls_reset_by_another` is not `blocked`: in front of some servers a separate device sends their resets.
TLS_RULES = (
    *PASSES_ALONE,
    *HELLO_WITH_ECH_FAILS,
    *BROWSER_HELLO_FAILS,
    Rule(
        "tls_completes_though_reset",
        "tls_successes > 0 AND resets_outlived > 0 AND harmless_resets = 0 AND innocuous_passed > 0",
        State.OK,
        mechanism="tls.reset.sni",
        because=(
            "The handshake completes, and a reset from another sender than the server arrived too late for this name "
            "to do harm."
        ),
        plain=mark("{service} can be reached. A device in this network tried to cut off the connection, too late."),
    ),
    Rule(
        "tls_completes",
        "tls_successes > 0",
        State.OK,
        because="The handshake completes, and the certificate is valid for the name.",
        plain=mark("{service} can be reached, and its server proved its identity."),
    ),
    *FOREIGN_CERTIFICATES,
    Rule(
        "tls_local_fault",
        "local_faults > 0 AND tls_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted, or this computer failed, before the TLS handshake was tried.",
        plain=mark(
            "{service} was not tested, because this computer was too busy or the run was stopped. Run the test again."
        ),
    ),
    Rule(
        "tls_not_reached",
        "tls_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because=(
            "The measurement did not get as far as the TLS handshake, because an earlier step failed or it was not "
            "requested."
        ),
        plain=mark("The test of {service} ended before its last step. Nothing can be concluded from it."),
    ),
    Rule(
        "tls_interrupted",
        "interrupted AND tls_attempts < 2",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted before a failure of the TLS handshake could be confirmed.",
        plain=mark("The run was stopped before a failed test of {service} could be repeated. Run the test again."),
    ),
    *SILENT_BESIDE_SLOW_ANSWERS,
    *NOT_REPEATED_ALONE,
    Rule(
        "tls_reset_among_random_resets",
        random_resets.may_be_chance("tls"),
        State.IMPAIRED,
        because=random_resets.BECAUSE,
        plain=random_resets.PLAIN,
    ),
    random_resets.TLS_NAME_RESET_EACH_TIME,
    TLS_SOON_AFTER_ANOTHER,
    *DEPENDS_ON_HELLO,
    Rule(
        "tls_same_hello_passes_later",
        "tls_successes = 0 AND (same_hello_passed > 0 OR (innocuous_failed > 0 AND other_hello_passed > 0)) AND "
        "neutral_resets + neutral_timeouts + neutral_closes = 0 AND control_tls_successes > 0",
        State.IMPAIRED,
        because=(
            "The handshake failed, the name passed later at the same address, and it passes at neutral hosts. A server "
            "that refuses the first connections of a client does that."
        ),
        plain=mark(
            "The test of {service} failed here and not from a test helper outside this network. The failures are too "
            "few or too different to name a cause. Run the test again."
        ),
    ),
    *TLS_FOLLOWS_NAME,
    Rule(
        "tls_fails_everywhere",
        "tls_successes = 0 AND control_tls_attempts > 0 AND control_tls_successes = 0",
        State.DOWN,
        because="The TLS handshake fails here, and fails from the test helper too.",
        plain=mark(
            "The test of {service} failed here, and it failed from a test helper outside this network too. There is no "
            "sign of blocking."
        ),
    ),
    *REFUSED_CERTIFICATES,
    Rule(
        "tls_reset_again_for_any_name",
        f"{_RESET} AND innocuous_failed > 0",
        State.LIKELY_BLOCKED,
        mechanism="tls.reset.other",
        because=(
            "The connection is reset here, and failed again, with an innocuous name too, and the test helper succeeds."
        ),
        plain=mark(
            "Connections to {host} are cut off here, with an unrelated name too. A test helper outside this network "
            "reaches the server. Access to {service} is probably blocked."
        ),
        supersedes=("tls_reset_for_any_name",),
    ),
    Rule(
        "tls_reset_here_again",
        f"{_RESET}",
        State.LIKELY_BLOCKED,
        mechanism="tls.reset",
        because="The connection is reset here, and failed again, and the test helper succeeds.",
        plain=mark(
            "Connections to {host} are cut off here, more than once. A test helper outside this network reaches the "
            "server. Access to {service} is probably blocked."
        ),
        supersedes=("tls_reset_here",),
    ),
    Rule(
        "tls_timeout_again_for_any_name",
        f"{_TIMEOUT} AND innocuous_failed > 0",
        State.LIKELY_BLOCKED,
        mechanism="tls.timeout.other",
        because=(
            "The connection times out here, and failed again, with an innocuous name too, and the test helper succeeds."
        ),
        plain=mark(
            "Connections to {host} get no answer here, with an unrelated name too. A test helper outside this network "
            "reaches the server. Access to {service} is probably blocked."
        ),
        supersedes=("tls_timeout_for_any_name",),
    ),
    Rule(
        "tls_timeout_here_again",
        f"{_TIMEOUT}",
        State.LIKELY_BLOCKED,
        mechanism="tls.timeout",
        because="The connection times out here, and failed again, and the test helper succeeds.",
        plain=mark(
            "Connections to {host} get no answer here, more than once. A test helper outside this network reaches the "
            "server. Access to {service} is probably blocked."
        ),
        supersedes=("tls_timeout_here",),
    ),
    Rule(
        "tls_close_again_for_any_name",
        f"{_CLOSE} AND innocuous_failed > 0",
        State.LIKELY_BLOCKED,
        mechanism="tls",
        because=(
            "The connection is closed here, and failed again, with an innocuous name too, and the test helper succeeds."
        ),
        plain=mark(
            "Connections to {host} are closed early here, with an unrelated name too. A test helper outside this "
            "network reaches the server. Access to {service} is probably blocked."
        ),
        supersedes=("tls_close_for_any_name",),
    ),
    Rule(
        "tls_close_here_again",
        f"{_CLOSE}",
        State.LIKELY_BLOCKED,
        mechanism="tls",
        because="The connection is closed here, and failed again, and the test helper succeeds.",
        plain=mark(
            "Connections to {host} are closed early here, more than once. A test helper outside this network reaches "
            "the server. Access to {service} is probably blocked."
        ),
        supersedes=("tls_close_here",),
    ),
    Rule(
        "tls_reset_by_another",
        f"tls_successes = 0 AND resets_unlike >= 2 AND name_resets >= 2 AND name_attempts >= 2 AND {_INNOCUOUS_PASSES}",
        State.LIKELY_BLOCKED,
        mechanism="tls.reset.sni",
        because=(
            "The connection is reset when it carries this name, and an innocuous name passes. The resets come from "
            "another sender than the server, and no control exists."
        ),
        plain=mark(
            "Connections that name {host} are cut off, and other names pass. A device in this network sends the "
            "cut-off signal. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "tls_unconfirmed",
        "tls_failure IS NOT NULL AND control_tls_successes > 0",
        State.IMPAIRED,
        because=(
            "The TLS handshake failed here and not at the test helper, but not often or not uniformly enough to "
            "conclude more."
        ),
        plain=mark(
            "The test of {service} failed here and not from a test helper outside this network. The failures are too "
            "few or too different to name a cause. Run the test again."
        ),
    ),
    Rule(
        "tls_no_control",
        "tls_failure IS NOT NULL",
        State.IMPAIRED,
        because="The TLS handshake fails here, and no test helper tried the same endpoint.",
        plain=mark(
            "The test of {service} failed here. No test helper outside this network tried it, so the cause is unclear."
        ),
    ),
    Rule(
        "tls_undecided",
        "TRUE",
        State.INSUFFICIENT,
        because="No rule covers the result of the TLS handshake.",
        plain=mark("The test of {service} gave a result that no rule covers. Nothing can be concluded from it."),
    ),
)
