"""Define the rules about TCP connections."""

from probe.analysis.rules.resets.connection_rates import TCP_SOON_AFTER_ANOTHER
from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_TWICE = "tcp_successes = 0 AND tcp_attempts >= 2 AND control_tcp_successes > 0"

TCP_RULES = (
    Rule(
        "tcp_connects",
        "tcp_successes > 0",
        State.OK,
        because="The connection is made.",
        plain=mark("A connection to {host} can be opened."),
    ),
    Rule(
        "tcp_local_fault",
        "local_faults > 0 AND tcp_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted, or this computer failed, before the connection was tried.",
        plain=mark(
            "{service} was not tested, because this computer was too busy or the run was stopped. Run the test again."
        ),
    ),
    Rule(
        "tcp_not_reached",
        "tcp_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because=(
            "The measurement did not get as far as the connection, because an earlier step failed or it was not "
            "requested."
        ),
        plain=mark("The test of {service} ended before its last step. Nothing can be concluded from it."),
    ),
    Rule(
        "tcp_interrupted",
        "interrupted AND tcp_attempts < 2",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted before a failure of the connection could be confirmed.",
        plain=mark("The run was stopped before a failed test of {service} could be repeated. Run the test again."),
    ),
    Rule(
        "tcp_fails_everywhere",
        "tcp_successes = 0 AND control_tcp_attempts > 0 AND control_tcp_successes = 0",
        State.DOWN,
        because="The connection fails here, and fails from the test helper too.",
        plain=mark(
            "The test of {service} failed here, and it failed from a test helper outside this network too. There is no "
            "sign of blocking."
        ),
    ),
    TCP_SOON_AFTER_ANOTHER,
    Rule(
        "tcp_timeout_here",
        f"{_TWICE} AND tcp_timeouts >= 2 AND neutral_unreachable = 0",
        State.LIKELY_BLOCKED,
        mechanism="tcp.timeout",
        because="The address does not answer here, twice, and the test helper connects to the endpoint.",
        plain=mark(
            "No connection to {host} can be opened: there is no answer. A test helper outside this network reaches the "
            "server. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "tcp_refused_here",
        f"{_TWICE} AND tcp_refusals >= 2 AND neutral_unreachable = 0",
        State.LIKELY_BLOCKED,
        mechanism="tcp.refused",
        because="The address refuses the connection here, twice, and the test helper connects to the endpoint.",
        plain=mark(
            "No connection to {host} can be opened: it is refused. A test helper outside this network reaches the "
            "server. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "tcp_reset_here",
        f"{_TWICE} AND tcp_resets >= 2 AND neutral_unreachable = 0",
        State.LIKELY_BLOCKED,
        mechanism="tcp.reset",
        because="The connection is reset here while it is opened, twice, and the test helper connects to the endpoint.",
        plain=mark(
            "No connection to {host} can be opened: it is cut off at once. A test helper outside this network reaches "
            "the server. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "tcp_unreachable_here",
        f"{_TWICE} AND tcp_unreachables >= 2 AND neutral_unreachable = 0",
        State.LIKELY_BLOCKED,
        mechanism="ip.unreachable",
        because="The address is reported unreachable here, twice, and the test helper connects to the endpoint.",
        plain=mark(
            "No connection to {host} can be opened: this network says that it cannot be reached. A test helper outside "
            "this network reaches the server. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "tcp_fails_here",
        f"{_TWICE} AND neutral_unreachable = 0 AND tcp_timeouts + tcp_refusals + tcp_resets + tcp_unreachables > 0",
        State.LIKELY_BLOCKED,
        mechanism="tcp",
        because="The connection fails here in different ways, and the test helper connects to the endpoint.",
        plain=mark(
            "No connection to {host} can be opened, and it fails in different ways. A test helper outside this network "
            "reaches the server. Access to {service} is probably blocked."
        ),
    ),
    Rule(
        "tcp_unconfirmed",
        "tcp_failure IS NOT NULL AND control_tcp_successes > 0",
        State.IMPAIRED,
        because=(
            "The connection failed here and not at the test helper, but not often or not uniformly enough to conclude "
            "more."
        ),
        plain=mark(
            "The test of {service} failed here and not from a test helper outside this network. The failures are too "
            "few or too different to name a cause. Run the test again."
        ),
    ),
    Rule(
        "tcp_no_control",
        "tcp_failure IS NOT NULL",
        State.IMPAIRED,
        because="The connection fails here, and no test helper tried the same endpoint.",
        plain=mark(
            "The test of {service} failed here. No test helper outside this network tried it, so the cause is unclear."
        ),
    ),
    Rule(
        "tcp_undecided",
        "TRUE",
        State.INSUFFICIENT,
        because="No rule covers the result of the connection.",
        plain=mark("The test of {service} gave a result that no rule covers. Nothing can be concluded from it."),
    ),
)
