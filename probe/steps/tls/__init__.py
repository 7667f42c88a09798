"""Perform TLS handshakes and check certificates."""
