"""Make the keys of the lab's Noise server. The user trusts its root instead of WhatsApp's."""

import base64
import textwrap
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from probe.wire.whatsapp.certificate_chain import make_chain
from probe.wire.whatsapp.noise import new_key, public_of

LASTS = timedelta(days=60)


@dataclass(frozen=True)
class NoiseIdentity:
    """Hold a root key, a static key, and the certificate chain between them. `now` is the time of the world."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    root: bytes = field(default_factory=new_key)
    static: bytes = field(default_factory=new_key)

    @cached_property
    def chain(self) -> bytes:
        """Return the certificate chain of a server hello."""
        first, last = (int(moment.timestamp()) for moment in (self.now - LASTS, self.now + LASTS))
        return make_chain(self.root, public_of(self.static), not_before=first, not_after=last)

    @property
    def root_pem(self) -> str:
        """Return the root's public key as a block of the PROBE_PUBLIC_ROOTS file."""
        text = "\n".join(textwrap.wrap(base64.b64encode(public_of(self.root)).decode(), 64))
        return f"-----BEGIN NOISE ROOT-----\n{text}\n-----END NOISE ROOT-----\n"
