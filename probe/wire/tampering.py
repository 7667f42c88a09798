"""Exchange the ends of a payload, as a middlebox does to spoil datagrams without dropping them."""

END = 2  # bytes at each end


def with_ends_swapped(payload: bytes) -> bytes:
    """Return the payload with its first two and last two bytes exchanged. A shorter one than four bytes is unchanged.

    Applied twice it gives the payload again.
    """
    if len(payload) < 2 * END:
        return payload
    return payload[-END:] + payload[END:-END] + payload[:END]
