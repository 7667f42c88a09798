"""Send packets with a limited TTL."""
