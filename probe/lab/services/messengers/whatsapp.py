"""Serve WhatsApp's Noise hello with the lab's own certificate chain."""

from probe.lab.services.server_streams import Ended, Stream, read_exactly
from probe.lab.world.emulated_world import World
from probe.wire.whatsapp import noise

PROLOGUE_LENGTH, LENGTH_BYTES, LONGEST_HELLO = 4, 3, 4096


async def serve_noise(stream: Stream, world: World) -> None:
    """Answer one client hello, then read until the client closes. Raises Ended."""
    prologue = await read_exactly(stream, PROLOGUE_LENGTH)
    length = int.from_bytes(await read_exactly(stream, LENGTH_BYTES), "big")
    if prologue[:2] != b"WA" or length > LONGEST_HELLO:
        raise Ended
    try:
        ephemeral = noise.read_client_hello(await read_exactly(stream, length))
        hello = noise.server_hello(ephemeral, world.noise.static, world.noise.chain, prologue=prologue)
    except ValueError as error:
        raise Ended from error
    await stream.write(noise.frame(hello))
    while True:
        await stream.read()
