"""Define the columns and nouns by which the rules of one layer differ from those of another."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """Hold what rules about one layer write in conditions and sentences.

    `columns` and `control` are the first parts of the names of columns, here and at the control. `subject` is what is
    tried, and `failing` is what a failure is of. Both are parts of technical sentences.
    """

    name: str
    subject: str
    columns: str = "payload"
    control: str = "control"
    failing: str = ""

    @property
    def failed(self) -> str:
        """Return the condition that no attempt succeeded."""
        return f"{self.columns}_successes = 0"

    @property
    def controlled(self) -> str:
        """Return the condition that the control succeeded."""
        return f"{self.control}_successes > 0"


TCP = Layer("tcp", "the connection", "tcp", "control_tcp")
TLS = Layer("tls", "the TLS handshake", "tls", "control_tls")
QUIC = Layer("quic", "the QUIC handshake", "quic")
HTTP = Layer("http", "the HTTP request", "http")
PAYLOAD = Layer("payload", "the service's own protocol")
RESOLVER = Layer("resolver", "the DNS query")
MAIL = Layer("mail", "the mail dialogue", "mail")
