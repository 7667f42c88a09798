"""Conclude from the rules that hold for names and addresses on endpoints, and from endpoints on services."""
