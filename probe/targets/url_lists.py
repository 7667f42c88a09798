"""Read lists of web addresses (one per line, or Citizen Lab's CSV) and make a target of each address."""

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import idna

from probe.messages import tr
from probe.targets.address_guard import Contacts, may_contact
from probe.targets.dialects import DIALECTS
from probe.targets.target import Endpoint, Service, Target, is_address, parse_endpoint

NETTEST, ROLE = "web_connectivity", "web"
WEB_PORTS = frozenset(
    {80, 443, 8000, 8080, 8443}
)  # ports that a helper contacts for other users, so that it cannot be used as a port scanner
DEFAULT_PORTS = {scheme: DIALECTS[scheme].default_port for scheme in ("http", "https")}
LONGEST_URL = 2048  # characters
LONGEST_LIST = 4 * 1024 * 1024  # bytes
MOST_ADDRESSES = 20_000  # of one run, which take 60 MB. The longest list of Citizen Lab has about 2000
MOST_KEPT = 10  # sentences about unusable rows
SAFE = "/:?#[]@!$&'()*+,;=%-._~"  # characters that RFC 3986 allows in a path and a query

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_CATEGORY = re.compile(r"[A-Z]{2,8}")  # NEWS, HUMR, …


@dataclass
class WebList:
    """Hold a target per usable address of a list, the first sentences about unusable rows, and their number."""

    targets: list[Target] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unusable: int = 0
    any_port: bool = True
    """False leaves out addresses with other ports than WEB_PORTS."""
    _urls: set[str] = field(default_factory=set)

    def take(self, url: str, category: str, name: str, number: int = 0) -> None:
        """Add an address once. `name` and the row's `number`, if it has one, say where an unusable address stands."""
        try:
            target = web_target(url, category)
        except ValueError as error:
            self._refuse(error, name, number)
            return
        endpoint = target.services[ROLE].endpoints[0]
        if endpoint.port not in WEB_PORTS and not self.any_port:
            self._refuse(tr("{url} has a port that is unusual for web pages.", url=repr(url)), name, number)
            return
        if (url := endpoint.url) in self._urls:
            return
        if len(self.targets) >= MOST_ADDRESSES:
            self._refuse(tr("A run has at most {count} addresses.", count=MOST_ADDRESSES), name, number)
            return
        self._urls.add(url)
        self.targets.append(target)

    def break_off(self, name: str, reason: Exception) -> None:
        """Report that the rest of a list cannot be read."""
        self.unusable += 1
        self.problems.append(
            tr("{name}: The CSV has an error ({reason}). The rest is left out.", name=name, reason=reason)
        )

    def _refuse(self, problem: object, name: str, number: int) -> None:
        """Count an unusable row, and keep a sentence if it is among the first, since a million take a minute."""
        self.unusable += 1
        if self.unusable <= MOST_KEPT:
            where = tr("{name}, line {number}", name=name, number=number) if number else name
            self.problems.append(tr("{where}: {problem} The row is left out.", where=where, problem=problem))


def read_list(text: str, name: str, into: WebList) -> None:
    """Read a list: CSV if its first line names a column `url`, else one address per line with `#` for comments."""
    try:
        for number, url, category in _csv_rows(text) if _is_csv(text) else _plain_rows(text):
            into.take(url, category, name, number)
    except csv.Error as error:
        into.break_off(name, error)


def web_target(url: str, category: str = "") -> Target:
    """Return the target that measures one web address. Raise ValueError with a sentence for the user."""
    endpoint = web_endpoint(url)
    return Target(
        name=url,
        nettest=NETTEST,
        title=url,
        source=url,
        reviewed=datetime.now(UTC).date(),
        services={ROLE: Service(ROLE, "all", (endpoint,), ("pages",))},
        digest=hashlib.sha256(url.encode()).hexdigest(),
        input=url,
        category=category if _CATEGORY.fullmatch(category) else "",
    )


def web_endpoint(url: str) -> Endpoint:
    """Return a web address as an endpoint: ASCII host (RFC 5891), explicit port, no fragment. Raise ValueError."""
    if len(url) > LONGEST_URL:
        raise ValueError(
            tr("The address has {count} characters. At most {limit} are allowed.", count=len(url), limit=LONGEST_URL)
        )
    if any(char.isspace() or not char.isprintable() for char in url):
        raise ValueError(tr("{url} contains blanks or control characters. Expected: one address.", url=repr(url)))
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(tr("{url} is no web address. Expected: http://HOST/… or https://HOST/….", url=repr(url)))
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            tr("The address contains a user name or a password. It is not measured, because results would show them.")
        )
    port = _port(url)
    path = quote(parts.path or "/", safe=SAFE) + (f"?{quote(parts.query, safe=SAFE)}" if parts.query else "")
    return parse_endpoint(f"{parts.scheme}://{ascii_host(parts.hostname)}:{port}{path}", ooni=True)


def ascii_host(host: str) -> str:
    """Return a host name in the form of DNS, and an IPv6 address in brackets. Raise ValueError."""
    if is_address(host):
        if not may_contact(host, Contacts.PUBLIC):
            raise ValueError(
                tr("{host} is private or reserved. Only addresses of the public Internet are measured.", host=host)
            )
        return f"[{host}]" if ":" in host else host
    try:
        plain = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise ValueError(tr("{host} is no host name that DNS allows (RFC 5891).", host=repr(host))) from None
    plain = plain.rstrip(".").lower()
    if len(plain) > 253 or "." not in plain or not all(map(_LABEL.fullmatch, plain.split("."))):
        raise ValueError(tr("{host} is no host name of the public Internet.", host=repr(host)))
    if is_address(plain) or plain.rpartition(".")[2].isdigit():
        raise ValueError(
            tr(
                "{host} is an unusual spelling of an address. Expected: a name, or the address in its usual form.",
                host=repr(host),
            )
        )
    return plain


def _port(url: str) -> int:
    parts = urlsplit(url)
    try:
        port = DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    except ValueError:
        port = 0
    if not port:
        raise ValueError(tr("{url} has no usable port. Expected: a number from 1 to 65535.", url=repr(url)))
    return port


def _is_csv(text: str) -> bool:
    header = text.lstrip("\ufeff").partition("\n")[0]
    return "url" in [cell.strip().lower() for cell in header.split(",")] and "://" not in header


def _csv_rows(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield (line number, url, category code) of every row. The url of a row without an address is empty."""
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    rows.fieldnames = [name.strip().lower() for name in rows.fieldnames or ()]
    for row in rows:
        yield rows.line_num, (row.get("url") or "").strip(), (row.get("category_code") or "").strip()


def _plain_rows(text: str) -> Iterator[tuple[int, str, str]]:
    for number, row in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        url = row.strip()
        if url and not url.startswith("#"):
            yield number, url, ""
