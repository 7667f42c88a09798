"""Serve a store to one analyst on this computer: the page of `probe compare`, and a read-only JSON API."""

from probe.explore.server import serve

__all__ = ["serve"]
