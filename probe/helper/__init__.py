"""Serve as test helper: an aiohttp server that measures from outside for our probe and for OONI's."""

from probe.helper.admission import Admission, open_desk
from probe.helper.server import build, serve

__all__ = ["Admission", "build", "open_desk", "serve"]
