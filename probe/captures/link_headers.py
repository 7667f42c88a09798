"""Find the IP packet in a frame of a capture, by the number of its link type.

The numbers are those of scapy (`scapy.data.DLT_*` of version 2.8.0), with which a test compares them.
"""

NULL, ETHERNET, RAW_BSD, RAW_OPENBSD, RAW, LOOP, SLL, IPV4, IPV6, SLL2 = 0, 1, 12, 14, 101, 108, 113, 228, 229, 276
_ETHERTYPES = {b"\x08\x00", b"\x86\xdd"}  # IPv4, IPv6
_TAGS = {b"\x81\x00", b"\x88\xa8", b"\x91\x00"}  # of virtual networks, four bytes each
_PPPOE, _MPLS = b"\x88\x64", {b"\x88\x47", b"\x88\x48"}
_PPP = {b"\x00\x21", b"\x00\x57"}  # IPv4 and IPv6 in PPP
_MOST_TAGS = 4


def ip_packet(link: int, frame: bytes) -> bytes | None:
    """Return the IP packet of a frame, None if it has none or the link type is not known."""
    if link in {RAW_BSD, RAW_OPENBSD, RAW, IPV4, IPV6}:
        return frame
    if link in {NULL, LOOP}:
        return frame[4:]  # the number of the family differs between systems, and the packet shows it itself
    if link == ETHERNET:
        return _behind_type(frame, 12)
    if link == SLL:
        return _behind_type(frame, 14)
    return frame[20:] if link == SLL2 and frame[:2] in _ETHERTYPES else None


def _behind_type(frame: bytes, at: int) -> bytes | None:
    for _ in range(_MOST_TAGS):
        kind = frame[at : at + 2]
        if kind in _ETHERTYPES:
            return frame[at + 2 :]
        if kind == _PPPOE:
            return frame[at + 10 :] if frame[at + 8 : at + 10] in _PPP else None
        if kind in _MPLS:
            return _behind_labels(frame, at + 2)
        if kind not in _TAGS:
            return None
        at += 4
    return None


def _behind_labels(frame: bytes, at: int) -> bytes | None:
    """Return what follows the labels of MPLS. The last one has its bottom bit set (RFC 3032)."""
    for _ in range(_MOST_TAGS):
        label = frame[at : at + 4]
        at += 4
        if len(label) == 4 and label[2] & 1:
            return frame[at:]
    return None
