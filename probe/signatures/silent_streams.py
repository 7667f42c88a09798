"""Define when a connection fell silent in the middle of an answer, or was only slow, for probe and analysis."""

LEAST_SILENCE = 2.5
"""Seconds without a byte at the end. A slow server and a slow access line send some bytes in that time."""

LEAST_ANSWER = 1500
"""Bytes that arrived after the request. TLS 1.3 sends session tickets of fewer bytes without any answer."""

LEAST_PACKETS = 24
"""Packets that a connection with a long page receives. With the client's own ones they are more than the 25 after which
devices are known to stop a connection (https://github.com/net4people/bbs/issues/490, opened 2026-11-28). How many
packets 16 kB of a page need depends on the computer's TLS library and on how its kernel acknowledges.
"""

PAUSE = 1.0
"""Seconds without a byte after which a connection may have fallen silent."""

LONG_PAGE = 65536
"""Bytes that the first page of each target gets, if it is that long. Some devices stop a connection only after more
than the 16 kB that the others get.
"""

COMPARED_BYTES = 81920
"""Bytes that an answer with another name, from another host or to the control gets, if it is that long. A connection
that stops within `LONG_PAGE` has clearly fewer.
"""

LARGEST_FRAME = 3200
"""Bytes of a frame of a transfer with the helper, header included. Each is a TLS record of its own."""

SMALL_SEGMENT = 536
"""Bytes in a segment of the comparison, the least that every IPv4 host takes (RFC 9293, 3.7.1)."""

PINGS, PINGS_AT_ONCE = 24, 2
"""PING frames before a request over QUIC, each in a datagram of its own, and how many wait for one acknowledgement.

Their datagrams and the acknowledgements are more than half of those of a page of 16 kB. A peer acknowledges at least
every second packet without delay (RFC 9000, 13.2.2).
"""


def is_in_midst_of_answer(bytes_after_request: int, silence: float, least: float | None = None) -> bool:
    """Return whether an answer had begun, and the connection then was silent for `least` seconds, by default 2.5."""
    return bytes_after_request >= LEAST_ANSWER and silence >= (LEAST_SILENCE if least is None else least)


def is_still_arriving(bytes_after_request: int, silence: float, waited: float) -> bool:
    """Return whether an answer had begun, and its bytes arrived slowly up to a time limit after `waited` seconds.

    They arrived shortly before the limit, or late. Where a slow queue lost segments, TCP waits for seconds between two.
    """
    is_late = silence < LEAST_SILENCE or waited - silence >= LEAST_SILENCE
    return bytes_after_request >= LEAST_ANSWER and is_late
