"""List the shapes of media flows. A new shape is one class here."""

from typing import Literal

from probe.wire.media.opaque import OpaqueShape
from probe.wire.media.reflector_shape import ReflectorShape
from probe.wire.media.rtp import RTPShape
from probe.wire.media.shape import PacketRequest, Shape
from probe.wire.media.whatsapp_shape import WhatsAppShape

ShapeName = Literal["rtp", "whatsapp", "reflector", "opaque"]

SHAPES: dict[ShapeName, type[Shape]] = {
    "rtp": RTPShape,
    "whatsapp": WhatsAppShape,
    "reflector": ReflectorShape,
    "opaque": OpaqueShape,
}
"""Shapes by name. The opaque shape is last, because it reads any bytes of the right size."""

APP_SHAPES = tuple(name for name in SHAPES if name != OpaqueShape.NAME)
"""Shapes of apps, which a helper names in its offer."""


def requests_in(datagram: bytes) -> list[tuple[type[Shape], PacketRequest]]:
    """Return the readings of a datagram as a request. Only one of them can have a token that was issued."""
    read = ((shape, shape.read_request(datagram)) for shape in SHAPES.values())
    return [(shape, request) for shape, request in read if request is not None]
