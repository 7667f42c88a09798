"""Put a run into one file for another person, and read such a file from a person who may be hostile."""

from probe.sharing.incoming import Received, receive
from probe.sharing.manifest import LARGEST_PACKED, Manifest, ShareError
from probe.sharing.outgoing import Outgoing, inspect, pack
from probe.sharing.writing import write_new

__all__ = [
    "LARGEST_PACKED",
    "Manifest",
    "Outgoing",
    "Received",
    "ShareError",
    "inspect",
    "pack",
    "receive",
    "write_new",
]
