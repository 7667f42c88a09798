"""Make the feature rows of host names, and decide on them."""

from probe.analysis.features.rows import NameRow
from probe.analysis.pipeline.expressions import same
from probe.analysis.pipeline.feature_table import decided, feature_select
from probe.analysis.pipeline.names.answers import ANSWER_STATEMENTS
from probe.analysis.pipeline.names.forgery import FORGERY_STATEMENTS
from probe.analysis.pipeline.names.lookups import LOOKUP_STATEMENTS
from probe.analysis.pipeline.names.races import RACE_STATEMENTS
from probe.analysis.pipeline.names.resolver_answers import RESOLVER_STATEMENTS
from probe.analysis.pipeline.names.system_lookups import SYSTEM_STATEMENTS
from probe.analysis.pipeline.names.trust import TRUST_STATEMENTS
from probe.analysis.pipeline.statement import Statement

_BY_NAME = {
    "l": "name_lookup",
    "c": "name_check",
    "p": "name_preflight",
    "t": "name_trust",
    "k": "name_control",
    "o": "other_name",
    "b": "answered_between",
    "f": "name_forgery",
    "s": "spared_name",
}
_BY_MEASUREMENT = {"g": "measurement", "i": "access_line", "d": "dark_silent", "w": "names_lost"}
_SOURCE = "FROM service_host h" + "".join(
    [f" LEFT JOIN {table} {short} ON {same('h', short, 'm', 'name')}" for short, table in _BY_NAME.items()]
    + [
        f" LEFT JOIN {table} {short} ON {short}.m = h.m AND h.name IS NOT NULL"
        for short, table in _BY_MEASUREMENT.items()
    ]
)

NAME_ROWS = Statement(
    "name_row",
    "What is known about the resolution of each host name.",
    ("m", "host"),
    feature_select(NameRow, "h.m, h.host", _SOURCE),
)

NAMES_DECIDED = decided("name_decided", "The rule that holds for each host name.", NameRow, ("m", "host"), "name_row")

NAME_STATEMENTS = (
    *LOOKUP_STATEMENTS,
    *TRUST_STATEMENTS,
    *RACE_STATEMENTS,
    *SYSTEM_STATEMENTS,
    *ANSWER_STATEMENTS,
    *FORGERY_STATEMENTS,
    *RESOLVER_STATEMENTS,
    NAME_ROWS,
    NAMES_DECIDED,
)
"""The statements about names, in order. They need the table `flow`."""
