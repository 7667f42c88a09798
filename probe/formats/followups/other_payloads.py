"""Describe the follow-ups that send another payload, or the same payload to another place."""

from probe.formats.followups.kind import AFTER_FAILURE, FollowUpKind
from probe.messages import mark

RANDOM_BYTES = (
    FollowUpKind(
        "random_bytes_neutral_host",
        "bytes of no protocol to a neutral host at the same port",
        "payload and address",
        0,
        f"{AFTER_FAILURE} with a payload that is on no list of usual protocols. Once per family.",
        "No neutral host has this port.",
        mark("sent random bytes to the neutral host {address}, to compare with {name}"),
        mark("the random bytes over TCP"),
    ),
)
"""Follow-ups that compare payloads at neutral hosts."""

ECHO_PAIR = (
    FollowUpKind(
        "same_payload_echo",
        "the endpoint's own datagram to the helper's echo at the same port",
        "address",
        1,
        "After the random datagram of the echo pair.",
        "The helper offers no echo, or its token was too old.",
        mark("sent the service's own datagram to the test helper, to compare with {name}"),
        mark("the echo pair at the test helper"),
    ),
    FollowUpKind(
        "other_payload_echo",
        "a random datagram of equal size to the helper's echo at the same port",
        "payload and address",
        0,
        "After a call's datagrams met silence twice. Once per payload, port and family.",
        "The helper offers no echo, or no trigger was left for it.",
        mark("sent a random datagram to the test helper, to compare with {name}"),
        mark("the echo pair at the test helper"),
    ),
    FollowUpKind(
        "datagram_sizes",
        "random datagrams of growing size to the helper's echo, until one is lost. Then finer sizes up to the lost one",
        "payload and address",
        0,
        "After the echo pair, and after two handshakes over QUIC met silence. Once per family.",
        "The helper offers no echo.",
        mark("sent random datagrams of several sizes to the test helper, to compare with {name}"),
        mark("the datagrams of several sizes at the test helper"),
        excludes_other_cause=True,
    ),
)
"""Follow-ups that compare datagrams at the helper's echo."""

MEDIA_PAIR = (
    FollowUpKind(
        "media_shape",
        "packets that look like those of the app's calls, for 10 s, to the helper, which reflects them",
        "payload and address",
        0,
        "Once per round, if the target file says what the packets of a service's calls look like.",
        "`x_run.media` says why.",
        mark("sent packets like those of a call to the test helper"),
        mark("the call packets at the test helper"),
    ),
    FollowUpKind(
        "media_opaque",
        "random packets of equal size and pace to the helper, at the same time",
        "payload and address",
        0,
        "Beside `media_shape`, in drawn order.",
        "`x_run.media` says why.",
        mark("sent random packets of the same size to the test helper, to compare"),
        mark("the call packets at the test helper"),
    ),
)
"""Follow-ups that compare media flows at the helper. They follow no failure, and bear no name of a target."""

HELPER_CALLS = (
    FollowUpKind(
        "sip_call",
        "a whole call to the helper over SIP, with 3 s of voice in both directions",
        "payload and address",
        0,
        "Once per round of a deep run, after the media flows, if a service is asked over SIP and UDP.",
        "`x_run.calls` says why.",
        mark("called the test helper over SIP"),
    ),
    FollowUpKind(
        "webrtc_call",
        "a whole call to the helper over WebRTC, with 3 s of voice in both directions",
        "payload and address",
        0,
        "Once per round of a deep run, after the call over SIP, if a service's calls are made of RTP.",
        "`x_run.calls` says why.",
        mark("called the test helper over WebRTC"),
    ),
)
"""Calls to the helper. They follow no failure, bear no name of a target, and no rule reads them."""

