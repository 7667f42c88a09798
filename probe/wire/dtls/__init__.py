"""Build and parse DTLS client hellos and the first answers to them (RFC 6347, RFC 9147)."""
