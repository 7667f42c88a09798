"""Define the names that a filter of the user's own side answers: of the home network, or a resolver that filters.

A filter gives the same false answer for names of advertising, or for the names that its operator publishes for tests,
or the documented address of its operator's block page. A censor's resolver has no reason to. A home router that only
forwards to a censor's resolver gives true answers for these names.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import CausePlace, Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.expressions import quoted, same
from probe.analysis.sql.link_counts import or_zero
from probe.analysis.sql.statement import Statement
from probe.messages import mark
from probe.signatures.filter_answers import ENOUGH, FILTERED, MADE_UP, SHORT_TTL

OWN_QUERY = "q.origin = 'probe' AND q.at_system AND q.engine = 'udp' AND q.followup = ''"

_SAME_ANSWER = (
    "c.form = g.form AND (g.form <> 'address' OR c.address_set = g.address_set)"
    f" AND (g.form NOT IN {quoted(sorted(MADE_UP))} OR c.record_ttl = g.record_ttl"
    f" OR (c.record_ttl BETWEEN 0 AND {SHORT_TTL} AND g.record_ttl BETWEEN 0 AND {SHORT_TTL}))"
    " AND (c.authoritative = g.authoritative OR c.kind = 'page')"
)
"""The same device wrote both answers, as far as it shows. A home router passes on what a censor's resolver wrote."""

FILTERED_ALIKE = Statement(
    "filtered_alike",
    "How many control names got the same false answer as a name, in a query of our own to the same resolver.",
    ("m", "name"),
    "SELECT q.m, q.hostname AS name, max(c.resolver) AS resolver, max(CASE WHEN c.far THEN 1 ELSE 0 END) AS far,"
    " count(DISTINCT CASE WHEN c.kind = 'advertisement' THEN c.name END) AS advertisements,"
    " count(DISTINCT CASE WHEN c.kind = 'test' THEN c.name END) AS tests,"
    " count(DISTINCT CASE WHEN c.kind = 'page' THEN c.name END) AS pages"
    f" FROM dns_query q JOIN name_message g ON {same('q', 'g', 'm', 'n', 'q')} AND g.d = 1"
    f" JOIN filter_control c ON c.m = q.m AND {_SAME_ANSWER}"
    f" WHERE {OWN_QUERY} AND (g.forged OR g.form = 'refused') AND g.form IN {quoted((*sorted(FILTERED), 'address'))}"
    " GROUP BY q.m, q.hostname",
)


@dataclass
class NameFilterColumns:
    """Count the control names that the system resolver filters in the same way as a name."""

    dns_filter_place: str = column(
        "",
        "Where the resolver is that filters control names like this one: listed, public, this_computer, "
        "local_network, elsewhere. Empty without such names.",
        "COALESCE(u.resolver, '')",
    )
    dns_filter_far: bool = column(
        False, "Its answers for control names passed two routers or more.", "COALESCE(u.far = 1, FALSE)"
    )
    dns_filtered_advertisements: int = column(
        0, "Names of advertising that got the same false answer as this name.", or_zero("u.advertisements")
    )
    dns_filtered_tests: int = column(
        0, "Names for tests of a listed filter that got the same false answer as this name.", or_zero("u.tests")
    )
    dns_filtered_pages: int = column(
        0,
        "Addresses of block pages that operators of filters document, as the answer for this name.",
        or_zero("u.pages"),
    )
    dns_resolver_place: str = column(
        "",
        "Where the resolver in use is, known or not to filter: listed, public, this_computer, local_network, elsewhere."
        " Empty if no name got a false answer.",
        "COALESCE(g.resolver_place, '')",
    )
    dns_assigned_place: str = column(
        "",
        "Where the resolver is that the network assigned. Empty if it is in use, or unknown.",
        "COALESCE(g.assigned_place, '')",
    )
    dns_assigned_genuine: int = column(
        0,
        "True answers of the resolver that the network assigned, where the computer asks another one.",
        or_zero("f.assigned_genuine"),
    )
    dns_assigned_forged: int = column(
        0,
        "Denials and impossible addresses from the resolver that the network assigned, where the computer asks another "
        "one. An unverified address may be the server next to that resolver.",
        or_zero("f.assigned_forged"),
    )


NOTHING_ELSE_FALSE = (
    "dns_genuine = 0 AND (dns_answers > 0 OR dns_failure_kind <> '')"
    " AND dns_public_forged + dns_dark_forged + dns_forged_first + dns_forged_late = 0 AND NOT dns_intercepted"
)
SYSTEM_ALONE = f"{NOTHING_ELSE_FALSE} AND dns_public_genuine > 0 AND dns_assigned_forged = 0"
"""The system resolver gives a false answer, and public resolvers that are asked in the clear give the true one. So does
the resolver that the network assigned, if it was asked and answered."""

_OF_PROVIDER = "dns_assigned_place = 'elsewhere' OR dns_assigned_place = 'public'"
"""The assigned resolver is neither in the user's network nor a listed filter. Its false answers are not the user's."""

