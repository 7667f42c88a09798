"""Determine country, network and platform of the vantage point offline. Our address stays in memory."""

import json
import os
import platform
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from probe.asn.table import UNKNOWN, AsnLookup, Network, default_table
from probe.files import read_regular
from probe.platforms.configured_resolvers import system_resolvers
from probe.platforms.interfaces import MODEMS, interface_of, is_tunnel, is_wireless, network_names
from probe.platforms.own_addresses import gateways, hardware_addresses, interface_addresses, source_addresses
from probe.platforms.processes import account
from probe.platforms.systems import platform_name
from probe.privacy.redact import KnownIdentifiers
from probe.session.session import Session
from probe.targets.target import is_address

ANNOTATIONS = Path("/run/censorprobe/annotations.json")  # annotations that the machine's owner wants in every record
LARGEST_ANNOTATIONS = 16 * 1024  # bytes
ENGINE_NAME = "censorprobe"
ENGINE_VERSION = "3.17.2"  # of OONI's engine whose formats we write. OONI's pipeline doubts records below this version.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv8l": "arm64", "i386": "386", "i686": "386"}
NOT_KNOWN = (
    "Your network is not known: lines say AS0 and ZZ, which OONI would not take. "
    "If you know better, give --cc and --asn, or name a helper with --control."
)


@dataclass(frozen=True)
class Vantage:
    """Hold the vantage point as written in every record. `known` must never be written and never leaves memory."""

    probe_cc: str = "ZZ"
    probe_asn: str = "AS0"
    network_name: str = ""
    resolver_asn: str = "AS0"
    resolver_network_name: str = ""
    database: str = ""
    annotations: dict[str, str] = field(default_factory=dict)
    known: KnownIdentifiers = field(default_factory=KnownIdentifiers, repr=False)
    sentence: str | None = None  # for the user, if something is unknown


async def where_are_we(
    session: Session, *, cc: str | None = None, asn: str | None = None, learned: str | None = None
) -> Vantage:
    """Determine the vantage point. Sends nothing.

    `cc` ("IR") and `asn` ("AS44244") are the user's statements and come first. Then a global address of this machine
    and `learned`, the address that a test helper saw, are looked up in the offline table.
    """
    literals = [endpoint.host for _, endpoint in session.resolvers.endpoints() if endpoint.is_literal]
    nameservers = system_resolvers()
    private = [ip for ip in nameservers if ip not in literals]
    sources = source_addresses(literals)
    return locate(
        default_table(),
        candidates=[*sources, *sorted(interface_addresses()), *([learned] if learned else [])],
        resolver=nameservers[0] if nameservers else None,
        known=known_values(*private, *sources),
        cc=cc,
        asn=asn,
    )


def locate(
    table: AsnLookup,
    *,
    candidates: list[str],
    resolver: str | None = None,
    known: KnownIdentifiers | None = None,
    cc: str | None = None,
    asn: str | None = None,
) -> Vantage:
    """Return the vantage point of the first candidate address that `table` knows. The user's statements come first."""
    ours = next((found for ip in candidates if (found := table.lookup(ip)).asn), UNKNOWN)
    theirs = table.lookup(resolver) if resolver else UNKNOWN
    named = ours if asn is None or asn == f"AS{ours.asn}" else UNKNOWN  # only the name of the network that is written
    probe_cc, probe_asn = cc or ours.cc, asn or f"AS{ours.asn}"
    return Vantage(
        probe_cc=probe_cc,
        probe_asn=probe_asn,
        network_name=named.name,
        resolver_asn=f"AS{theirs.asn}",
        resolver_network_name=theirs.name,
        database=table.database,
        annotations=annotations(candidates),
        known=known or KnownIdentifiers(),
        sentence=NOT_KNOWN if probe_asn == "AS0" or probe_cc == Network().cc else None,
    )


def known_values(*learned: str) -> KnownIdentifiers:
    """Return all values that identify this machine or its user. Sends nothing.

    They are addresses, gateways, hardware addresses, host and user name, home folder, and names of wireless networks.
    """
    addresses = interface_addresses() | gateways() | {ip for ip in learned if is_address(ip.partition("%")[0])}
    return KnownIdentifiers.of(
        addresses, words=_names(), paths=_homes(), hardware=hardware_addresses(), networks=network_names()
    )


def annotations(sources: list[str]) -> dict[str, str]:
    """Return platform and engine as df-000 wants them, and what ANNOTATIONS adds."""
    found = {
        "architecture": ARCHITECTURES.get(platform.machine().lower(), platform.machine().lower()),
        "engine_name": ENGINE_NAME,
        "engine_version": ENGINE_VERSION,
        "platform": platform_name(),
        "tls_engine": " ".join(ssl.OPENSSL_VERSION.split()[:2]),  # whose client hello is sent. OONI's is Go's.
    }
    if (kind := network_type(sources)) is not None:
        found["network_type"] = kind
    return found | machine_annotations()


def machine_annotations(path: Path = ANNOTATIONS) -> dict[str, str]:
    """Return the strings in `path`, or none if it is missing, too large or no JSON object."""
    try:
        table = json.loads(read_regular(path, LARGEST_ANNOTATIONS))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(table, dict):
        return {}
    return {key: value for key, value in table.items() if isinstance(value, str)}


def network_type(sources: list[str]) -> str | None:
    """Return OONI's word for the interface that flows use (vpn, mobile, wifi), or None if the system does not tell."""
    names = [name for ip in sources if (name := interface_of(ip)) is not None]
    if not names:
        return None
    if is_tunnel(names[0]):
        return "vpn"
    if names[0].startswith(MODEMS):
        return "mobile"
    return "wifi" if is_wireless(names[0]) else None


def _names() -> set[str]:
    host = socket.gethostname()
    users = {os.environ.get(name, "") for name in ("LOGNAME", "USER", "USERNAME", "SUDO_USER", "HOSTNAME")}
    if (mine := account()) is not None:
        users.add(mine[0])
    return {host, host.split(".")[0]} | users - {""}


def _homes() -> set[str]:
    homes = {os.environ.get(name, "") for name in ("HOME", "USERPROFILE")}
    if (mine := account()) is not None:
        homes.add(mine[1])
    return homes - {""}
