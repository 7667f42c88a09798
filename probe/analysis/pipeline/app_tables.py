"""Compute one verdict per app from the verdicts of its services. These statements run only when they are asked for.

`m` numbers the apps. One app can have several measurements, so that these tables are filled from verdict records.
"""

from probe.analysis.features.rows import AppRow, NeedRow
from probe.analysis.pipeline.input_tables import BOOL, INT, TEXT
from probe.analysis.pipeline.rule_facts import decided, feature_select
from probe.analysis.sql.statement import InputTable, Statement

APP_SERVICE = InputTable(
    "app_service",
    "One row per service of an app that has a valid verdict.",
    {
        "m": (INT, "number of the app"),
        "role": (TEXT, "role of the service"),
        "state": (TEXT, "state of the service"),
        "untested": (BOOL, "this network could reach the service, and too little was tested"),
        "unfinished": (BOOL, "the service works, and the run ended before the test of another endpoint did"),
    },
)
APP_NEED = InputTable(
    "app_need",
    "One row per need of an app and service that serves it.",
    {
        "m": (INT, "number of the app"),
        "need": (TEXT, "what a person needs the app for"),
        "role": (TEXT, "role of the service that serves it"),
        "essential": (BOOL, "the app is of no use without it"),
    },
)
APP_INPUTS = (APP_SERVICE, APP_NEED)

NEED_ROWS = Statement(
    "need_row",
    "The feature row of each need of an app.",
    ("m", "need"),
    feature_select(
        NeedRow,
        "n.m, n.need, n.essential",
        "FROM app_need n JOIN app_service s ON s.m = n.m AND s.role = n.role GROUP BY n.m, n.need, n.essential",
    ),
)

NEED_DECIDED = decided("need_decided", "The rule that decides on each need.", NeedRow, ("m", "need"), "need_row")

NEED_VERDICTS = Statement(
    "need_verdict",
    "The state of each need of an app.",
    ("m", "need"),
    "SELECT w.m, w.need, w.essential, d.rule_need AS rule_id, r.state FROM need_row w"
    " JOIN need_decided d ON d.m = w.m AND d.need = w.need JOIN rule_fact r ON r.rule_id = d.rule_need",
)

APP_ROWS = Statement(
    "app_row",
    "The feature row of each app.",
    ("m",),
    feature_select(AppRow, "v.m", "FROM need_verdict v GROUP BY v.m"),
)

APP_DECIDED = decided("app_decided", "The rule that decides on each app.", AppRow, ("m",), "app_row")

APP_VERDICTS = Statement(
    "app_verdict",
    "The state of each app.",
    ("m",),
    "SELECT d.m, d.rule_app AS rule_id, r.state FROM app_decided d JOIN rule_fact r ON r.rule_id = d.rule_app",
)

APP_STATEMENTS = (NEED_ROWS, NEED_DECIDED, NEED_VERDICTS, APP_ROWS, APP_DECIDED, APP_VERDICTS)
