"""Measure flows to the test helper that serve a whole run: media pairs, test calls, and transfers under two names."""
