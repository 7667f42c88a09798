"""Define the rules about handshakes that fail beside other connections to the same network, and pass alone.

Each server had fewer connections than the network, so that no limit of one server is at fault. A server at its limit
acknowledges the hello. A limit of all servers holds for the control too, whose handshakes pass side by side.
"""

from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_NOT_AT_NEUTRAL_HOST = "NOT (neutral_proven AND neutral_resets + neutral_timeouts + neutral_closes > 0)"
_NOT_AT_ADDRESS = "NOT (innocuous_failed > 0 AND crowd_answers_later > 0)"
"""The address does not fail with any name while other addresses of its network answer."""

PASSES_ALONE = (
    Rule(
        "tls_policed_side_by_side",
        "tls_successes > 0 AND alone_successes = tls_successes AND crowded_silent + crowded_forged_resets >= 2 "
        "AND crowded_failures = tls_attempts - tls_successes AND crowd_answers > 0 AND control_crowd > 0 "
        "AND NOT line_lossy AND (resets_needed = 0 OR crowded_silent >= 2)",
        State.DEGRADED,
        mechanism="tls.policing",
        because=(
            "Hellos beside three or more connections to the same network are cut off. After a pause one alone is "
            "answered. Those of the test helper pass side by side."
        ),
        plain=mark(
            "Several connections to the servers of {service} at the same time are cut off in this network. One alone "
            "gets through. Apps open several, so {service} works badly."
        ),
    ),
)

NOT_REPEATED_ALONE = (
    Rule(
        "tls_fails_side_by_side",
        "tls_successes = 0 AND crowded_failures > 0 AND crowded_failures = tls_attempts "
        "AND (crowd_answers > 0 OR limit_failures = tls_attempts) "
        f"AND alone_failures = 0 AND control_tls_successes > 0 AND {_NOT_AT_NEUTRAL_HOST} "
        f"AND {_NOT_AT_ADDRESS}",
        State.IMPAIRED,
        because=(
            "Handshakes failed beside three or more connections to the same network, while others passed there. Or the "
            "server received them and gave no answer, beside three or more connections of the run. None was repeated "
            "alone, so the number of connections may be the cause."
        ),
        plain=mark(
            "The test of {service} failed while this program had other connections to the same servers open. It was "
            "not repeated alone. Run the test again, for {service} alone."
        ),
    ),
)
