"""Check requests before anything is computed: address, origin, method and token.

The page is for one user on this computer. Other pages in the same browser can send requests here as well. They do not
know the token. A foreign name that points to this computer (DNS rebinding) is refused.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

HERE = "127.0.0.1"
NAMES = (HERE, "localhost")
METHODS = ("GET", "HEAD")
TOKEN = "token"  # the name of the parameter  # nosec B105
_TOKEN_BYTES = 32


def new_token() -> str:
    """Return a random token that is valid while the server runs."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


@dataclass(frozen=True)
class Refusal:
    """Hold a status code, and one sentence that repeats nothing of the request."""

    status: int
    sentence: str


@dataclass(frozen=True)
class Access:
    """Hold what a request must know, and where it must come from."""

    port: int
    token: str

    def refusal(self, method: str, query: str, headers: Mapping[str, str]) -> Refusal | None:
        """Return why a request is refused, None if it is not."""
        own = {f"{name}:{self.port}" for name in NAMES}
        if headers.get("Host", "").lower() not in own:
            return Refusal(421, "This server answers at 127.0.0.1 only. Open the address that it printed.")
        origin = headers.get("Origin")
        if origin is not None and origin.lower() not in {f"http://{name}" for name in own}:
            return Refusal(403, "Another website sent this request, and it is refused.")
        if method not in METHODS:
            return Refusal(405, "This server changes nothing. It answers GET and HEAD.")
        if not self.knows_token(query, headers):
            return Refusal(401, "The token is missing or wrong. Open the address that the server printed.")
        return None

    def knows_token(self, query: str, headers: Mapping[str, str]) -> bool:
        """Return True if the query or the header has the token. The time of the check does not depend on it."""
        scheme, _, bearer = headers.get("Authorization", "").partition(" ")
        given = bearer.strip() if scheme.lower() == "bearer" else token_in(query)
        return secrets.compare_digest(given.encode(errors="surrogateescape"), self.token.encode())


def token_in(query: str) -> str:
    """Return the token in a query, "" without exactly one."""
    found = [value for name, value in parse_qsl(query) if name == TOKEN]
    return found[0] if len(found) == 1 else ""
