"""Exchange call set-up messages: STUN, TURN, SIP and the UDP echo."""
