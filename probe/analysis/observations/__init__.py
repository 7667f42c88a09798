"""Flatten a measurement into rows, one per transaction."""
