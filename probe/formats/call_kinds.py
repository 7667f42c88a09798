"""Name the shapes of call packets, and the protocols of test calls. Target files are read without larger models."""

from typing import Literal

AppShape = Literal["rtp", "whatsapp", "reflector"]
"""Shape of the packets in an app's calls. A target file names it, and `probe/wire/media/` writes such packets.

- rtp: calls over WebRTC.
- whatsapp: RTP with WhatsApp's header extension.
- reflector: frames of Telegram's call relays.
"""

CallProtocol = Literal["sip", "webrtc"]
"""What sets up a call to the test helper."""
