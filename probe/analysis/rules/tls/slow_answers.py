"""Define the rule about TLS handshakes that time out beside slow answers to the same name.

Connections that share a limited rate get few bytes, and some get none. A device that drops hellos with the name passes
no answer to it.
"""

from probe.analysis.rules.http.slow_answers import TOO_SLOWLY
from probe.analysis.rules.rule import Rule, State

SILENT_BESIDE_SLOW_ANSWERS = (
    Rule(
        "tls_times_out_beside_slow_answers",
        "tls_successes = 0 AND tls_timeouts > 0 AND tls_resets + tls_closes = 0"
        " AND answers_arriving + name_answers_arriving > 0"
        " AND (control_tls_attempts = 0 OR control_tls_successes > 0)",
        State.IMPAIRED,
        because=(
            "The handshake times out. Bytes of answers on connections with the same name still arrive when their time "
            "limit is reached, so that the name is not dropped."
        ),
        plain=TOO_SLOWLY,
    ),
)
