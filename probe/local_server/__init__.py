"""Serve pages to browsers on this computer: where a request may come from, and the port at 127.0.0.1."""
