"""Define the rules about answers that arrive too slowly for the time limit.

A device that drops a request or its answer passes no bytes. So a slow answer is no timeout that a device causes.
Connections that share a limited rate get few bytes, and some get none.
"""

from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_TOO_SLOWLY = mark(
    "{service} answers, but so slowly that its answer does not arrive in time. The cause is unclear: the server, a "
    "part of the way to it, or this network."
)

SLOW_ANSWERS = Rule(
    "http_arrives_too_slowly",
    "http_successes = 0 AND http_timeouts > 0 AND http_resets + http_closes = 0"
    " AND answers_arriving + name_answers_arriving > 0 AND (control_attempts = 0 OR control_successes > 0)",
    State.IMPAIRED,
    because="Bytes of the answer still arrive when the time limit is reached. Nothing shows what slows them down.",
    plain=_TOO_SLOWLY,
)

SILENT_BESIDE_SLOW_ANSWERS = Rule(
    "tls_times_out_beside_slow_answers",
    "tls_successes = 0 AND tls_timeouts > 0 AND tls_resets + tls_closes = 0"
    " AND answers_arriving + name_answers_arriving > 0"
    " AND (control_tls_attempts = 0 OR control_tls_successes > 0)",
    State.IMPAIRED,
    because=(
        "The handshake times out. Bytes of answers on connections with the same name still arrive when their time "
        "limit is reached, so that the name is not dropped."
    ),
    plain=_TOO_SLOWLY,
)
