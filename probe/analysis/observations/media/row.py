"""Define the row of one direction of a pair of media flows: its columns with their meanings."""

from typing import Annotated, NamedTuple

FORTH, BACK, BOTH = "forth", "back", "both"


class MediaRow(NamedTuple):
    """Hold the figures of one direction of a pair. Columns with `opaque_` are of the flow of random bytes.

    Shares are from 0 to 1, with intervals of 95 %. Late packets arrived more than 100 ms beyond the least delay.
    """

    pair: Annotated[int, "number of the pair in the run, from 0"]
    direction: Annotated[
        str, "`forth` to the helper, `back` from it, or `both` for packets that made both ways and for all others"
    ]
    shape: Annotated[str, "the app's shape of packets"]
    transaction_id: Annotated[int, "transaction of the flow with the app's shape"]
    opaque_transaction_id: Annotated[int, "transaction of the opaque flow"]
    spoiled: Annotated[bool, "the helper or this computer disturbed a flow, or one of them was not to be read"]
    sent: Annotated[int, "packets of which the fate in this direction is known"]
    opaque_sent: Annotated[int, "the same of the opaque flow"]
    returned: Annotated[int, "packets that came back, in either row of the pair"]
    opaque_returned: Annotated[int, "the same of the opaque flow"]
    round_trip: Annotated[float | None, "least round trip of either flow in seconds, NULL without one"]
    loss: Annotated[float, "share of lost packets"]
    loss_low: Annotated[float, "lower end of its interval"]
    loss_high: Annotated[float, "upper end of its interval"]
    opaque_loss: Annotated[float, "share of lost packets of the opaque flow"]
    opaque_loss_low: Annotated[float, "lower end of its interval"]
    opaque_loss_high: Annotated[float, "upper end of its interval"]
    loss_difference: Annotated[float | None, "loss minus that of the opaque flow, NULL if the flows hardly overlap"]
    loss_difference_low: Annotated[float | None, "lower end of its interval"]
    loss_difference_high: Annotated[float | None, "upper end of its interval"]
    loss_without_gap_low: Annotated[
        float | None, "lower end of the difference's interval without the time of the longest gap"
    ]
    opaque_loss_without_gap_low: Annotated[
        float | None, "the same of the opaque flow's loss minus that of the app's shape"
    ]
    late: Annotated[float, "share of late packets among those that arrived"]
    late_low: Annotated[float, "lower end of its interval"]
    late_high: Annotated[float, "upper end of its interval"]
    opaque_late: Annotated[float, "share of late packets of the opaque flow"]
    opaque_late_low: Annotated[float, "lower end of its interval"]
    opaque_late_high: Annotated[float, "upper end of its interval"]
    late_difference: Annotated[float | None, "late share minus that of the opaque flow"]
    late_difference_low: Annotated[float | None, "lower end of its interval"]
    late_difference_high: Annotated[float | None, "upper end of its interval"]
    late_without_run_low: Annotated[
        float | None, "lower end of the difference's interval without the time of the longest run of late packets"
    ]
    gap_packets: Annotated[int, "packets in the longest run of lost ones"]
    gap_seconds: Annotated[float, "its duration"]
    jitter: Annotated[float, "interarrival jitter in seconds (RFC 3550, 6.4.1)"]
    opaque_jitter: Annotated[float, "the same of the opaque flow"]
    reordered: Annotated[int, "packets that arrived behind a later one (RFC 4737, 3.3)"]
    delay_change: Annotated[
        float | None, "median delay of the last fifth minus that of the first in seconds, NULL if too few arrived"
    ]
    delay_change_low: Annotated[float | None, "lower end of its interval"]
    delay_change_high: Annotated[float | None, "upper end of its interval"]
    opaque_delay_change: Annotated[float | None, "delay change of the opaque flow"]
    delay_difference_low: Annotated[
        float | None, "lower end of the interval of delay change minus that of the opaque flow"
    ]
    cutoff_packet: Annotated[int, "first packet of a silence to the end that losses do not explain, -1 without one"]
    cutoff_time: Annotated[float, "its time since the first packet in seconds"]
    cutoff_seconds: Annotated[float, "seconds from the last arrival to the last packet sent"]
    opaque_cutoff_packet: Annotated[int, "the same packet of the opaque flow, -1 without one"]
    opaque_lost_at_cutoff: Annotated[float, "share of lost packets of the opaque flow within a second of the cutoff"]
    shared_limit: Annotated[bool, "one rate limit for both flows explains their losses, however unequal they are"]
    rate: Annotated[float | None, "received rate in bit/s while packets are lost or queued, NULL without a limit"]
    opaque_rate: Annotated[float | None, "the same of the opaque flow"]
    queued: Annotated[bool, "the delay grows through the flow, as in a shaper's queue"]
    opaque_queued: Annotated[bool, "the same of the opaque flow"]
    mos: Annotated[float, "mean opinion score by the E-model, a comment for people that no rule reads"]
    frozen: Annotated[
        bool, "after both flows had stopped, the helper answered requests from other ports and not from theirs"
    ] = False
