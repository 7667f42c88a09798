"""Make the TLS contexts of the lab's servers, with a certificate for each name at its first use."""

import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from probe.lab.world.authority import Authority, key_pem, new_key
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import Certificate, Host, InterceptingServer

UNRECOGNIZED_NAME = bytes.fromhex("15030300020270")  # a fatal alert 112 (RFC 6066 3, RFC 8446 6)
FORGERIES = {"ca": "forged", "itself": "self-signed", "machine": "by the machine's", "another_name": "wrong"}
FORGERIES |= {"lapsed": "expired"}
OTHER_NAME = "www.another-name.example"


class Credentials:
    """Cache contexts by name and kind. All use one key pair."""

    def __init__(self, world: World) -> None:
        self._authority, self._machines, self._newest = world.authority, world.machines, world.newest
        self._forger = Authority("Interception Authority of the Censor", world.now())
        self._key = new_key()
        self._pem = key_pem(self._key)
        self._made: dict[tuple[str, ...], ssl.SSLContext] = {}

    def of_host(self, host: Host, name: str | None, alpn: Sequence[str]) -> ssl.SSLContext:
        """Return the context of a server for a hello with `name`. An unknown name gets the server's own certificate."""
        names = [name] if name in host.names else host.certified
        return self._context(names, host.certificate, alpn)

    def issued_to(self, host: Host) -> tuple[bytes, ec.EllipticCurvePrivateKey]:
        """Return the certificate chain in PEM and the key, for servers without an SSLContext."""
        return self._issue(host.certified, host.certificate), self._key

    def issued_for_interception(self, interceptor: InterceptingServer) -> tuple[bytes, ec.EllipticCurvePrivateKey]:
        """Return the forged chain and the key of an intercepting server without an SSLContext."""
        return self._issue(interceptor.host.certified, FORGERIES[interceptor.signed_by]), self._key

    def for_interception(self, interceptor: InterceptingServer, name: str, alpn: Sequence[str]) -> ssl.SSLContext:
        """Return the context of an intercepting server, with a forged certificate for `name`."""
        return self._context([name], FORGERIES[interceptor.signed_by], alpn)

    def _context(self, names: Sequence[str], kind: Certificate | str, alpn: Sequence[str]) -> ssl.SSLContext:
        key = (kind, ",".join(alpn), *names)
        if key not in self._made:
            self._made[key] = self._make(self._issue(names, kind), alpn)
        return self._made[key]

    def _issue(self, names: Sequence[str], kind: str) -> bytes:
        match kind:
            case "wrong":
                return self._authority.issue([OTHER_NAME], self._key)
            case "expired":
                return self._authority.issue(names, self._key, expired=True)
            case "new":
                return self._newest.issue(names, self._key)
            case "forged":
                return self._forger.issue(names, self._key) + self._forger.pem.encode()
            case "by the machine's":
                return self._machines.issue(names, self._key)
            case "self-signed":
                return self._forger.issue(names, self._key, self_signed=True)
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
