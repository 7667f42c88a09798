"""The test helper: an aiohttp server that measures from outside, when our own probe or OONI's asks."""

from probe.helper.admission import Admission, open_desk
from probe.helper.server import build, serve

__all__ = ["Admission", "build", "open_desk", "serve"]
