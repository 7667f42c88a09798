"""Answer calls over SIP, and reflect their RTP packets, so that a probe makes a call without an account."""
