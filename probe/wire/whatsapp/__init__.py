"""Parse and build WhatsApp's Noise handshake."""