_ADVERTISEMENTS = f"dns_filtered_advertisements >= {ENOUGH}"
_PLACES = (
    (
        "name_filtered_in_home_network",
        CausePlace.HOME_NETWORK,
        f"dns_filter_place = 'local_network' AND NOT dns_filter_far AND {_ADVERTISEMENTS}",
        "The resolver in the local network gives the same false answer for names of advertising. Public resolvers that "
        "are asked in the clear give the true one.",
        mark(
            "A filter in the network that you use, such as an ad blocker in the router, gives a false answer for "
            "{host}. This says nothing about your provider. Allow {host} in the settings of the filter, then run the "
            "test again."
        ),
    ),
    (
        "name_filtered_on_computer",
        CausePlace.THIS_COMPUTER,
        f"dns_filter_place = 'this_computer' AND {_ADVERTISEMENTS}",
        "A resolver on this computer gives the same false answer for names of advertising. Public resolvers that are "
        "asked in the clear give the true one.",
        mark(
            "A program on your own computer answers name lookups, and gives a false answer for {host} as for names of "
            "advertising. This says nothing about your provider. Allow {host} in the settings of that program or of "
            "the name server that it asks, then run the test again."
        ),
    ),
    (
        "name_filtered_by_chosen_resolver",
        CausePlace.RESOLVER_OF_CHOICE,
        f"dns_filter_place = 'listed' AND (dns_filtered_tests + dns_filtered_pages > 0 OR {_ADVERTISEMENTS})",
        "The system asks a public resolver that filters names. It gives the same false answer for the names by which "
        "its filter is known, or the documented address of its operator's block page. Other public resolvers that are "
        "asked in the clear give the true one.",
        mark(
            "Your computer asks a public name server that filters names, and this filter gives a false answer for "
            "{host}. This says nothing about your provider. Choose another name server in the settings of the "
            "computer or of the router, then run the test again."
        ),
    ),
)


LocalPlace = tuple[str, CausePlace, str, str, str]
"""Rule id, place, condition of the place, `because` and `plain` of a rule about the user's own side."""


def local_rules(places: Iterable[LocalPlace], condition: str) -> Iterator[Rule]:
    """Yield the rule of each place, under a common condition."""
    for name, place, of_place, because, plain in places:
        yield Rule(
            name,
            f"{condition} AND {of_place}",
            State.FILTERED_LOCALLY,
            cause_place=place,
            because=because,
            plain=plain,
        )


_ALIKE = " OR ".join(f"({condition})" for _, _, condition, _, _ in _PLACES)
_UNCLEAR = (
    (
        "name_filtered_at_both_resolvers",
        f"({_ALIKE}) AND dns_assigned_forged > 0 AND NOT ({_OF_PROVIDER})",
        "The system resolver gives the same false answer for the names by which a filter is known. The resolver "
        "that the network assigned gives a false answer too, and may be a filter in the home network.",
        mark(
            "Two name servers give a false answer for {host}: the one that this computer asks, and the one in the "
            "network that you use. Filters of your own may do so. Nothing shows what your provider does. Allow {host} "
            "in these filters, or choose other name servers, then run the test again."
        ),
    ),
    (
        "name_filtered_like_advertising",
        f"({_ALIKE}) AND dns_assigned_forged = 0",
        "The system resolver gives the same false answer for the names by which a filter is known. No public "
        "resolver gave the true answer in the clear, so that it is not known who else gives a false one.",
        mark(
            "Your name server gives a false answer for {host}, and the same one for names of advertising or of tests "
            "of filters. It may be a filter of your own. Nothing shows what the network itself does. Allow {host} in "
            "the filter, or choose another name server, then run the test again."
        ),
    ),
    (
        "name_gets_block_page_of_filter",
        "dns_filtered_pages > 0"
        " AND (dns_filter_place = 'local_network' OR dns_filter_place = 'this_computer')"
        f" AND NOT (dns_assigned_forged > 0 AND ({_OF_PROVIDER}))",
        "The resolver in the local network or on this computer gives the address that the operator of a public "
        "filter documents as that of its block page. A router that asks this filter passes it on.",
        mark(
            "The name server of your router or computer gives the address of the block page of a public filter, such "
            "as one for families, in place of {host}. This filter may have been chosen in the settings there. Nothing "
            "shows what your provider does. Choose another name server, then run the test again."
        ),
    ),
)
"""Id, condition, `because` and `plain` of the rules about a filter of which nothing shows whose it is."""


def _rules() -> Iterator[Rule]:
    yield from local_rules(_PLACES, SYSTEM_ALONE)
    for name, condition, because, plain in _UNCLEAR:
        yield Rule(name, f"{NOTHING_ELSE_FALSE} AND {condition}", State.IMPAIRED, because=because, plain=plain)


NAME_FILTER_RULES = tuple(_rules())

NAME_FILTERS = Phenomenon(
    "name_filters",
    "A filter of the user's own side gives false answers about names.",
    name_part=RowPart(NameFilterColumns, {"u": "filtered_alike"}, (FILTERED_ALIKE,)),
)
