"""Compare the ages at which connections ended that were kept open: under the name, under another one, and elsewhere."""

from probe.analysis.pipeline.addresses.linked import KEY
from probe.analysis.pipeline.addresses.subjects import SUBJECT, same_subject
from probe.analysis.pipeline.statement import Statement
from probe.signatures.kept_connections import APART, BEYOND, LEAST_ANSWERS

MORE_ANSWERS = 1.4
"""Answers on the connection that carried most by those on the one that carried least, at one age."""

KEPT_STOPS = Statement(
    "kept_stop",
    "The connections under the target's name that ended after some answers. The limit is between `low` and `high`"
    " seconds. `alike` is their number if all ended at one age. `amounts`: they had carried different numbers of"
    " answers, and so of bytes and packets.",
    SUBJECT,
    f"SELECT {KEY}, min(t0) AS first_t, max(t) AS last_t, max(kept_from) AS low, min(kept_until) AS high,"
    f" CASE WHEN max(kept_from) <= min(kept_until) + {APART!r}e0 THEN count(*) ELSE 0 END AS alike,"
    f" max(kept_answers) >= {MORE_ANSWERS!r}e0 * min(kept_answers) AS amounts,"
    " count(CASE WHEN kept_end = 'reset' OR (stream_silent AND stream_acked = 0) THEN 1 END) AS broken"
    f" FROM linked WHERE role = 'kept_name' AND kept_end <> '' AND kept_answers >= {LEAST_ANSWERS}"
    f" GROUP BY {KEY}",
)

_IN_TIME = "k.t >= p.first_t AND k.t0 <= p.last_t"
_PAST = f"k.kept_from >= p.high + {BEYOND!r}e0 AND {_IN_TIME}"
_ALIKE = f"k.kept_end <> '' AND k.kept_from <= p.high + {APART!r}e0 AND k.kept_until >= p.low - {APART!r}e0"

KEPT_NEUTRAL = Statement(
    "kept_at_neutral",
    "The neutral hosts whose connections under their own name lasted longer at that time. Also those at which"
    " connections under the target's name ended at the same age.",
    (*SUBJECT, "flow_address"),
    "SELECT p.m, p.endpoint, p.address, k.flow_address,"
    f" count(CASE WHEN k.role = 'kept_neutral' AND {_PAST} THEN 1 END) AS past,"
    f" count(CASE WHEN k.role = 'kept_name_neutral' AND {_ALIKE} AND k.kept_answers >= {LEAST_ANSWERS} THEN 1 END)"
    " AS named"
    f" FROM kept_stop p JOIN linked k ON {same_subject('k', 'p')} AND k.role IN ('kept_neutral', 'kept_name_neutral')"
    " GROUP BY p.m, p.endpoint, p.address, k.flow_address",
)

KEPT_BESIDE = Statement(
    "kept_beside",
    "The other connections to the address. Some under the target's name or an innocuous one lasted longer, and some"
    " under an innocuous name ended.",
    SUBJECT,
    "SELECT p.m, p.endpoint, p.address,"
    f" count(CASE WHEN k.role = 'kept_name' AND k.kept_from >= p.high + {BEYOND!r}e0 THEN 1 END) AS whole,"
    f" count(CASE WHEN k.role = 'kept_other' AND {_PAST} THEN 1 END) AS other_past,"
    " count(CASE WHEN k.role = 'kept_other' AND k.kept_end <> '' THEN 1 END) AS other_ended"
    f" FROM kept_stop p JOIN linked k ON {same_subject('k', 'p')} GROUP BY p.m, p.endpoint, p.address",
)

KEPT_RESULTS = Statement(
    "kept_result",
    "What the connections to one address show together. On an access line that loses packets, nothing.",
    SUBJECT,
    "SELECT p.m, p.endpoint, p.address, p.low, p.high, p.broken,"
    " CASE WHEN p.amounts AND b.whole = 0 AND NOT w.lossy THEN p.alike ELSE 0 END AS alike,"
    " CASE WHEN b.other_ended = 0 THEN b.other_past ELSE 0 END AS other_past,"
    " COALESCE(n.past, 0) AS neutral_past, COALESCE(n.named, 0) AS name_at_neutral FROM kept_stop p"
    f" JOIN kept_beside b ON {same_subject('b', 'p')} JOIN network w ON w.m = p.m"
    " LEFT JOIN (SELECT m, endpoint, address, sum(past) AS past,"
    " sum(CASE WHEN past > 0 THEN named ELSE 0 END) AS named FROM kept_at_neutral GROUP BY m, endpoint, address) n"
    f" ON {same_subject('n', 'p')}",
)

KEPT_STATEMENTS = (KEPT_STOPS, KEPT_NEUTRAL, KEPT_BESIDE, KEPT_RESULTS)
