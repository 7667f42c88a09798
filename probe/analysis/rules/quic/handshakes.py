"""Define the rules about QUIC handshakes, and collect the rules of the QUIC table."""

from probe.analysis.rules.quic.certificates import FOREIGN_CERTIFICATES
from probe.analysis.rules.quic.names import QUIC_FOLLOWS_NAME
from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_AGAIN = "name_failures >= 2 AND control_successes > 0"
_TIMEOUT = f"quic_successes = 0 AND quic_timeouts > 0 AND {_AGAIN}"
_CLOSE = f"quic_successes = 0 AND quic_closes > 0 AND {_AGAIN}"

QUIC_RULES = (
    Rule(
        "quic_completes",
        "quic_successes > 0",
        State.OK,
        because="The server confirms the handshake, and its certificate is valid for the name.",
        plain=mark("{service} can be reached over the web protocol QUIC, and its server proved its identity."),
    ),
    *FOREIGN_CERTIFICATES,
    Rule(
        "quic_local_fault",
        "local_faults > 0 AND quic_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted, or this computer failed, before the QUIC handshake was tried.",
        plain=mark(
            "{service} was not tested, because this computer was too busy or the run was stopped. Run the test again."
        ),
    ),
    Rule(
        "quic_not_reached",
        "quic_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because=(
            "The measurement did not get as far as the QUIC handshake, because an earlier step failed or it was not "
            "requested."
        ),
        plain=mark("The test of {service} ended before its last step. Nothing can be concluded from it."),
    ),
    Rule(
        "quic_interrupted",
        "interrupted AND quic_attempts < 2",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted before a failure of the QUIC handshake could be confirmed.",
        plain=mark("The run was stopped before a failed test of {service} could be repeated. Run the test again."),
    ),
    *QUIC_FOLLOWS_NAME,
    Rule(
        "quic_fails_everywhere",
        "quic_successes = 0 AND control_attempts > 0 AND control_successes = 0",
        State.DOWN,
        because="The QUIC handshake fails here, and fails from the test helper too.",
        plain=mark(
            "The test of {service} failed here, and it failed from a test helper outside this network too. There is no "
            "sign of blocking."
        ),
    ),
    Rule(
        "quic_timeout_again_for_any_name",
        f"{_TIMEOUT} AND innocuous_failed > 0",
        State.LIKELY_BLOCKED,
        mechanism="quic.timeout.other",
        because=(
            "The connection times out here, and failed again, with an innocuous name too, and the test helper succeeds."
        ),
        plain=mark(
            "Connections to {host} over the web protocol QUIC get no answer here, with an unrelated name too. A test "
            "helper outside this network reaches the server. Access to {service} is probably blocked."
        ),
        supersedes=("quic_timeout_for_any_name",),
    ),
    Rule(
        "quic_timeout_here_again",
        f"{_TIMEOUT}",
        State.LIKELY_BLOCKED,
        mechanism="quic.timeout",
        because="The connection times out here, and failed again, and the test helper succeeds.",
        plain=mark(
            "Connections to {host} over the web protocol QUIC get no answer here, more than once. A test helper "
            "outside this network reaches the server. Access to {service} is probably blocked."
        ),
        supersedes=("quic_timeout_here",),
    ),
    Rule(
        "quic_close_again_for_any_name",
        f"{_CLOSE} AND innocuous_failed > 0",
        State.LIKELY_BLOCKED,
        mechanism="quic",
        because=(
            "The connection is refused or closed here, and failed again, with an innocuous name too, and the test "
            "helper succeeds."
        ),
        plain=mark(
            "Connections to {host} over the web protocol QUIC are refused or closed early here, with an unrelated "
            "name too. A test helper outside this network reaches the server. Access to {service} is probably blocked."
        ),
        supersedes=("quic_close_for_any_name",),
    ),
    Rule(
        "quic_close_here_again",
        f"{_CLOSE}",
        State.LIKELY_BLOCKED,
        mechanism="quic",
        because="The connection is refused or closed here, and failed again, and the test helper succeeds.",
        plain=mark(
            "Connections to {host} over the web protocol QUIC are refused or closed early here, more than once. A test "
            "helper outside this network reaches the server. Access to {service} is probably blocked."
        ),
        supersedes=("quic_close_here",),
    ),
    Rule(
        "quic_unconfirmed",
        "quic_failure IS NOT NULL AND control_successes > 0",
        State.IMPAIRED,
        because=(
            "The QUIC handshake failed here and not at the test helper, but not often or not uniformly enough to "
            "conclude more."
        ),
        plain=mark(
            "The test of {service} failed here and not from a test helper outside this network. The failures are too "
            "few or too different to name a cause. Run the test again."
        ),
    ),
    Rule(
        "quic_no_control",
        "quic_failure IS NOT NULL",
        State.IMPAIRED,
        because="The QUIC handshake fails here, and no test helper tried the same endpoint.",
        plain=mark(
            "The test of {service} failed here. No test helper outside this network tried it, so the cause is unclear."
        ),
    ),
    Rule(
        "quic_undecided",
        "TRUE",
        State.INSUFFICIENT,
        because="No rule covers the result of the QUIC handshake.",
        plain=mark("The test of {service} gave a result that no rule covers. Nothing can be concluded from it."),
    ),
)
