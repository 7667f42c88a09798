"""Test what is kept of binary values."""
