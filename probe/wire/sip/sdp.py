"""Parse and build the session descriptions of a call (RFC 8866) with one audio stream (offer and answer, RFC 3264).

The parser accepts any bytes. Lines that it does not know are ignored.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from probe.wire.sip.headers import number

TYPE = "application/sdp"
PROFILES = frozenset({"RTP/AVP", "RTP/AVPF"})  # not encrypted
NAMES = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000"}  # static payload types (RFC 3551, section 6)
_EVENTS = 101  # payload type of pressed keys (RFC 4733), as telephones offer them
PREFERRED = ("opus", "pcmu", "pcma", "g722")
OPUS = 111  # payload type. Browsers offer Opus with this number.
_MOST_LINES, _MOST_STREAMS, _MOST_FORMATS = 512, 16, 32
_LARGEST_PORT, _LARGEST_TYPE = 65535, 127


@dataclass(frozen=True)
class MediaStream:
    """Represent one media stream: an `m=` line and its attributes. Port 0 means that it is refused."""

    kind: str  # "audio"
    port: int
    profile: str  # "RTP/AVP"
    formats: tuple[str, ...]
    host: str = ""  # of the stream's `c=` line, else of the session's
    names: dict[int, str] = field(default_factory=dict)  # encoding by payload type, such as "opus/48000/2"
    direction: str = "sendrecv"

    @property
    def is_audio(self) -> bool:
        """Return whether this is a stream of audio that is not refused and not encrypted."""
        return self.kind == "audio" and self.port > 0 and self.profile in PROFILES

    def encoding(self, payload_type: int) -> str:
        """Return the encoding of a payload type in lower case, without rate and channels, "" if it is unknown."""
        return self.names.get(payload_type, NAMES.get(payload_type, "")).partition("/")[0].lower()

    def payload_types(self) -> Iterator[int]:
        """Yield the payload types in the order of preference."""
        for word in self.formats:
            if (value := number(word)) is not None and value <= _LARGEST_TYPE:
                yield value

    def choose(self) -> int | None:
        """Return the payload type of Opus, else that of a telephone's codec, None if none is there."""
        for wanted in PREFERRED:
            for payload_type in self.payload_types():
                if self.encoding(payload_type) == wanted:
                    return payload_type
        return None


def read_streams(body: bytes) -> list[MediaStream]:
    """Return the media streams of a session description, at most 16. Bytes of another format give none."""
    found: list[MediaStream] = []
    session, direction = "", "sendrecv"
    for line in body.decode("utf-8", "replace").replace("\r", "\n").split("\n")[:_MOST_LINES]:
        kind, equals, value = line.strip().partition("=")
        if not equals:
            continue
        if kind == "m":
            if len(found) == _MOST_STREAMS:
                break
            found.append(replace(_read_media(value), host=session, direction=direction))
        elif kind == "c":
            host = _read_host(value)
            session, found = (session, _changed(found, host=host)) if found else (host, found)
        elif kind == "a" and value in {"sendrecv", "sendonly", "recvonly", "inactive"}:
            direction, found = (direction, _changed(found, direction=value)) if found else (value, found)
        elif kind == "a" and found and value.startswith("rtpmap:"):
            for payload_type, name in _read_name(value).items():
                found[-1].names.setdefault(payload_type, name)  # the first of equal ones counts
    return found


def audio_of(body: bytes) -> MediaStream | None:
    """Return the first stream of audio that is not refused, None without one."""
    return _audio_in(read_streams(body))


def _audio_in(streams: list[MediaStream]) -> MediaStream | None:
    return next((stream for stream in streams if stream.is_audio), None)


def write_offer(host: str, port: int, number: int) -> bytes:
    """Return an offer of one audio stream. `number` is that of the session in the `o=` line."""
    return _written(host, number, [_offered(port)])


def write_answer(offer: bytes, payload_type: int, host: str, port: int, number: int) -> bytes:
    """Return the answer that accepts a payload type of the first audio stream, and refuses the other streams."""
    streams, written = read_streams(offer), []
    accepted = _audio_in(streams)
    for stream in streams:
        if stream == accepted:
            accepted = None
            written.append(_accepted(stream, payload_type, port))
        else:
            written.append(f"m={stream.kind} 0 {stream.profile} {' '.join(stream.formats[:1]) or '0'}")
    return _written(host, number, written)


def _accepted(stream: MediaStream, payload_type: int, port: int) -> str:
    name = stream.names.get(payload_type)
    line = f"m=audio {port} {stream.profile} {payload_type}"
    return line + (f"\r\na=rtpmap:{payload_type} {name}" if name else "")


def _offered(port: int) -> str:
    """Return a stream with the codecs and attributes that softphones write. RFC 7587 requires two channels for Opus."""
    lines = (
        f"m=audio {port} RTP/AVP {OPUS} {' '.join(map(str, NAMES))} {_EVENTS}",
        f"a=rtpmap:{OPUS} opus/48000/2",
        f"a=fmtp:{OPUS} minptime=10;useinbandfec=1;maxaveragebitrate=64000",
        *(f"a=rtpmap:{payload_type} {name}" for payload_type, name in NAMES.items()),
        f"a=rtpmap:{_EVENTS} telephone-event/8000",
        f"a=fmtp:{_EVENTS} 0-16",
        "a=ptime:20",
        "a=maxptime:20",
        f"a=rtcp:{port + 1}",
        "a=sendrecv",
    )
    return "\r\n".join(lines)


def _written(host: str, number: int, streams: list[str]) -> bytes:
    """Return a session description. Its `o=` line holds no address, as in browsers (RFC 8829, section 5.2.1)."""
    family = "IP6" if ":" in host else "IP4"
    lines = ("v=0", f"o=- {number} 1 IN IP4 127.0.0.1", "s=-", f"c=IN {family} {host}", "t=0 0", *streams)
    return "\r\n".join([*lines, ""]).encode()


def _changed(found: list[MediaStream], **fields: object) -> list[MediaStream]:
    return [*found[:-1], replace(found[-1], **fields)]  # type: ignore[arg-type]


def _read_media(value: str) -> MediaStream:
    words = value.split()[: 3 + _MOST_FORMATS]
    kind, port, profile = [*words[:3], "", "", ""][:3]
    place = number(port.partition("/")[0])
    return MediaStream(
        kind.lower(), place if place and place <= _LARGEST_PORT else 0, profile.upper(), tuple(words[3:])
    )


def _read_host(value: str) -> str:
    words = value.split()
    return words[2].partition("/")[0] if len(words) > 2 else ""


def _read_name(value: str) -> dict[int, str]:
    word, _, name = value.removeprefix("rtpmap:").strip().partition(" ")
    payload_type = number(word)
    return {payload_type: name.strip()} if payload_type is not None and payload_type <= _LARGEST_TYPE else {}
