"""Serve DNS over HTTPS (RFC 8484) over HTTP/2, as the large public resolvers do."""

import base64
import binascii

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from probe.lab.services.dns.resolver import Zone
from probe.lab.services.server_streams import Ended, Stream

MEDIA_TYPE = "application/dns-message"


async def serve_doh(stream: Stream, zone: Zone) -> None:
    """Answer DNS queries with GET or POST until the client closes. Raises Ended."""
    http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
    http.initiate_connection()
    requests: dict[int, _Request] = {}
    while True:
        await stream.write(http.data_to_send())
        try:
            events = http.receive_data(await stream.read())
        except h2.exceptions.ProtocolError as error:
            await stream.write(http.data_to_send())
            raise Ended from error
        for event in events:
            _handle(http, event, requests, zone)


class _Request:
    def __init__(self, headers: list[tuple[str, str]]) -> None:
        self.headers = dict(headers)
        self.body = b""

    @property
    def question(self) -> bytes:
        """Return the DNS message of the request, b"" if there is none."""
        if self.headers.get(":method") == "POST":
            return self.body
        _, _, query = self.headers.get(":path", "").partition("?dns=")
        try:
            return base64.urlsafe_b64decode(query + "=" * (-len(query) % 4))
        except binascii.Error:
            return b""


def _handle(
    http: h2.connection.H2Connection, event: h2.events.Event, requests: dict[int, _Request], zone: Zone
) -> None:
    match event:
        case h2.events.RequestReceived(stream_id=int(number), headers=headers):
            requests[number] = _Request([(str(name), str(value)) for name, value in headers or []])
        case h2.events.DataReceived(stream_id=int(number), data=bytes(data)) if number in requests:
            requests[number].body += data
            http.acknowledge_received_data(event.flow_controlled_length or 0, number)
        case h2.events.StreamReset(stream_id=int(number)):
            requests.pop(number, None)
        case h2.events.ConnectionTerminated():
            raise Ended
        case h2.events.StreamEnded(stream_id=int(number)) if number in requests:
            _answer(http, number, zone.answer(requests.pop(number).question))


def _answer(http: h2.connection.H2Connection, number: int, answer: bytes | None) -> None:
    if answer is None:
        http.send_headers(number, [(":status", "400")], end_stream=True)
        return
    headers = [(":status", "200"), ("content-type", MEDIA_TYPE), ("content-length", str(len(answer)))]
    http.send_headers(number, headers)
    http.send_data(number, answer, end_stream=True)
