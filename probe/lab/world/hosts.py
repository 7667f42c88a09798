"""Build the hosts of the lab from target files: their names, addresses, ports and services."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from probe.lab.net.layout import Outage
from probe.lab.world.pools import Pool
from probe.signatures.compared_ports import UNASSIGNED, WEB_PORT
from probe.targets.target import Endpoint, NeutralHosts, Target, is_address, parse_endpoint

PROVIDERS_RESOLVER = "192.88.99.53"
HELPERS_RESOLVER = "192.88.99.153"
HELPER_V4, HELPER_V6 = "192.88.99.200", "3c00:88:99:200::5"
HELPER_PORT = 80
PORTAL = "192.88.99.80"  # the login page's server, which a portal gives as every name's address

Certificate = Literal["good", "wrong", "expired", "new"]


def _is_helper(client: str) -> bool:
    return client in {HELPER_V4, HELPER_V6}


@dataclass
class SIPRefusal:
    """Hold how a server refuses SIP requests: the first and then each n-th of a client."""

    status: int
    every: int = 1
    spares_helper: bool = False
    asked: dict[str, int] = field(default_factory=dict)  # requests by client


@dataclass(frozen=True)
class Stall:
    """Hold the pause of a web server in the middle of an answer: bytes before it, seconds, and bytes after each."""

    bytes: int
    pause: float
    piece: int = 0
    spares_helper: bool = False


@dataclass(frozen=True)
class OddAnswer:
    """Hold what a web server answers to every request: status, title of the page if any, and Location header."""

    status: int
    title: str = ""
    location: str = ""
    bare: bool = False
    spares_helper: bool = False


@dataclass
class ClientLimit:
    """Hold the connections by client of servers with one limit, and until when a client above it is ignored."""

    most: int
    seconds: float
    spares_helper: bool = False
    open: Counter[str] = field(default_factory=Counter)
    until: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def admitted(self, client: str, now: float) -> Iterator[bool]:
        """Count a connection while it is open. Yield whether it is answered."""
        self.open[client] += 1
        if self.open[client] > self.most:
            self.until[client] = now + self.seconds
        try:
            yield now >= self.until.get(client, now) or (self.spares_helper and _is_helper(client))
        finally:
            self.open[client] -= 1


@dataclass
class FirstResets:
    """Hold how many connections of a client to each address are reset at its first data, and those so far."""

    most: int
    spares_helper: bool = False
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)  # by client and own address

    def resets(self, client: str, address: str) -> bool:
        """Count a connection. Return whether it is reset."""
        if self.spares_helper and _is_helper(client):
            return False
        self.seen[client, address] += 1
        return self.seen[client, address] <= self.most


@dataclass(frozen=True)
class MailRefusal:
    """Hold how a server refuses SMTP clients: the reply to a connect or to EHLO, after a delay in seconds."""

    reply: str = ""
    to: Literal["connect", "ehlo"] = "connect"
    delay: float = 0.0
    spares_helper: bool = False


@dataclass
class Host:
    """Describe one server. `ports` has the dialects of each TCP or UDP port, as in `probe.targets.target.Endpoint`."""

    names: list[str]
    addresses: list[str]
    title: str = ""
    services: set[str] = field(default_factory=set)
    ports: dict[int, set[str]] = field(default_factory=dict)
    certificate: Certificate = "good"
    refuses_unknown: bool = False
    no_starttls: bool = False
    unhelpful: Literal["", "to_all", "but_to_helper"] = ""  # its answers prove no service
    registered_only: tuple[str, ...] = ()  # of a call relay: transports over which it answers registered tags alone
    sip_refusal: SIPRefusal | None = None
    mail_refusal: MailRefusal = field(default_factory=MailRefusal)
    no_quic: Literal["", "silent", "refused"] = ""
    down: Literal["", "silent", "refused", "hangs_up"] = ""
    outages: list[Outage] = field(default_factory=list)  # times at which it is down
    unreachable: list[str] = field(default_factory=list)  # those of its addresses that no packet reaches
    rotates: bool = False  # each DNS answer has one address of each family
    denies: list[str] = field(default_factory=list)  # of a resolver: names that get NXDOMAIN
    broken_aaaa: str = ""  # rcode of the answers to AAAA queries
    page_rate: int = 0  # bytes a second of each answer over HTTP, 0: no limit
    page_bytes: int = 160_000  # of each page at least, about as long as the pages of the real services
    first_resets: FirstResets | None = None
    limit: ClientLimit | None = None  # shared by all servers of the fault
    stall: Stall | None = None  # the pause in the middle of its pages
    closes_after: tuple[float, int] = (0.0, 0)  # seconds and answers after which it closes a connection, 0: not
    odd_answer: OddAnswer | None = None  # of every request, if not the usual ones

    def stalls(self, client: str) -> Stall | None:
        """Return the pause in the middle of a client's pages, None for none."""
        stall = self.stall
        return None if stall is None or (stall.spares_helper and _is_helper(client)) else stall

    def answers_oddly(self, client: str) -> OddAnswer | None:
        """Return the answer to every request of a client, None for the usual ones."""
        odd = self.odd_answer
        return None if odd is None or (odd.spares_helper and _is_helper(client)) else odd

    def serves(self, client: str) -> bool:
        return not self.unhelpful or (self.unhelpful == "but_to_helper" and _is_helper(client))

    def refuses_mail(self, client: str) -> MailRefusal:
        refusal = self.mail_refusal
        return MailRefusal() if refusal.spares_helper and _is_helper(client) else refusal

    def refuses_call(self, client: str) -> int:
        """Return the status with which the next SIP request of a client is refused, 0 for none."""
        refusal = self.sip_refusal
        if refusal is None or (refusal.spares_helper and _is_helper(client)):
            return 0
        refusal.asked[client] = refusal.asked.get(client, 0) + 1
        return refusal.status if (refusal.asked[client] - 1) % refusal.every == 0 else 0

    @property
    def certified(self) -> list[str]:
        """Return the names, or else the addresses, in its certificate."""
        return self.names or self.addresses


