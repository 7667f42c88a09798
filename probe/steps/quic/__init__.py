"""Open QUIC connections and send HTTP/3 requests."""
