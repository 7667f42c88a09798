"""Parse TLS records, hellos and QUIC Initial packets."""
