"""Serve the messengers' own protocols in the lab."""
