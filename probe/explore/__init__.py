"""Serve a store to one analyst on this computer: the page of `probe compare`, and a read-only JSON API."""

from probe.explore.explorer_server import host, serve

__all__ = ["host", "serve"]
