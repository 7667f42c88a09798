"""Define the nettests, one file each, and find them by name. README.md holds their specification pages."""

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
    """Split a target into the parts that get a measurement each.

    OONI's nettest may measure one input per measurement. Then each service is a part. A service is in one part only.
    """
    return [target.only([role]) for role in target.services] if NETTESTS[target.nettest].per_service else [target]
