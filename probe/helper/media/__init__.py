"""Reflect media flows, so that a probe measures loss, delay and cutoffs of both directions."""
