"""Serve as test helper: an aiohttp server that measures from outside for our probe and for OONI's."""

from probe.helper.helper_server import build, listening, serve
from probe.helper.state import HelperState, load_state

__all__ = ["HelperState", "build", "listening", "load_state", "serve"]
