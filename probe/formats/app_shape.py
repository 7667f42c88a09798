"""Name the shapes of call packets. Target files use them, and are read without the models of measurements."""

from typing import Literal

AppShape = Literal["rtp", "whatsapp", "reflector"]
"""Shape of the packets in an app's calls. A target file names it, and `probe/wire/media/` writes such packets.

- rtp: calls over WebRTC.
- whatsapp: RTP with WhatsApp's header extension.
- reflector: frames of Telegram's call relays.
"""
