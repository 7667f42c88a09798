"""The keys of the lab's Noise server: a root of its own, which the volunteer trusts instead of WhatsApp's."""

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
    """One root, one static key, and the chain from the one to the other. `now` is the world's time."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    root: bytes = field(default_factory=new_key)
    static: bytes = field(default_factory=new_key)

    @cached_property
    def chain(self) -> bytes:
        """The chain that goes into a server hello."""
        first, last = (int(moment.timestamp()) for moment in (self.now - LASTS, self.now + LASTS))
        return make_chain(self.root, public_of(self.static), not_before=first, not_after=last)

    @property
    def root_pem(self) -> str:
        """The root's public key as the block that PROBE_PUBLIC_ROOTS may hold."""
        text = "\n".join(textwrap.wrap(base64.b64encode(public_of(self.root)).decode(), 64))
        return f"-----BEGIN NOISE ROOT-----\n{text}\n-----END NOISE ROOT-----\n"
