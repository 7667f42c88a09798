"""Compute the figures of pairs of media flows."""
