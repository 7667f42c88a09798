"""Check requests before anything is computed: address, origin, method and token."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from probe.local_server.request_origin import HERE, Refusal, foreign, is_secret, token_in

METHODS = ("GET", "HEAD")


class Access(Protocol):
    """Describe what the handlers know of a mode: the token, "" if none is needed, and the address of the page."""

    @property
    def token(self) -> str: ...

    @property
    def address(self) -> str: ...

    def refusal(self, method: str, query: str, headers: Mapping[str, str]) -> Refusal | None: ...


@dataclass(frozen=True)
class ExplorerAccess:
    """Hold what a request must know, and where it must come from."""

    port: int
    token: str

    @property
    def address(self) -> str:
        return f"http://{HERE}:{self.port}"

    def refusal(self, method: str, query: str, headers: Mapping[str, str]) -> Refusal | None:
        """Return why a request is refused, None if it is not."""
        if (refused := foreign(self.port, headers)) is not None:
            return refused
        if method not in METHODS:
            return Refusal(405, "This server changes nothing. It answers GET and HEAD.")
        if not self.knows_token(query, headers):
            return Refusal(401, "The token is missing or wrong. Open the address that the server printed.")
        return None

    def knows_token(self, query: str, headers: Mapping[str, str]) -> bool:
        """Return True if the query or the header has the token. The time of the check does not depend on it."""
        scheme, _, bearer = headers.get("Authorization", "").partition(" ")
        return is_secret(bearer.strip() if scheme.lower() == "bearer" else token_in(query), self.token)
