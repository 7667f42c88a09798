"""Count the datagrams of a QUIC connection, and note when an answer stops and whether the path is tested then."""

from collections.abc import Callable

from probe.formats.transactions import StreamEnd
from probe.signatures.silent_streams import LEAST_SILENCE, is_in_midst_of_answer


class AnswerWatch:
    """Hold what a connection carried up to its last packet. `clock` returns seconds.

    An acknowledgement of a PING that tests the path is no part of an answer. It ends no silence and is not counted.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._opened_at = self._heard_at = self._tested_at = clock()
        self._sent = self._received = self._bytes_sent = self._bytes_received = 0
        self._counted = StreamEnd(segments_in=0, segments_out=0)  # up to the last packet before a test of the path
        self._received_before = 0  # bytes, when the last request was sent
        self._tests = 0  # since the answer stopped
        self.acknowledged = 0  # PING frames

    def sent(self, size: int) -> None:
        """Count a datagram that was sent."""
        self._sent += 1
        self._bytes_sent += size

    def came(self, size: int, *, has_data: bool) -> None:
        """Count a readable datagram. `has_data`: it had a frame of a stream or of the handshake."""
        self._received += 1
        self._bytes_received += size
        if self._tests and not has_data:
            return
        self._tests, self._heard_at = 0, self._clock()
        self._counted = StreamEnd(
            bytes_received=self._bytes_received,
            bytes_sent=self._bytes_sent,
            bytes_after_sent=self._bytes_received - self._received_before,
            reads=self._received,
            last_byte=round(self._heard_at - self._opened_at, 6),
            segments_in=self._received,
            segments_out=self._sent,
        )

    def request_sent(self) -> None:
        """Count the bytes of an answer from now on."""
        self._received_before = self._bytes_received
        self._counted.bytes_after_sent = 0

    def tested(self) -> None:
        """Note a PING that tests the path."""
        if not self._tests:
            self.acknowledged = 0
        self._tests += 1
        self._tested_at = self._clock()

    @property
    def next_test(self) -> float:
        """Return the time of the next test if nothing more arrives."""
        return max(self._heard_at, self._tested_at) + LEAST_SILENCE

    @property
    def awaits_acknowledgement(self) -> bool:
        """Return whether the path was tested, and nothing came back."""
        return self._tests > 0 and not self.acknowledged

    def fell_silent(self) -> bool:
        """Return whether an answer began and nothing has arrived for some time."""
        return is_in_midst_of_answer(self._counted.bytes_after_sent, self._clock() - self._heard_at)

    def end(self) -> StreamEnd:
        """Return how far the connection got until now."""
        return self._counted.model_copy(
            update={
                "silence": round(self._clock() - self._heard_at, 6),
                "ping_acknowledged": self.acknowledged > 0 if self._tests else None,
            }
        )
