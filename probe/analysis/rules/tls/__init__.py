"""Define the rules about TLS over TCP."""
