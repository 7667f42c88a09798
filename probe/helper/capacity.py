"""Divide the file descriptors of the helper between its clients and its measurements."""

from dataclasses import dataclass

from probe.helper.admission import AT_ONCE, FLOWS
from probe.http_server.connections import ACCEPTED_AT_ONCE
from probe.platforms.descriptors import raise_descriptor_limit

DESCRIPTORS_WANTED, DESCRIPTORS_KEPT = 8192, 64
FEWEST_FLOWS = 32  # at once for one measurement. With fewer descriptors there are fewer measurements.


@dataclass(frozen=True)
class Capacity:
    """Hold what the file descriptors allow at once. `flows` are those of one measurement."""

    connections: int
    measurements: int
    flows: int


def capacity(descriptors: int) -> Capacity:
    """Divide file descriptors between clients and measurements, so that neither takes those of the other."""
    connections = max(8, descriptors * 3 // 8)
    left = max(1, descriptors - connections - ACCEPTED_AT_ONCE - DESCRIPTORS_KEPT)
    measurements = max(1, min(AT_ONCE, left // FEWEST_FLOWS))
    return Capacity(connections, measurements, min(FLOWS, max(1, left // measurements)))


def raise_descriptors() -> int:
    """Raise this process's soft limit of file descriptors as far as needed and allowed. Return the limit."""
    return raise_descriptor_limit(DESCRIPTORS_WANTED)