@dataclass(frozen=True)
class InterceptingServer:
    """Describe a censor's server that imitates `host`. It forges certificates for `names`."""

    host: Host
    real: str
    address: str
    names: tuple[str, ...]
    signed_by: str  # a value of TLSIntercept.signed_by


class HostBuilder:
    """Make one host for each host name and address in the target files."""

    def __init__(self, seed: int, targets: Sequence[Target], neutral: NeutralHosts) -> None:
        self._targets, self._neutral = targets, neutral
        self._published = {parse_endpoint(url).host: found for url, found in neutral.published.items()}
        literals = {endpoint.host for _, _, endpoint in self._all() if endpoint.is_literal}
        literals |= {ip for found in self._published.values() for ip in found}
        self._pool = Pool(seed, literals | {PROVIDERS_RESOLVER, HELPERS_RESOLVER, HELPER_V4, HELPER_V6})
        self._by_host: dict[str, Host] = {}

    def _all(self) -> Iterator[tuple[str, str, Endpoint]]:
        """Yield (target, role, endpoint) of every file. The role of neutral hosts is ""."""
        for target in self._targets:
            for service, endpoint in target.endpoints():
                yield target.name, service.role, endpoint
        home = (endpoint for _, endpoint in self._neutral.home)
        neutral = self._neutral
        for endpoint in (*neutral.endpoints, *neutral.reachability, *neutral.by_address, *home):
            yield "neutral", "", endpoint
        for endpoint, _, _ in self._neutral.portal:
            yield "neutral", "", endpoint

    def hosts(self) -> list[Host]:
        titles = {target.name: target.title for target in self._targets}
        self._add_resolvers()
        for target, role, endpoint in self._all():
            host = self._host(target, role, endpoint)
            host.title = host.title or titles.get(target, endpoint.host)
            host.ports.setdefault(endpoint.port, set()).add(endpoint.dialect)
            if role:
                host.services.add(f"{target}/{role}")
            elif endpoint.scheme == "https":
                host.ports.setdefault(80, set()).add("http")  # as on every web server
        self._add_port_hosts()
        return list({id(host): host for host in self._by_host.values()}.values())

    def _add_port_hosts(self) -> None:
        """Make the servers with many open ports. They listen at every port of the targets that they answer at."""
        ports = {endpoint.port for _, _, endpoint in self._all() if endpoint.carrier == "tcp"} | {UNASSIGNED, WEB_PORT}
        for one in self._neutral.port_hosts:
            host = self._by_host[one.host] = Host(
                names=[one.host], addresses=list(self._pool.draw("neutral", one.host, many=False))
            )
            host.title = one.host
            host.ports |= {port: {"tcp"} for port in ports if one.answers(port)}

    def _add_resolvers(self) -> None:
        """Make one host for each role with DNS. Its names have the addresses that its endpoints give."""
        roles: dict[tuple[str, str], list[str]] = {}
        for target, role, endpoint in self._all():
            if endpoint.facts.is_resolver and role:
                roles.setdefault((target, role), []).append(endpoint.host)
        for members in roles.values():
            addresses = [member for member in dict.fromkeys(members) if is_address(member)]
            names = [member for member in dict.fromkeys(members) if not is_address(member)]
            if addresses:
                host = Host(names=names, addresses=addresses)
                self._by_host.update(dict.fromkeys([*names, *addresses], host))

    def _host(self, target: str, role: str, endpoint: Endpoint) -> Host:
        known = self._by_host.get(endpoint.host)
        if known is not None:
            return known
        if endpoint.is_literal:
            host = Host(names=[], addresses=[endpoint.host])
        elif endpoint.host in self._published:
            host = Host(names=[endpoint.host], addresses=list(self._published[endpoint.host]))
        else:
            many = endpoint.scheme in {"https", "http"}
            host = Host(names=[endpoint.host], addresses=list(self._pool.draw(target, endpoint.host, many=many)))
        self._by_host[endpoint.host] = host
        return host
