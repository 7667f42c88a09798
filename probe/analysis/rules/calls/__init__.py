"""Define the rules about calls: STUN, TURN, Telegram's relays, DTLS and SIP."""
