"""Define what a flow of a capture says: which protocol, which name, and how it ended."""

from dataclasses import dataclass, field
from typing import Any, Literal

from probe.captures.captured_flow import CapturedFlow

Scheme = Literal["tls", "quic", "http", "dns+udp", "stun", "sip", "tcp"]
HelloPart = Literal["name", "outer_name", "none", ""]
"""What a hello shows: the server's name, the outer name beside an encrypted one, no name, or no hello was seen."""

PATIENCE = 4.0  # seconds without an answer after which silence is one. Programs that give up earlier say nothing


@dataclass(frozen=True)
class Conversation:
    """Hold one flow as its protocol shows it.

    `failure` is that of the topmost layer that was tried, None for an answer. `connected` says how far TCP came.
    `entries` are the entries of `test_keys` by the names of their lists, without the number of the transaction.
    """

    flow: CapturedFlow
    scheme: Scheme
    name: str
    failure: str | None
    began: float
    ended: float
    hello: HelloPart = ""
    answered: bool = False  # the server sent bytes of the protocol
    completed: bool = False  # the exchange went on in both directions after the server's first answer
    entries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    unheard: bool = False  # the server repeated its hello, so the client's reply did not arrive

    @property
    def host(self) -> str:
        """Return the name, or the server's address if the flow shows no name."""
        return self.name or self.flow.server

    @property
    def endpoint(self) -> str:
        """Return the endpoint's URL, as in a run."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.flow.port}{'/' if self.scheme == 'http' else ''}"
