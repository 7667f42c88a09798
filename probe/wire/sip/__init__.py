"""Parse and build SIP messages."""
