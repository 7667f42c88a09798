"""Send random bytes at a fixed pace over TLS, so that a probe compares the throughput of two server names."""
