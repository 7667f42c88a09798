"""Define the row of one pair of transfers: its columns with their meanings."""

from typing import Annotated, Any, NamedTuple


class TransferRow(NamedTuple):
    """Hold the figures of a pair. Columns with `innocuous_` are of the transfer under the innocuous name.

    A pair is of transfers from the test helper, over TLS or HTTP without TLS, or of the service's own page over QUIC.
    One with the protocol `address` is of a page under an innocuous name, by the helper's transfer of a pair over TLS.
    The pages are those of the same service and name over the same protocol, with bodies of at least 8 kB.
    """

    pair: Annotated[int, "number of the pair in the measurement, from 0"]
    service: Annotated[str, "role of the service whose name was sent"]
    name: Annotated[str, "server name in the hello, or the Host header without TLS"]
    transaction_id: Annotated[int, "transaction of the transfer under this name"]
    innocuous_transaction_id: Annotated[int, "transaction of the transfer under the innocuous name"]
    spoiled: Annotated[bool, "the helper or this computer disturbed a transfer, or one of them was not begun"]
    usable: Annotated[
        bool,
        "undisturbed, and the innocuous name reached 80 % of the pace with one segment in ten repeated at most. False "
        "if the name was slower, and a usable pair at a higher pace decides",
    ]
    ratio: Annotated[float | None, "throughput of the name by that of the innocuous one, NULL if too short"]
    pooled: Annotated[float | None, "the same of all usable pairs of the name at this pace, NULL without one"]
    pooled_low: Annotated[float | None, "lower end of its interval of 95 %"]
    pooled_high: Annotated[float | None, "upper end of its interval of 95 %"]
    share: Annotated[float, "received bytes by those that the helper's pace gives in that time"]
    innocuous_share: Annotated[float, "the same of the innocuous name"]
    silent: Annotated[float, "seconds without a byte at the end of the transfer under the name"]
    repeated: Annotated[float | None, "share of segments that the helper's kernel sent again, NULL if it does not tell"]
    innocuous_repeated: Annotated[float | None, "the same of the innocuous name"]
    queueing: Annotated[
        float | None, "seconds by which the round trip exceeded its least at the last frame, NULL if not told"
    ]
    innocuous_queueing: Annotated[float | None, "the same of the innocuous name"]
    pages: Annotated[int, "pages of the service that came here"]
    slow_pages: Annotated[
        int,
        "of these, the ones below 64 kB/s, and below a third of the fastest page that the control received. Over QUIC "
        "20 kB/s, if pages over TLS under the name are fast",
    ]
    page_rate: Annotated[float | None, "bytes a second of the fastest page here, NULL without one"]
    control_page_rate: Annotated[float | None, "bytes a second of the control's fastest page, NULL without one"]
    protocol: Annotated[
        str,
        "tls, http (without TLS), tls_upload (sent to the helper), quic (the service's own page), address (see above), "
        "or upload and download (TCP beside media flows)",
    ] = "tls"
    other_page_rate: Annotated[
        float | None, "bytes a second of the fastest page over TLS under the same name, of pairs over QUIC"
    ] = None
    stopped_at: Annotated[
        int, "bytes after which the transfer under the name stopped and the path carried nothing more, -1 if it did not"
    ] = -1
    packets: Annotated[int, "segments that its bytes filled, -1 if unknown"] = -1
    segment: Annotated[int, "longest payload of its segments in bytes, 0 if unknown"] = 0
    pace: Annotated[float, "bytes a second of which the shares are, 0 if unknown"] = 0.0


_DIGITS = 4


def rounded_row(columns: dict[str, Any]) -> TransferRow:
    """Return the row of these columns, with numbers of four digits."""
    rounded: dict[str, Any] = {
        key: round(value, _DIGITS) if isinstance(value, float) else value for key, value in columns.items()
    }
    return TransferRow(**rounded)
