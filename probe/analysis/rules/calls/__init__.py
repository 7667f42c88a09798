"""Define the rules about calls: STUN, TURN, Telegram's relays and SIP."""
