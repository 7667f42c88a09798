"""Serve QUIC and HTTP/3 in the lab."""
