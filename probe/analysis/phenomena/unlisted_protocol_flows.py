"""Define the random bytes to neutral hosts that get no answer, as where a network passes only listed protocols."""

from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.expressions import is_local
from probe.analysis.sql.link_counts import count
from probe.analysis.sql.linked_roles import followed
from probe.messages import mark

_SENT = followed(
    "random",
    "f.port = s.endpoint_port",
    "random_bytes_neutral_host",
    "s.unlisted",
    "f.random_attempts > 0",
    "f.family = s.address_family",
    f"NOT {is_local('f.random_failure')}",
    decides=True,
)
RANDOM = "role = 'random' AND at_working"


@dataclass
class RandomByteColumns:
    """Count random bytes to neutral hosts at the same port."""

    random_silent: int = column(
        0,
        "Random bytes to neutral hosts at the same port that got no answer.",
        count(RANDOM, "random_failure_kind = 'timeout'", "NOT in_residual"),
    )
    random_answered: int = column(
        0,
        "Random bytes to neutral hosts at the same port that got an answer or an end.",
        count(RANDOM, "random_failure_kind <> 'timeout'"),
    )


UNLISTED_PROTOCOLS_FAIL = Rule(
    "payload_unlisted_protocols_fail",
    "payload_successes = 0 AND payload_attempts >= 2 AND control_successes > 0 AND payload_timeouts >= 2 AND "
    "random_silent > 0 AND random_answered = 0 AND NOT line_lossy",
    State.BLOCKED,
    mechanism="protocol.drop",
    because=(
        "The service's own protocol and random bytes to a neutral host get no answer, while that host answers TLS "
        "and the test helper succeeds. Only listed protocols may pass."
    ),
    plain=mark(
        "Connections of {service} get no answer, and neither do connections of an unknown kind to an unrelated "
        "server. This network lets only listed kinds pass. Access to {service} is blocked."
    ),
)

RANDOM_BYTES = Phenomenon(
    "random_bytes",
    "Protocols outside an allowlist get no answer.",
    roles=(_SENT,),
    address=RowPart(RandomByteColumns),
    mechanisms={"protocol.drop": "Protocols outside an allowlist get no answer."},
    app_words={"protocol.drop": mark("Packets disappear.")},
)
