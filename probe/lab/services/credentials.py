"""TLS contexts of the lab's servers: a certificate for each name, made when it is first asked for."""

import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from probe.lab.world.authority import Authority, key_pem, new_key
from probe.lab.world.world import Certificate, Host, Impostor, World

UNRECOGNIZED_NAME = bytes.fromhex("15030300020270")  # a fatal alert 112 (RFC 6066 3, RFC 8446 6)
FORGERIES = {"ca": "forged", "itself": "self-signed", "machine": "by the machine's", "another_name": "wrong"}
FORGERIES |= {"lapsed": "expired"}
SOMEBODY_ELSE = "www.somebody-else.example"


class Credentials:
    """Contexts by name and kind; one key pair serves all, so that none has to be made twice."""

    def __init__(self, world: World) -> None:
        self._authority, self._machines, self._newest = world.authority, world.machines, world.newest
        self._stranger = Authority("Interception Authority of the Censor", world.now())
        self._key = new_key()
        self._pem = key_pem(self._key)
        self._made: dict[tuple[str, ...], ssl.SSLContext] = {}

    def of_host(self, host: Host, name: str | None, alpn: Sequence[str]) -> ssl.SSLContext:
        """What a server shows to who asks for `name` (None: no name): its own certificate, whatever was asked for."""
        names = [name] if name in host.names else host.certified
        return self._context(names, host.certificate, alpn)

    def issued_to(self, host: Host) -> tuple[bytes, ec.EllipticCurvePrivateKey]:
        """The same certificate for servers that use no such context: its chain in PEM, and the key."""
        return self._issue(host.certified, host.certificate), self._key

    def forged_by(self, impostor: Impostor) -> tuple[bytes, ec.EllipticCurvePrivateKey]:
        """An impostor's, for such servers: forged whatever name is asked for."""
        return self._issue(impostor.host.certified, FORGERIES[impostor.signed_by]), self._key

    def of_impostor(self, impostor: Impostor, name: str, alpn: Sequence[str]) -> ssl.SSLContext:
        """The forged certificate for a name."""
        return self._context([name], FORGERIES[impostor.signed_by], alpn)

    def _context(self, names: Sequence[str], kind: Certificate | str, alpn: Sequence[str]) -> ssl.SSLContext:
        key = (kind, ",".join(alpn), *names)
        if key not in self._made:
            self._made[key] = self._make(self._issue(names, kind), alpn)
        return self._made[key]

    def _issue(self, names: Sequence[str], kind: str) -> bytes:
        match kind:
            case "wrong":
                return self._authority.issue([SOMEBODY_ELSE], self._key)
            case "expired":
                return self._authority.issue(names, self._key, expired=True)
            case "new":
                return self._newest.issue(names, self._key)
            case "forged":
                return self._stranger.issue(names, self._key) + self._stranger.pem.encode()
            case "by the machine's":
                return self._machines.issue(names, self._key)
            case "self-signed":
                return self._stranger.issue(names, self._key, self_signed=True)
            case _:
                return self._authority.issue(names, self._key)

    def _make(self, chain: bytes, alpn: Sequence[str]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(list(alpn))
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "server.pem")
            file.touch(mode=0o600)
            file.write_bytes(self._pem + chain)
            context.load_cert_chain(file)
        return context
