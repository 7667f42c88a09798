"""Test `probe ui`."""
