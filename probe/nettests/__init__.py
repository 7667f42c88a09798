"""The measuring methods, one file each, their pages in README.md, and the table that finds them by name."""

from probe.nettests import (
    dnscheck,
    endpoint_reachability,
    facebook_messenger,
    mail_reachability,
    signal,
    sip_reachability,
    stunreachability,
    telegram,
    web_connectivity,
    whatsapp,
)
from probe.nettests.nettest import Nettest
from probe.targets.target import Target

NETTESTS: dict[str, Nettest] = {
    module.NETTEST.name: module.NETTEST
    for module in (
        dnscheck,
        endpoint_reachability,
        facebook_messenger,
        mail_reachability,
        signal,
        sip_reachability,
        stunreachability,
        telegram,
        web_connectivity,
        whatsapp,
    )
}


def lines_of(target: Target) -> list[Target]:
    """The target in the parts that get a line each: one per service where OONI's nettest measures one input a line.

    A service stands in one line only, so that a run says one thing of it, and the record names the line.
    """
    return [target.only([role]) for role in target.services] if NETTESTS[target.nettest].per_service else [target]
