"""Define the checks that may show another cause than a censor, and what follows if a run ended before they were made.

A run lists the checks that it makes when they are due (`x_run.checks`). If Ctrl-C or a time limit ends it before, such
a cause is not excluded. Once a check was made for some flow of the measurement, all rules read its result. Older runs
list none.
"""

from dataclasses import dataclass
from typing import NamedTuple

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import Kind, Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.statement import Statement
from probe.messages import mark


class Check(NamedTuple):
    """Hold one check: its follow-up, which flows `f` of it are complete, and the cause that it may show.

    `technical` names the check in a technical sentence, `cause` is a clause of the plain one.
    """

    followup: str
    complete: str
    technical: str
    cause: str


CHECKS = {
    "near": Check(
        "near_reaction",
        "f.near_tested",
        "packets with TTL 1 were sent to the address",
        mark("your own computer or router stops the connection"),
    ),
    "sizes": Check(
        "datagram_sizes",
        "f.size_passed + f.size_lost > 0",
        "datagrams of growing size were sent to the helper's echo",
        mark("this network loses long packets"),
    ),
    "repetition": Check(
        "same_name_system_resolver",
        "EXISTS (SELECT 1 FROM lookup l WHERE l.m = f.m AND l.n = f.n)",
        "the lookup was repeated alone",
        mark("the name server limits the number of queries"),
    ),
    "assigned": Check(
        "resolver_assigned",
        "EXISTS (SELECT 1 FROM lookup l WHERE l.m = f.m AND l.n = f.n)",
        "the resolver that the network assigned was asked",
        mark("only the name server that your computer is set to ask gives a false answer"),
    ),
}


def _missing(name: str, check: Check) -> str:
    made = f"count(*) FILTER (WHERE f.followup = '{check.followup}' AND {check.complete})"
    return f"g.checks LIKE '% {check.followup} %' AND {made} = 0 AS {name}"


_MISSING = Statement(
    "missing_check",
    "The checks that the run makes when they are due, and that were made for no flow of the measurement.",
    ("m",),
    f"SELECT g.m, {', '.join(_missing(name, check) for name, check in CHECKS.items())}"
    " FROM measurement g LEFT JOIN flow f ON f.m = g.m AND f.origin = 'probe' GROUP BY g.m, g.checks",
)


def _of_measurement(name: str, row: str) -> str:
    return f"COALESCE((SELECT u.{name} FROM missing_check u WHERE u.m = {row}.m), FALSE)"


@dataclass
class MissingChecks:
    """State which checks of an address were not made although the run makes them."""

    near_untested: bool = column(
        False,
        "No packets with TTL 1 were sent in the measurement. The run sends them when they are due.",
        f"{_of_measurement('near', 's')} AND COALESCE(y.proven, FALSE)",
    )
    sizes_untested: bool = column(
        False,
        "No datagrams of growing size were sent in the measurement. The run sends them when they are due.",
        f"{_of_measurement('sizes', 's')} AND w.echo_offered",
    )


@dataclass
class MissingRepetitions:
    """State whether lookups were not repeated although the run repeats them."""

    dns_unrepeated: bool = column(
        False,
        "No failed lookup of the measurement was repeated alone. The run repeats them when that is due.",
        _of_measurement("repetition", "h"),
    )
    dns_assigned_unasked: bool = column(
        False,
        "The resolver that the network assigned was asked for no name. The run asks it when that is due.",
        _of_measurement("assigned", "h"),
    )


_NOT_MADE = Kind(
    "check_not_made",
    State.IMPAIRED,
    because="The attempts failed, and the run ended before {check}. So another cause is not excluded.",
    plain=mark(
        "The test of {service} failed. The run was stopped before it could find out whether {cause}. Run the test "
        "again, and let it finish."
    ),
)


def _not_made(name: str, when: str, layer: str = "") -> Rule:
    check = CHECKS[name]
    return _NOT_MADE.rule(when, layer=layer, because={"check": check.technical}, plain={"cause": check.cause})


_SILENT_AT_ONCE = (
    "(tcp_attempts >= 2 AND tcp_successes = 0"
    " OR by_datagram AND payload_answered + payload_unreadable + quic_certificates = 0)"
)
_NO_ARTEFACT = (
    "neutral_resets + neutral_timeouts + neutral_closes + twin_passed = 0"
    " AND NOT (same_silent + same_swapped > 0 AND other_echoed > 0)"
)

NEAR_UNTESTED = _not_made(
    "near",
    "near_untested AND address_proven AND successes + flows_passed + dtls_firefox_passed + dtls_newer_passed = 0"
    " AND (attempts - local_faults >= 2 OR quic_attempts > 0 AND NOT interrupted)"
    f" AND {_SILENT_AT_ONCE} AND {_NO_ARTEFACT} AND control_successes > 0",
)
"""No packet to the address passed, and nothing else shows a censor.

A name that fails at a neutral host does, and so does a datagram that is lost on the way to the echo beside another one.
"""


def sizes_untested(layer: str) -> Rule:
    """Return the rule about a protocol over UDP whose datagrams may be too long."""
    things, least = ("quic", 1) if layer == "quic" else ("payload", 2)
    return _not_made(
        "sizes",
        f"sizes_untested AND by_datagram AND {things}_successes = 0 AND {things}_timeouts >= {least}"
        f" AND {_NO_ARTEFACT} AND control_successes > 0",
        layer,
    )


def lookup_unrepeated(when: str) -> Rule:
    """Return the rule about a lookup that failed once. `when` is the condition of the failure."""
    return _not_made("repetition", f"dns_unrepeated AND {when}", "dns")


MISSING_CHECKS = Phenomenon(
    "missing_checks",
    "The run ended before it made a check that may show another cause.",
    name_part=RowPart(MissingRepetitions, {}, (_MISSING,)),
    address=RowPart(MissingChecks),
)
