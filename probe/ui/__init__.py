"""Serve the interface of `probe ui` to one browser on this computer: consent, runs, results, handing over, settings."""

from probe.ui.interface_server import serve

__all__ = ["serve"]
