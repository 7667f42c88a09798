"""Implement `probe lab`."""
