"""Define the rules about connections that end some seconds after they began, however much they carried.

Servers limit the time of a connection too, mostly with a FIN and for any name. So a limit accuses only if it follows
the name to a neutral host, whose own name has no such limit. Routers that forget flows, quotas and outages end the
connections of all names and hosts.
"""

from probe.analysis.rules.rule import Rule, State
from probe.analysis.rules.service_conditions import WORKS_OTHERWISE
from probe.messages import mark

_BEGINS = (
    f"({WORKS_OTHERWISE} OR (impaired > 0 AND blocked + likely_blocked + down + insufficient + untested = 0))"
    " AND control_successes > 0"
)
_AT_ONE_AGE = "cutoff_alike >= 3 AND cutoff_neutral_past > 0"

_WORKS = f"ok > 0 AND blocked + likely_blocked + degraded = 0 AND {WORKS_OTHERWISE}"

CUTOFF_RULES = (
    Rule(
        "service_name_cut_off",
        f"{_BEGINS} AND {_AT_ONE_AGE} AND cutoff_other_past > 0 AND cutoff_name_at_neutral > 0",
        State.DEGRADED,
        mechanism="flow.cutoff.time",
        because=(
            "Connections with this server name end at the same age, whatever they carried, at a neutral host too. With "
            "an innocuous name, and to the neutral host under its own, they last longer."
        ),
        plain=mark(
            "{service} answers, but this network cuts its connections off after {cut_low} to {cut_high} seconds, "
            "because of its name. Messages, calls and long downloads may fail."
        ),
    ),
)

_STOPS_PLAIN = mark(
    "{service} works, but larger transfers under its name stop in this network, always after the same amount. Under "
    "another name they go on. Pictures, videos and files may not arrive."
)

# Two pairs are too few to accuse, because some networks stop connections by chance.
_STOPS = f"{_WORKS} AND control_successes > 0"

ENDING_RULES = (
    Rule(
        "service_downloads_stop_after_bytes",
        f"{_STOPS} AND helper_stops_at_bytes > 0",
        State.OK,
        mechanism="flow.freeze.bytes",
        because=(
            "Transfers from the test helper with this server name stop at the same bytes, in small packets too. The "
            "path then carries nothing more. Those with an innocuous name beside them go on."
        ),
        plain=_STOPS_PLAIN,
    ),
    Rule(
        "service_downloads_stop_after_packets",
        f"{_STOPS} AND helper_stops_at_packets > 0",
        State.OK,
        mechanism="flow.freeze.packets",
        because=(
            "Transfers from the test helper with this server name stop at the same number of packets, in small ones "
            "too. The path then carries nothing more. Those with an innocuous name beside them go on."
        ),
        plain=_STOPS_PLAIN,
    ),
    Rule(
        "service_uploads_stop_after_bytes",
        f"{_STOPS} AND upload_stops_at_bytes > 0",
        State.OK,
        mechanism="flow.freeze.bytes",
        because=(
            "Uploads to the test helper with this server name stop at the same bytes, in small packets too. Nothing "
            "more is then acknowledged. Those with an innocuous name beside them go on."
        ),
        plain=_STOPS_PLAIN,
    ),
    Rule(
        "service_uploads_stop_after_packets",
        f"{_STOPS} AND upload_stops_at_packets > 0",
        State.OK,
        mechanism="flow.freeze.packets",
        because=(
            "Uploads to the test helper with this server name stop at the same number of packets, in small ones "
            "too. Nothing more is then acknowledged. Those with an innocuous name beside them go on."
        ),
        plain=_STOPS_PLAIN,
    ),
    Rule(
        "service_connections_end",
        f"{_WORKS} AND {_AT_ONE_AGE} AND cutoff_broken = cutoff_alike",
        State.OK,
        mechanism="flow.cutoff.time",
        because=(
            "Connections to this address end without a FIN at the same age, whatever they carried. Those to a neutral "
            "host last longer. The servers may limit the time too, so that nothing is accused."
        ),
        plain=mark(
            "{service} works, but its connections break off after {cut_low} to {cut_high} seconds. The cause may be "
            "this network, a network on the way, or the service itself."
        ),
    ),
    Rule(
        "service_datagram_flows_freeze",
        f"{_WORKS} AND media_frozen > 0 AND 2 * media_frozen > media_pairs",
        State.OK,
        mechanism="flow.freeze",
        because=(
            "Flows of datagrams to the test helper fall silent at one time, call packets and random ones alike. A new "
            "request from their ports gets no answer, and one from another port does. Firewalls look the same."
        ),
        plain=mark(
            "{service} works, but flows of packets to our test helper fall silent after {seconds} seconds, whatever "
            "app they are of. A firewall may do this. Calls may break off here."
        ),
    ),
)
"""Rules that do not accuse. They come after all that do."""
