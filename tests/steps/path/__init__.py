"""Test packets with limited TTL."""
