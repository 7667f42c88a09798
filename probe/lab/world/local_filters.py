"""Make what the user's own side answers for names: the computer's hosts file, and the filter of the home router."""

import random
from collections.abc import Iterable

from probe.lab.censors.dns_censors import FOREIGN, FOREIGN_V6, DNSInjection
from probe.lab.scenario.faults import HomeFilter, HostsFile, Placed
from probe.lab.scenario.scenario import Scenario
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import PROVIDERS_RESOLVER
from probe.lab.world.server_faults import applies_to

FALSE_ADDRESSES = {
    "null": ("0.0.0.0", "::"),  # text of answers, no address to listen at  # nosec B104
    "loopback": ("127.0.0.1", "::1"),
    "other": (FOREIGN[0], FOREIGN_V6[1]),
    "page": ("192.168.1.2", "fd00:192:168:1::2"),
    "foreign_page": ("146.112.61.106", "::ffff:146.112.61.106"),  # OpenDNS's, see targets/filters.toml
}
"""False addresses by kind, one of each family."""

HOSTS_FILE_KINDS = ("null", "loopback", "other")
FILTER_KINDS = ("null", "loopback", "page", "nxdomain", "refused", "no_answer")


def hosts_file_lines(world: World, scenario: Scenario, seed: int) -> str:
    """Return what the faults add to the hosts file of the user's computer."""
    lines = []
    for fault in scenario.faults:
        if isinstance(fault, HostsFile):
            kind = fault.address if fault.address != "drawn" else _drawn(HOSTS_FILE_KINDS, "hosts", seed)
            addresses = FALSE_ADDRESSES[kind][: 1 + fault.both_families]
            lines += [f"{address}\t{name}\n" for name in _names(world, fault) for address in addresses]
    return "".join(lines)


def home_filter(fault: HomeFilter, world: World, seed: int) -> DNSInjection:
    """Return the home router's own resolver, which answers for some names and forwards the other queries."""
    kind = fault.answer if fault.answer != "drawn" else _drawn(FILTER_KINDS, "filter", seed)
    names = [*_names(world, fault), *(world.advertisements if fault.advertisements else ())]
    return DNSInjection(
        hop=1,
        on_path=False,
        asked=[PROVIDERS_RESOLVER],
        names=names,
        answers=list(FALSE_ADDRESSES.get(kind, ())),
        rcode=kind if kind in {"nxdomain", "refused"} else "noerror",  # type: ignore[arg-type]
        ttl=64,
        record_ttl=2,
    )


def _names(world: World, fault: Placed) -> list[str]:
    return [name for host in world.hosts if applies_to(host, fault) for name in host.names]


def _drawn(kinds: Iterable[str], what: str, seed: int) -> str:
    return random.Random(f"{what} {seed}").choice([*kinds])
