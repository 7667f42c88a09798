"""Put a run into one file for another person, and read such a file from a person who may be hostile."""

from probe.sharing.incoming import Received, receive
from probe.sharing.outgoing import Outgoing, inspect, pack, write_new
from probe.sharing.share_manifest import LARGEST_PACKED, ShareError, ShareManifest

__all__ = [
    "LARGEST_PACKED",
    "Outgoing",
    "Received",
    "ShareError",
    "ShareManifest",
    "inspect",
    "pack",
    "receive",
    "write_new",
]
