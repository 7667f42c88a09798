"""Test what sockets show of packets."""
