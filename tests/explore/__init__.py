"""Test the local server over a store."""
