"""Send HTTP/1.1 requests."""
