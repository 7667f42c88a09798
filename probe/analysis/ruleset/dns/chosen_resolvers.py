"""Define the rules about names for which the resolver in use alone gives a false answer, not the assigned one.

The resolver in use was set by the user, a program or a company, because the network assigned another one. A network can
also answer in the place of the resolver in use. So these rules hold for no well-known public resolver, which gives true
answers, and for no listed filter, which is known by its tests.
"""

from probe.analysis.phenomena.name_filters import NOTHING_ELSE_FALSE, SYSTEM_ALONE, local_rules
from probe.analysis.phenomena.query_limits import FAILS_FOR_THIS_NAME
from probe.analysis.rules.rule import CausePlace, Rule, State
from probe.analysis.ruleset.dns.dns_conditions import SUSPECT, TRUE_ANSWER, UNVERIFIED
from probe.messages import mark

_DENIED = (
    "(dns_failure_kind = 'nxdomain' OR dns_failure_kind = 'no_answer' OR dns_failure_kind = 'refused')"
    f" AND dns_own_genuine = 0 AND dns_other_names_resolved > 0 AND {FAILS_FOR_THIS_NAME}"
)
_FALSE = f"{TRUE_ANSWER} AND (({UNVERIFIED} AND {SUSPECT}) OR ({_DENIED}))"
_RESOLVER_ALONE = f"{SYSTEM_ALONE} AND dns_assigned_genuine > 0 AND {_FALSE}"
_BECAUSE = (
    " gives a false answer. The resolver that the network assigned gives the true one, and so do public resolvers that "
    "are asked in the clear."
)
_PLACES = (
    (
        "name_false_at_chosen_resolver_alone",
        CausePlace.RESOLVER_OF_CHOICE,
        "(dns_resolver_place = 'elsewhere' OR dns_resolver_place = 'local_network')",
        f"The system asks another resolver than the network assigned, and it{_BECAUSE}",
        mark(
            "Your computer is set to ask another name server than your network assigned to it. This name server gives "
            "a false answer for {host}, and the one of your network gives the real address. So your network does not "
            "block {host} by its name server. Set the name server to automatic, then run the test again."
        ),
    ),
    (
        "name_false_at_own_resolver_alone",
        CausePlace.THIS_COMPUTER,
        "dns_resolver_place = 'this_computer'",
        f"A resolver on this computer{_BECAUSE}",
        mark(
            "A program on your own computer answers name lookups, and gives a false answer for {host}. The name server "
            "of your network gives the real address. So your network does not block {host} by its name server. Allow "
            "{host} in the settings of that program, then run the test again."
        ),
    ),
)


_ANY_PLACE = " OR ".join(condition for _, _, condition, _, _ in _PLACES)

CHOSEN_RESOLVER_RULES = (
    *local_rules(_PLACES, _RESOLVER_ALONE),
    Rule(
        "name_true_at_assigned_resolver",
        f"{NOTHING_ELSE_FALSE} AND dns_assigned_genuine > 0 AND {_FALSE} AND ({_ANY_PLACE})",
        State.IMPAIRED,
        because=(
            "The system asks another resolver than the network assigned, and gets a false answer. The assigned one "
            "gives the true one. No public resolver gave the true answer in the clear, so that it is not known who "
            "else gives a false one."
        ),
        plain=mark(
            "The name server that your computer is set to ask gives a false answer for {host}, and the one of your "
            "network gives the real address. Nothing shows who sends the false answer. Set the name server to "
            "automatic, then run the test again."
        ),
    ),
    Rule(
        "name_not_asked_at_assigned_resolver",
        f"dns_assigned_unasked AND {NOTHING_ELSE_FALSE} AND {_FALSE}",
        State.IMPAIRED,
        because=(
            "The system asks another resolver than the network assigned, and gets a false answer. The run ended before "
            "the assigned one was asked."
        ),
        plain=mark(
            "The name server that your computer is set to ask gives a false answer for {host}. The run was stopped "
            "before the name server of your network was asked. Run the test again, and let it finish."
        ),
    ),
)
