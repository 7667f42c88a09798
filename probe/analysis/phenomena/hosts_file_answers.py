"""Define the names for which the user's own hosts file gives a false address, so that no resolver was asked for it."""

from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import CausePlace, Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.link_counts import or_zero
from probe.messages import mark


@dataclass
class HostsFileColumns:
    """Count the system's answers that stand in the hosts file, and forged answers to our own queries."""

    dns_in_hosts_file: int = column(
        0,
        "Answers of the system's library whose addresses stand in the hosts file of the user's computer.",
        or_zero("l.in_hosts_file"),
    )
    dns_own_forged: int = column(
        0,
        "Queries of our own to the system resolver that got an answer without a verified address.",
        or_zero("f.system_forged"),
    )


# A hosts file hides what the network does with the name. So the rule asks that no answer from the network is false.
_NETWORK_IS_TRUE = "dns_own_forged + dns_forged_first + dns_public_forged + dns_dark_forged = 0"

HOSTS_FILE_RULE = Rule(
    "name_in_hosts_file",
    "dns_in_hosts_file > 0 AND dns_answers > 0 AND dns_genuine = 0"
    " AND (dns_proven_here + dns_proven_authenticated + dns_authenticated + dns_from_control > 0)"
    f" AND {_NETWORK_IS_TRUE}",
    State.FILTERED_LOCALLY,
    cause_place=CausePlace.THIS_COMPUTER,
    because=(
        "The hosts file of this computer gives an address that no other source confirms. No answer from the network "
        "was false."
    ),
    plain=mark(
        "The hosts file of your own computer gives a false address for {host}. This says nothing about your provider. "
        "Remove the line with {host} from the hosts file, then run the test again."
    ),
)

HOSTS_FILE = Phenomenon(
    "hosts_file",
    "The hosts file of the user's computer gives a false address.",
    name_part=RowPart(HostsFileColumns),
)
