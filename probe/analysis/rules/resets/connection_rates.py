"""Define the rules about failures that a server's limit of connections in some seconds explains.

Such a server cuts off a connection only soon after one that it answered, with any name. It answers none as soon. If a
middlebox blocks the name, the name fails alone after a rest too, or another name passes as soon.
"""

from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_MAY_BE_LIMIT = "hurried_failures > 0"
_PLAIN = mark(
    "The test of {service} failed soon after another connection to the same server. Some servers allow few connections "
    "in a short time. Run the test again."
)

TLS_SOON_AFTER_ANOTHER = Rule(
    "tls_fails_soon_after_another",
    "tls_successes = 0 AND tls_resets + tls_closes > 0 AND tls_timeouts + tls_certificates = 0 "
    "AND neutral_resets + neutral_timeouts + neutral_closes = 0 "
    f"AND NOT (control_tls_attempts > 0 AND control_tls_successes = 0) AND {_MAY_BE_LIMIT}",
    State.IMPAIRED,
    because=(
        "The handshakes failed soon after another connection to the address was answered, and none was answered as "
        "soon. A server that limits connections in a time does that."
    ),
    plain=_PLAIN,
)

TCP_SOON_AFTER_ANOTHER = Rule(
    "tcp_fails_soon_after_another",
    "tcp_successes = 0 AND tcp_refusals + tcp_resets > 0 AND tcp_timeouts + tcp_unreachables = 0 "
    f"AND control_tcp_successes > 0 AND {_MAY_BE_LIMIT}",
    State.IMPAIRED,
    because=(
        "The connections were refused soon after another connection to the address was answered, and none was "
        "accepted as soon. A server that limits connections in a time does that."
    ),
    plain=_PLAIN,
)
