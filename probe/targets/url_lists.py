"""Lists of web addresses (one a line, or Citizen Lab's CSV) → targets in memory, one each; a bad row is named."""

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import idna

from probe.signatures.bogons import is_bogon
from probe.targets.dialects import DIALECTS
from probe.targets.target import Endpoint, Service, Target, is_address, parse_endpoint

NETTEST, ROLE = "web_connectivity", "web"
WEB_PORTS = frozenset({80, 443, 8000, 8080, 8443})  # of addresses that strangers give a helper: it scans no ports
DEFAULT_PORTS = {scheme: DIALECTS[scheme].default_port for scheme in ("http", "https")}
LONGEST_URL = 2048  # characters
LONGEST_LIST = 16 * 1024 * 1024  # bytes
SAFE = "/:?#[]@!$&'()*+,;=%-._~"  # what RFC 3986 lets stand in a path and a query

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_CATEGORY = re.compile(r"[A-Z]{2,8}")  # NEWS, HUMR …: it says no more than the address does


@dataclass
class WebList:
    """What a list holds: a target per usable address, and one sentence per row that is not."""

    targets: list[Target] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _places: set[str] = field(default_factory=set)

    def take(self, url: str, category: str, where: str) -> None:
        """Add an address once; `where` names the row if it is unusable."""
        try:
            target = web_target(url, category)
        except ValueError as error:
            self.problems.append(f"{where}: {error}; the row is left out")
            return
        place = target.services[ROLE].endpoints[0].url
        if place not in self._places:
            self._places.add(place)
            self.targets.append(target)


def read_list(text: str, name: str, into: WebList) -> None:
    """Read a list: CSV if its first line names a column `url`, else one address a line, `#` beginning a comment."""
    try:
        for number, url, category in _csv_rows(text) if _is_csv(text) else _plain_rows(text):
            into.take(url, category, f"{name}: line {number}")
    except csv.Error as error:
        into.problems.append(f"{name}: is CSV only as far as it was read ({error}); the rest is left out")


def web_target(url: str, category: str = "") -> Target:
    """The target that measures one web address. Raises ValueError with what is wrong with the address."""
    endpoint = web_endpoint(url)
    return Target(
        name=url,
        nettest=NETTEST,
        title=url,
        source=url,
        reviewed=datetime.now(UTC).date(),
        services={ROLE: Service(ROLE, "all", (endpoint,))},
        digest=hashlib.sha256(url.encode()).hexdigest(),
        input=url,
        category=category if _CATEGORY.fullmatch(category) else "",
    )


def web_endpoint(url: str) -> Endpoint:
    """A web address as an endpoint: host in ASCII (RFC 5891), the port said, no fragment. Raises ValueError."""
    if len(url) > LONGEST_URL:
        raise ValueError(f"the address has {len(url)} characters; at most {LONGEST_URL} are taken")
    if any(char.isspace() or not char.isprintable() for char in url):
        raise ValueError(f"{url!r} holds blanks or control characters; expected one address")
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is no web address; expected http://HOST/… or https://HOST/…")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address with a user name or password in it is not measured; results would hold them")
    port = _port(url)
    path = quote(parts.path or "/", safe=SAFE) + (f"?{quote(parts.query, safe=SAFE)}" if parts.query else "")
    return parse_endpoint(f"{parts.scheme}://{ascii_host(parts.hostname)}:{port}{path}", ooni=True)


def ascii_host(host: str) -> str:
    """A host name as DNS has it, an IPv6 address in brackets. Raises ValueError."""
    if is_address(host):
        if is_bogon(host):
            raise ValueError(f"{host} is private or reserved; only addresses of the public internet are measured")
        return f"[{host}]" if ":" in host else host
    try:
        plain = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise ValueError(f"{host!r} is no host name that DNS could hold (RFC 5891)") from None
    plain = plain.rstrip(".").lower()
    if len(plain) > 253 or "." not in plain or not all(map(_LABEL.fullmatch, plain.split("."))):
        raise ValueError(f"{host!r} is no host name of the public internet")
    if is_address(plain) or plain.rpartition(".")[2].isdigit():
        raise ValueError(
            f"{host!r} is an address in disguise; expected a name, or the address as it is usually written"
        )
    return plain


def _port(url: str) -> int:
    parts = urlsplit(url)
    try:
        port = DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    except ValueError:
        port = 0
    if not port:
        raise ValueError(f"{url!r} has no usable port; expected a number from 1 to 65535")
    return port


def _is_csv(text: str) -> bool:
    header = text.lstrip("\ufeff").partition("\n")[0]
    return "url" in [cell.strip().lower() for cell in header.split(",")] and "://" not in header


def _csv_rows(text: str) -> Iterator[tuple[int, str, str]]:
    """(line number, url, category code) of every row. A row without an address is one with an empty one."""
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    rows.fieldnames = [name.strip().lower() for name in rows.fieldnames or ()]
    for row in rows:
        yield rows.line_num, (row.get("url") or "").strip(), (row.get("category_code") or "").strip()


def _plain_rows(text: str) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        url = line.strip()
        if url and not url.startswith("#"):
            yield number, url, ""
