"""Make the captures of `tests/fixtures/captures` from captures of the lab (`python -m tests.captures.make_fixtures`).

Arguments are pcap files with raw IP packets, one for each scenario. To keep the files small, only the first packets of
each flow are kept, and the payload of later segments becomes zeros.
"""

import sys
from collections import Counter
from pathlib import Path

from probe.captures.capture_file import read_frames
from probe.packets.packet_headers import TCP, ports_of, read_ip
from tests.support.made_captures import packed, pcap

FOLDER = Path(__file__).parents[1] / "fixtures" / "captures"
MOST, WHOLE = 40, 4  # packets of a direction of a flow, and those of them with payload


def shortened(path: Path) -> bytes:
    """Return a capture with fewer packets and bytes."""
    seen, kept = Counter[tuple[object, ...]](), []
    for frame in read_frames(path):
        packet = read_ip(frame.raw)
        if packet is None:
            continue
        flow = packet.source, packet.destination, packet.protocol, ports_of(packet.payload, packet.protocol)
        seen[flow] += 1
        raw = frame.raw
        if packet.protocol == TCP and seen[flow] > WHOLE:
            head = len(raw) - len(packet.payload) + (packet.payload[12] >> 4) * 4
            raw = raw[:head] + bytes(len(raw) - head)
        if seen[flow] <= MOST:
            kept.append((frame.when, raw))
    return pcap(kept)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for word in sys.argv[1:]:
        source = Path(word)
        (FOLDER / f"{source.stem}.pcap.zst").write_bytes(packed(shortened(source), "zst"))
