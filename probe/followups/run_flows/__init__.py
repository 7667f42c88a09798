"""Measure flows that serve a whole run: media pairs, test calls, transfers under two names, and kept connections."""
