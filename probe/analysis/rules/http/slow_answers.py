"""Define the rule about HTTP answers whose bytes still arrive when the time limit is reached.

A device that drops a request or its answer passes no bytes. So a slow answer is no timeout that a device causes.
"""

from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

TOO_SLOWLY = mark(
    "{service} answers, but so slowly that its answer does not arrive in time. The cause is unclear: the server, a "
    "part of the way to it, or this network."
)

SLOW_ANSWERS = (
    Rule(
        "http_arrives_too_slowly",
        "http_successes = 0 AND http_timeouts > 0 AND http_resets + http_closes = 0"
        " AND answers_arriving + name_answers_arriving > 0 AND (control_attempts = 0 OR control_successes > 0)",
        State.IMPAIRED,
        because="Bytes of the answer still arrive when the time limit is reached. Nothing shows what slows them down.",
        plain=TOO_SLOWLY,
    ),
)
