"""Define the rules about QUIC."""
