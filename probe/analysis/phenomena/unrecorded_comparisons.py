"""Define the comparison of lookups that earlier versions of our probe did not make, and the evidence in its place.

Our probe looks up an innocuous name at the same resolver beside a lookup that fails. A resolver without uplink fails
for both names. Measurements of earlier versions lack this lookup. They have the answer of the resolver in the
preflight, and the answers of other resolvers for the same name. If these show that the resolver and the line worked,
the rules decide as they do after a comparison. Otherwise the verdict says what is missing.
"""

from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.expressions import same
from probe.analysis.sql.statement import Statement
from probe.messages import mark
from probe.signatures.evidence_age import RESOLVER_WORKS

_INNOCUOUS = "innocuous_name_system_resolver"  # the follow-up that earlier versions did not have
_COMPARED = Statement(
    "compared_lookups",
    "Measurements in which an innocuous name was looked up at the system resolver beside a lookup that failed.",
    ("m",),
    f"SELECT DISTINCT m FROM dns_query WHERE followup = '{_INNOCUOUS}'",
)
_NEAR = f"s.t0 - {RESOLVER_WORKS.seconds} <= q.t0 AND q.t0 <= s.t + {RESOLVER_WORKS.seconds}"
_WORKED = Statement(
    "line_worked",
    "Names for which a true answer came from beyond the system resolver near in time to its lookups: from an encrypted"
    " resolver, from a public one, or after a forged answer to the same query. So the line worked then.",
    ("m", "name"),
    "SELECT DISTINCT s.m, s.name FROM system_span s JOIN dns_query q ON q.m = s.m AND q.hostname = s.name"
    f" LEFT JOIN raced_query r ON {same('q', 'r', 'm', 'n', 'q')} WHERE q.origin = 'probe' AND {_NEAR}"
    " AND (q.encrypted AND q.answered OR r.forged_first OR r.genuine AND NOT r.at_system AND NOT r.at_assigned)",
)
_UNRECORDED = (
    "g.checks = '' AND NOT g.is_foreign AND NOT g.captured"
    " AND NOT EXISTS (SELECT 1 FROM compared_lookups u WHERE u.m = h.m)"
)


@dataclass
class UnrecordedComparisons:
    """State whether the comparison is missing because of the probe's version, and what stands in its place."""

    dns_comparison_unrecorded: bool = column(
        False,
        "An earlier version of our probe made the measurement. It looked up no innocuous name beside this one.",
        f"COALESCE({_UNRECORDED}, FALSE)",
    )
    dns_resolver_worked_before: bool = column(
        False,
        "The same, and the system resolver answered in the preflight, and other resolvers answered for this name then.",
        f"COALESCE({_UNRECORDED} AND g.resolver_answered AND COALESCE(p.timely, TRUE) AND y.m IS NOT NULL, FALSE)",
    )


_PLAIN = mark(
    "The name lookup for {host} gave no usable address. An earlier version of this program made this measurement, and "
    "did not check whether the name server gave addresses of other names then. So the cause is unclear. Run the test "
    "again."
)


def denial_unrecorded(when: str) -> Rule:
    """Return the rule about a denied name or a private address. `when` is the condition without a comparison."""
    return Rule(
        "name_comparison_unrecorded",
        f"dns_comparison_unrecorded AND {when}",
        State.IMPAIRED,
        because=(
            "The system resolver denied the name, or gave a private address. The version of our probe that made this "
            "measurement looked up no innocuous name beside it. So a resolver without uplink is not excluded. Earlier "
            "rules accused without this comparison."
        ),
        plain=_PLAIN,
    )


def failure_unrecorded(when: str) -> Rule:
    """Return the rule about a resolver that fails for the name. `when` is the condition of the failure."""
    return Rule(
        "dns_comparison_unrecorded",
        f"dns_comparison_unrecorded AND dns_other_names_resolved = 0 AND {when}",
        State.IMPAIRED,
        because=(
            "The system resolver fails for this name, and the true answer is proven. The version of our probe that "
            "made this measurement looked up no innocuous name beside it. So an outage of the resolver is not "
            "excluded. Earlier rules accused without this comparison."
        ),
        plain=_PLAIN,
    )


UNRECORDED_COMPARISONS = Phenomenon(
    "unrecorded_comparisons",
    "An earlier version of our probe did not compare a lookup that failed.",
    name_part=RowPart(UnrecordedComparisons, {"y": "line_worked"}, (_COMPARED, _WORKED)),
)
