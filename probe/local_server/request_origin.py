"""Check where a request comes from, and compare secrets.

The pages are for one user on this computer. Other pages in the same browser can send requests here as well. They do not
know the token. A foreign name that points to this computer (DNS rebinding) is refused.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from probe.messages import tr

HERE = "127.0.0.1"
NAMES = (HERE, "localhost")
TOKEN = "token"  # the name of the parameter  # nosec B105
_SECRET_BYTES = 32


@dataclass(frozen=True)
class Refusal:
    """Hold a status code, and one sentence that repeats nothing of the request."""

    status: int
    sentence: str


def new_secret() -> str:
    """Return a random secret that is valid while the server runs."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def own_hosts(port: int) -> frozenset[str]:
    """Return the values of `Host` that name a server at this port."""
    return frozenset(f"{name}:{port}" for name in NAMES)


def foreign(port: int, headers: Mapping[str, str]) -> Refusal | None:
    """Return why a request is refused that has another host name or comes from another website, else None."""
    return wrong_host(port, headers) or wrong_origin(port, headers)


def wrong_host(port: int, headers: Mapping[str, str]) -> Refusal | None:
    """Return why a request for another host name is refused, else None."""
    if headers.get("Host", "").lower() in own_hosts(port):
        return None
    return Refusal(421, tr("This server answers at 127.0.0.1 only. Open the address that it printed."))


def wrong_origin(port: int, headers: Mapping[str, str]) -> Refusal | None:
    """Return why a request from another website is refused, else None."""
    origin = headers.get("Origin")
    if origin is None or origin.lower() in {f"http://{name}" for name in own_hosts(port)}:
        return None
    return Refusal(403, tr("Another website sent this request, and it is refused."))


def is_secret(given: str, secret: str) -> bool:
    """Return True if both are equal. The time of the check does not depend on it."""
    return secrets.compare_digest(given.encode(errors="surrogateescape"), secret.encode())


def token_in(query: str) -> str:
    """Return the token in a query, "" without exactly one."""
    found = [value for name, value in parse_qsl(query) if name == TOKEN]
    return found[0] if len(found) == 1 else ""
