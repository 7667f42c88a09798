"""Parse, build and redact DNS messages."""
