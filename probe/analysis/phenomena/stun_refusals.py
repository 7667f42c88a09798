"""Define the errors of STUN and TURN that another device than the server sent."""

from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import CausePlace, Kind, Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.link_counts import TARGET, count
from probe.messages import mark


@dataclass
class STUNRefusalColumns:
    """Count the errors of STUN and TURN that prove no server."""

    stun_refusals: int = column(
        0,
        "Requests of STUN or TURN that got an error that proves no server.",
        count(TARGET, "payload_tested", "stun_refused"),
    )
    stun_contradicted: int = column(
        0,
        "Such requests, sent once, that then got an answer that proves the server.",
        count(TARGET, "payload_tested", "stun_contradicted"),
    )


_ONLY_HERE = "stun_refusals >= 2 AND stun_refusals = payload_attempts AND control_successes > 0"
_AT_ECHO = "same_answered > 0 AND other_echoed > 0 AND other_changed = 0"
"""The copy of the request to the helper's echo is answered by an error too. The helper speaks no STUN there."""

_CONTRADICTED = Kind(
    "call_refusal_contradicted",
    State.BLOCKED,
    because=(
        "The {protocol} request is answered by an error here, twice, and then by the server: two devices answered one "
        "request. The test helper gets the server's answer."
    ),
    plain=mark(
        "A device in this network refuses calls ({protocol}) in the name of {host}. The server's own answer arrives "
        "later. Access to {service} is blocked."
    ),
)
_REFUSED_AT_ECHO = Kind(
    "call_refused_at_echo_too",
    State.BLOCKED,
    because=(
        "The {protocol} request is answered by an error here, twice, and also on the way to the helper's echo. A "
        "random datagram returns unchanged, and the test helper gets the server's answer."
    ),
    plain=mark(
        "A device in this network refuses calls ({protocol}) in the name of {host}, and even calls to an unrelated "
        "server. Other packets pass. Access to {service} is blocked."
    ),
)
_BY_SERVICE = Kind(
    "call_service_refuses_here",
    State.IMPAIRED,
    cause_place=CausePlace.SERVICE,
    because=(
        "The {protocol} request is answered by an error here, twice, inside TLS, where only the server can answer. The "
        "test helper gets the answer of a server that works."
    ),
    plain=mark(
        "{service} itself refuses calls from here, and not from a test helper outside this network. It may refuse "
        "your country or your network. This is no interference on the way."
    ),
)


def stun_refusals(layer: str) -> tuple[Rule, ...]:
    """Return the rules about errors of a protocol: `stun` or `turn`."""
    words = {"protocol": layer.upper()}
    return (
        _CONTRADICTED.rule(
            f"NOT payload_sealed AND stun_contradicted > 0 AND {_ONLY_HERE}",
            layer=layer,
            mechanism=f"{layer}.injection",
            because=words,
            plain=words,
        ),
        _REFUSED_AT_ECHO.rule(
            f"by_datagram AND {_AT_ECHO} AND {_ONLY_HERE}",
            layer=layer,
            mechanism=f"{layer}.injection",
            because=words,
            plain=words,
        ),
        _BY_SERVICE.rule(f"payload_sealed AND {_ONLY_HERE}", layer=layer, because=words),
    )


STUN_REFUSALS = Phenomenon(
    "stun_refusals",
    "A device on the path answers STUN or TURN by an error in the server's name.",
    address=RowPart(STUNRefusalColumns),
    mechanisms={
        f"{layer}.injection": f"A device on the path answers {layer.upper()} by an error in the server's name."
        for layer in ("stun", "turn")
    },
    app_words={f"{layer}.injection": mark("Calls get false answers.") for layer in ("stun", "turn")},
)
