"""Define the rules about HTTP answers whose connection falls silent in the middle.

A server that stops still acknowledges what is sent to it, and often stops for the control too. A path that loses large
packets passes acknowledgements and small segments. Packets lost at random stop each answer at another place.
"""

from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_CONTROL = "transfers_acknowledged = 0 AND control_transferred > 0 AND control_stopped = 0 AND NOT line_lossy"
_STOPS = f"transfers_silent >= 2 AND transfers_whole = 0 AND transfers_again_whole = 0 AND {_CONTROL}"
_NAME = f"by_name AND {_STOPS} AND transfers_alike >= 3 AND other_name_transferred > 0"
_ANY_NAME = "(other_name_stopped > 0 OR NOT by_name OR clear_text)"
_ADDRESS = f"{_STOPS} AND transfers_dead >= 2 AND transfers_alike >= 3 AND {_ANY_NAME}"
_BY_NAME = mark(
    "{service} begins to answer. Then nothing more arrives, each time at the same place. The same page arrives whole "
    "under another name. Access to {service} is blocked by its name."
)
_AT_ADDRESS = mark(
    "{service} begins to answer. Then nothing more arrives, each time at the same place. Other servers and a test "
    "helper outside this network have no such limit. Access to {service} is probably blocked."
)

TRANSFERS_STOP = (
    Rule(
        "http_freezes_for_name_after_bytes",
        f"{_NAME} AND small_stops_at_bytes > 0 AND small_stops_at_packets = 0",
        State.BLOCKED,
        mechanism="flow.freeze.bytes",
        because=(
            "Connections with this name fall silent after the same number of bytes, in small packets too. The page is "
            "complete under an innocuous name in between, and at the test helper."
        ),
        plain=_BY_NAME,
    ),
    Rule(
        "http_freezes_for_name_after_packets",
        f"{_NAME} AND small_stops_at_packets > 0 AND small_stops_at_bytes = 0",
        State.BLOCKED,
        mechanism="flow.freeze.packets",
        because=(
            "Connections with this name fall silent after the same number of packets, in small packets too. The page "
            "is complete under an innocuous name in between, and at the test helper."
        ),
        plain=_BY_NAME,
    ),
    Rule(
        "http_freezes_for_name",
        _NAME,
        State.BLOCKED,
        mechanism="flow.freeze",
        because=(
            "Connections with this name fall silent at the same place. The page is complete under an innocuous name in "
            "between, and at the test helper."
        ),
        plain=_BY_NAME,
    ),
    Rule(
        "http_freezes_after_bytes",
        f"{_ADDRESS} AND small_stops_at_bytes > 0 AND small_stops_at_packets = 0 AND elsewhere_past_bytes > 0",
        State.LIKELY_BLOCKED,
        mechanism="flow.freeze.bytes",
        because=(
            "Connections to this address fall silent after the same number of bytes, in small packets too. The path "
            "then passes nothing more. Another server's page and the test helper's get past it."
        ),
        plain=_AT_ADDRESS,
    ),
    Rule(
        "http_freezes_after_packets",
        f"{_ADDRESS} AND small_stops_at_packets > 0 AND small_stops_at_bytes = 0 AND elsewhere_past_packets > 0",
        State.LIKELY_BLOCKED,
        mechanism="flow.freeze.packets",
        because=(
            "Connections to this address fall silent after the same number of packets, in small packets too. The path "
            "then passes nothing more. Another server's page and the test helper's get past it."
        ),
        plain=_AT_ADDRESS,
    ),
    Rule(
        "http_freezes_after_packets_at_times",
        f"transfers_dead > 0 AND transfers_whole + transfers_again_whole > 0 AND transfers_alike >= 2 AND {_CONTROL} "
        "AND small_stops_at_packets > 0 AND small_stops_at_bytes = 0 AND elsewhere_past_packets > 0",
        State.DEGRADED,
        mechanism="flow.freeze.packets",
        because=(
            "Some connections to this address fall silent after the same number of packets, in small packets too. "
            "Others, another server's page and the test helper's get past it."
        ),
        plain=mark(
            "{service} begins to answer. At times nothing more arrives then, always at the same place. Other servers "
            "and a test helper outside this network have no such limit. {service} works badly."
        ),
    ),
)

STOPS_MIDWAY = (
    Rule(
        "http_stops_midway",
        "(transfers_silent >= 2 OR (transfers_silent > 0 AND http_successes = 0)) AND transfers_whole = 0 AND "
        "(control_stopped = 0 OR http_successes = 0) AND (http_attempts >= 2 OR NOT interrupted) AND "
        "(control_attempts = 0 OR control_successes > 0)",
        State.IMPAIRED,
        because="Each answer begins, and then its connection falls silent. Nothing shows what stops it.",
        plain=mark(
            "{service} begins to answer, and then nothing more arrives. The cause is unclear: the server, a part of "
            "the way to it, or this network."
        ),
    ),
)