TRANSFER_PAIR = (
    FollowUpKind(
        "transfer_name",
        "a hello with the same name to the helper, which then sends bytes at a fixed pace for 6 s",
        "address",
        1,
        "After pages of the target came slowly, with `--depth deep` once per target. At most five pairs in a round.",
        "`x_run.transfers` says why.",
        mark("received bytes from the test helper under the name {name}"),
        mark("the transfers from the test helper"),
    ),
    FollowUpKind(
        "transfer_innocuous",
        "a hello with an innocuous name to the helper, which sends the same at the same time",
        "name and address",
        0,
        "Beside `transfer_name`, in drawn order.",
        "`x_run.transfers` says why.",
        mark("received bytes from the test helper under an innocuous name, to compare with {name}"),
        mark("the transfers from the test helper"),
    ),
    FollowUpKind(
        "upload_name",
        "a hello with the same name to the helper, and then bytes at a fixed pace for 6 s",
        "address",
        1,
        "With `--depth deep` after `transfer_name`. At most two pairs in a round.",
        "The run was not deep, the helper takes no uploads, or the round had two pairs of them.",
        mark("sent bytes to the test helper under the name {name}"),
        mark("the uploads to the test helper"),
    ),
    FollowUpKind(
        "upload_innocuous",
        "a hello with an innocuous name to the helper, and the same bytes at the same time",
        "name and address",
        0,
        "Beside `upload_name`, in drawn order.",
        "As of `upload_name`.",
        mark("sent bytes to the test helper under an innocuous name, to compare with {name}"),
        mark("the uploads to the test helper"),
    ),
    FollowUpKind(
        "transfer_host",
        "a request without TLS whose Host header is the same name, to the helper, which then sends bytes as above",
        "address",
        1,
        "After pages of the target came slowly over HTTP without TLS. It is one of the five pairs of a round.",
        "`x_run.transfers` says why. The helper may send no transfers without TLS.",
        mark("received bytes from the test helper under the name {name}"),
        mark("the transfers from the test helper"),
    ),
    FollowUpKind(
        "transfer_innocuous_host",
        "a request whose Host header is an innocuous name, to the helper, which sends the same at the same time",
        "name and address",
        0,
        "Beside `transfer_host`, in drawn order.",
        "`x_run.transfers` says why.",
        mark("received bytes from the test helper under an innocuous name, to compare with {name}"),
        mark("the transfers from the test helper"),
    ),
)
"""Follow-ups that compare the throughput of two names at the helper."""

QUIC_PAGES = (
    FollowUpKind(
        "quic_page_name",
        "the beginning of the same page over QUIC with the same name, nine times on one connection",
        "",
        1,
        "After a page of the target came slowly over QUIC. It is one of the five pairs of a round.",
        "`x_run.transfers` says why.",
        mark("read the page of {name} at {address} over QUIC again"),
        mark("the page over QUIC under two names"),
    ),
    FollowUpKind(
        "quic_page_innocuous",
        "the same page from the same address on a QUIC connection with an innocuous name",
        "name",
        0,
        "In turns with `quic_page_name`, in drawn order.",
        "`x_run.transfers` says why.",
        mark("read the same page at {address} over QUIC under the innocuous name {name}"),
        mark("the page over QUIC under two names"),
    ),
)
"""Follow-ups that compare the throughput of two names over QUIC at the service's own address."""

ADDRESS_PAGES = (
    FollowUpKind(
        "address_page_innocuous",
        "the beginning of the same page from the same address, nine times, each with an innocuous name in the hello",
        "name",
        0,
        "After a page came slowly over TLS and the transfers of its pair were both fast. It is a pair of a round.",
        "The page did not come slowly, the name is slowed down, the line was not free, or the round had five pairs.",
        mark("read the same page at {address} under the innocuous name {name}"),
        mark("the page at the same address under another name"),
    ),
)
"""The follow-up that reads a slow page under another name."""

BESIDE_MEDIA = (
    FollowUpKind(
        "upload_beside_media",
        "bytes over TLS to the helper at a fixed pace for 6 s, under an innocuous name",
        "payload",
        0,
        "After both flows of a media pair lost 20 of 100 packets or more on the way to the helper. Once in a round.",
        "No media pair lost so many packets, or the helper takes no uploads.",
        mark("sent bytes to the test helper over TCP, to compare with call packets"),
        mark("the transfer over TCP beside call packets"),
    ),
    FollowUpKind(
        "transfer_beside_media",
        "bytes over TLS from the helper at a fixed pace for 6 s, under an innocuous name",
        "payload",
        0,
        "After both flows of a media pair lost as many packets on the way back. Once in a round.",
        "No media pair lost so many packets, or the helper sends no transfers.",
        mark("received bytes from the test helper over TCP, to compare with call packets"),
        mark("the transfer over TCP beside call packets"),
    ),
)
"""Follow-ups that compare TCP with UDP. They bear no name of a target."""
