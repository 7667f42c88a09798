"""Read the messages of RFC 4475, without 3.1.1.11 (mpart01), from `rfc4475.txt` in the RFC's notation.

`<hex>` are bytes, and `<repeat count=n>` stands for n times its content. We add `<sdp ADDRESS [START]>` for the body
that most of them share. Lines end in CRLF on the wire.
"""

import re
from pathlib import Path

_SDP = """v=0
o=mhandley 29739 7272939 IN IP4 {0}
s=-
c=IN IP4 {0}
t={1} 0
m=audio 49217 RTP/AVP 0 12
m=video 3227 RTP/AVP 31
a=rtpmap:31 LPC"""


def _expanded(text: str) -> bytes:
    text = re.sub(r"<sdp (\S+?)(?: (\d+))?>", lambda found: _SDP.format(found[1], found[2] or 0), text)
    text = re.sub(r"<repeat count=(\d+)>(.*?)</repeat>", lambda found: int(found[1]) * found[2], text)
    text = re.sub(r"<hex>(.*?)</hex>", lambda found: bytes.fromhex(found[1]).decode("latin-1"), text)
    return text.replace("\n", "\r\n").encode("latin-1")


def _read() -> dict[str, bytes]:
    pieces = re.split(r"^=== (\w+) [\d.]+\n", (Path(__file__).parent / "rfc4475.txt").read_text(), flags=re.MULTILINE)
    return {name: _expanded(text) for name, text in zip(pieces[1::2], pieces[2::2], strict=True)}


MESSAGES = _read()
