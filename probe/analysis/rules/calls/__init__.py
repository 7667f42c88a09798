"""Define the rules about calls: STUN, TURN and SIP."""
