"""Check requests before anything is computed: address, origin, method and token."""

from collections.abc import Mapping
from dataclasses import dataclass

from probe.local_server.origin import Refusal, foreign, is_secret, token_in

METHODS = ("GET", "HEAD")


@dataclass(frozen=True)
class Access:
    """Hold what a request must know, and where it must come from."""

    port: int
    token: str

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
