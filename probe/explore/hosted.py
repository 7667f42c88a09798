"""Check requests of hosted mode, which needs no token: name of the server, origin, method, and how often."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from aiohttp import web

from probe.explore.explorer_access import METHODS
from probe.http_server.forwarded import client_address
from probe.http_server.peers import UNKNOWN, Client, Network, client_at
from probe.http_server.request_counts import RequestCounts
from probe.local_server.request_origin import Refusal
from probe.messages import tr

PER_MINUTE = 240  # requests of one client: a page, and the answers of the API
NEW_PER_MINUTE = 12  # of them, questions that must be computed
SECONDS = 60.0  # that the computation of one answer may take
_CLIENT: ContextVar[Client] = ContextVar("client", default=UNKNOWN)


@dataclass(frozen=True)
class HostedAccess:
    """Hold by which names the server is known, and which proxies name their clients. No token is needed."""

    names: frozenset[str]
    trusted: Sequence[Network]
    token: str = ""
    requests: RequestCounts = field(default_factory=lambda: RequestCounts(PER_MINUTE, "requests"))
    questions: RequestCounts = field(default_factory=lambda: RequestCounts(NEW_PER_MINUTE, "new questions"))

    @property
    def address(self) -> str:
        return f"https://{min(self.names)}"

    def refusal(self, method: str, query: str, headers: Mapping[str, str]) -> Refusal | None:
        """Return why a request is refused, None if it is not."""
        if headers.get("Host", "").lower() not in self.names:
            return Refusal(421, tr("This server has another name. Open the address that its operator gave."))
        origin = headers.get("Origin")
        if origin is not None and origin.lower().partition("://")[2] not in self.names:
            return Refusal(403, tr("Another website sent this request, and it is refused."))
        if method not in METHODS:
            return Refusal(405, "This server changes nothing. It answers GET and HEAD.")
        return None

    def too_often(self, request: web.Request) -> Refusal | None:
        """Count a request of a client, and return why it is refused if it came too often."""
        client = client_address(request.remote or "", request.headers, self.trusted)
        peer = client_at(client or request.remote)
        _CLIENT.set(peer)
        return _refused(self.requests, peer)

    def new_question(self) -> None:
        """Count a question of this client that must be computed. Raises TooOftenError."""
        if (refused := _refused(self.questions, _CLIENT.get())) is not None:
            raise TooOftenError(refused.sentence)


class TooOftenError(Exception):
    """Report a client that asks too many new questions, with one sentence."""


def _refused(counts: RequestCounts, peer: Client) -> Refusal | None:
    refusal = counts.refusal(peer)
    return Refusal(429, f"{refusal[:1].upper()}{refusal[1:]}.") if refusal is not None else None
