"""Serve DNS in the lab."""
