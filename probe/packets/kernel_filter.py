"""Select the packets that are dissected in the kernel (classic BPF), so that the sniffer wakes up for few of them."""

import struct

from probe.packets.headers import ICMP, ICMPV6, TCP, UDP

DNS, RST, SYN_ACK = 53, 0x04, 0x12
# opcodes of <linux/bpf_common.h>
BYTE, BYTE_AFTER_X, PORT_AFTER_X = 0x30, 0x50, 0x48
X_IS, X_IS_IPV4_LENGTH = 0x01, 0xB1
SHIFT, AND, SKIP, EQUAL, ANY_BIT, RETURN = 0x74, 0x54, 0x05, 0x15, 0x45, 0x06
KEEP, DROP = 21, 22  # places of the last two instructions
# (opcode, operand, next place if true, if false). Others than conditions go on with the next instruction.
_INSTRUCTIONS: tuple[tuple[int, int, int, int], ...] = (
    (BYTE, 0, 0, 0),
    (SHIFT, 4, 0, 0),
    (EQUAL, 4, 3, 6),
    (X_IS_IPV4_LENGTH, 0, 0, 0),
    (BYTE, 9, 0, 0),
    (SKIP, 3, 0, 0),
    (EQUAL, 6, 7, DROP),
    (X_IS, 40, 0, 0),
    (BYTE, 6, 0, 0),
    (EQUAL, ICMP, KEEP, 10),
    (EQUAL, ICMPV6, KEEP, 11),
    (EQUAL, TCP, 12, 16),
    (BYTE_AFTER_X, 13, 0, 0),
    (ANY_BIT, RST, KEEP, 14),
    (AND, SYN_ACK, 0, 0),
    (EQUAL, SYN_ACK, KEEP, DROP),
    (EQUAL, UDP, 17, DROP),
    (PORT_AFTER_X, 0, 0, 0),
    (EQUAL, DNS, KEEP, 19),
    (PORT_AFTER_X, 2, 0, 0),
    (EQUAL, DNS, KEEP, DROP),
    (RETURN, 0xFFFF, 0, 0),
    (RETURN, 0, 0, 0),
)


def is_candidate(raw: bytes) -> bool:
    """Select packets as the filter does, where the kernel has none: SYN/ACK, RST, ICMP, or port 53."""
    if len(raw) < 28:
        return False
    version = raw[0] >> 4
    protocol, header = (raw[9], (raw[0] & 15) * 4) if version == 4 else (raw[6], 40)
    if protocol in {ICMP, ICMPV6}:
        return True
    if protocol == TCP and len(raw) > header + 13:
        flags = raw[header + 13]
        return bool(flags & RST) or flags & SYN_ACK == SYN_ACK
    port = DNS.to_bytes(2, "big")
    return protocol == UDP and port in (raw[header : header + 2], raw[header + 2 : header + 4])


def program() -> bytes:
    """Return the filter as the kernel reads it: an array of `struct sock_filter`."""
    return b"".join(_instruction(place, *each) for place, each in enumerate(_INSTRUCTIONS))


def _instruction(place: int, opcode: int, operand: int, if_true: int, if_false: int) -> bytes:
    skips = (if_true - place - 1, if_false - place - 1) if opcode in {EQUAL, ANY_BIT} else (0, 0)
    return struct.pack("=HBBI", opcode, *skips, operand)
