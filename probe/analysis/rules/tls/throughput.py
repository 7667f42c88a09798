"""Define the rule about the throughput of a server name, which transfers from the test helper compare.

It holds for a service that works otherwise. Pages of the service must come slowly here and not at the test helper. All
usable pairs must agree, and pages and pairs must together give three observations.
"""

from probe.analysis.rules.rule import Rule, State
from probe.analysis.rules.service_conditions import WORKS_OTHERWISE
from probe.messages import mark

THROUGHPUT_RULES = (
    Rule(
        "service_name_throttled",
        f"{WORKS_OTHERWISE} AND control_successes > 0 AND transfer_pairs > 0 AND transfer_limited = transfer_pairs"
        " AND slow_pages > 0 AND slow_pages + transfer_limited >= 3",
        State.DEGRADED,
        mechanism="tls.throttle.sni",
        because=(
            "Transfers from the test helper get less than half of the throughput with this server name. Those with an "
            "innocuous name, at the same time, keep their pace."
        ),
        plain=mark(
            "{service} is slowed down in this network. Under its name {slow_low} to {slow_high} of 100 bytes arrive, "
            "compared with another name. Pages and files load slowly."
        ),
    ),
)
