"""What is said in the schemes of calls: `stun`, `turn` and `sip`, over UDP, TCP and TLS."""

from probe.dialogue.talk import Speech

SPEECHES: dict[str, Speech] = {}
