"""Test the nettests."""
