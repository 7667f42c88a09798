"""Define the rules that combine the verdicts of services into those of needs and apps."""

from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

# The sentence of a rule with `defers` is that of the service that decides.
NEED_RULES = (
    Rule(
        "need_blocked",
        "blocked > 0 AND blocked = services",
        State.BLOCKED,
        because="Every service that serves the need is blocked.",
        plain=mark("Every tested service of {service} is blocked."),
        defers=True,
    ),
    Rule(
        "need_likely_blocked",
        "blocked + likely_blocked > 0 AND ok + degraded = 0"
        " AND blocked + likely_blocked >= filtered_locally + impaired + down + insufficient",
        State.LIKELY_BLOCKED,
        because="No service that serves the need works, and at least half of them are blocked or likely blocked.",
        plain=mark("No tested service of {service} works, and most are probably blocked."),
        defers=True,
    ),
    Rule(
        "need_works_in_part",
        "blocked + likely_blocked + degraded > 0 AND ok + degraded > 0",
        State.DEGRADED,
        because="Some services that serve the need work, and others are interfered with.",
        plain=mark("Some services of {service} work, and others are blocked."),
        defers=True,
    ),
    Rule(
        "need_filtered_locally",
        "filtered_locally > 0 AND blocked + likely_blocked = 0",
        State.FILTERED_LOCALLY,
        because="A service that serves the need is filtered on the user's own side.",
        plain=mark("A service of {service} is filtered on your own side. This says nothing about your provider."),
        defers=True,
    ),
    Rule(
        "need_unclear",
        "blocked + likely_blocked + impaired > 0",
        State.IMPAIRED,
        because="A service that serves the need does not work, and the cause is unclear.",
        plain=mark("A service of {service} does not work. The cause is unclear."),
        defers=True,
    ),
    Rule(
        "need_down",
        "down > 0 AND ok = 0",
        State.DOWN,
        because="No service that serves the need works, here or at the test helper.",
        plain=mark("No tested service of {service} works, here or outside this network. There is no sign of blocking."),
        defers=True,
    ),
    Rule(
        "need_tested_in_part",
        "ok > 0 AND untested + unfinished > 0",
        State.INSUFFICIENT,
        because="A service that serves the need works, and it or another one was not tested to its end.",
        plain=mark("Not all servers of {service} were tested to the end. Nothing can be concluded."),
    ),
    Rule(
        "need_works",
        "ok > 0",
        State.OK,
        because="A service that serves the need works, and no other one is interfered with.",
        plain=mark("{service} works."),
        defers=True,
    ),
    Rule(
        "need_untested",
        "TRUE",
        State.INSUFFICIENT,
        because="No service that serves the need was tested to its end.",
        plain=mark("{service} was not tested to its end. Nothing can be concluded."),
    ),
)

_ESSENTIAL_ACCUSED = "essential_blocked + essential_likely_blocked + essential_degraded > 0"
_MET = "essential > 0 AND essential_ok = essential"

APP_RULES = (
    Rule(
        "app_blocked",
        "essential > 0 AND essential_blocked = essential",
        State.BLOCKED,
        because="Every essential need of the app is blocked.",
        plain=mark("{app} is blocked."),
        defers=True,
    ),
    Rule(
        "app_likely_blocked",
        "essential_blocked + essential_likely_blocked > 0 AND essential_ok + essential_degraded = 0 AND"
        " essential_blocked + essential_likely_blocked >="
        " essential_filtered_locally + essential_impaired + essential_down + essential_insufficient",
        State.LIKELY_BLOCKED,
        because="No essential need of the app is met, and at least half of them are blocked or likely blocked.",
        plain=mark("{app} is probably blocked."),
        defers=True,
    ),
    Rule(
        "app_works_in_part",
        _ESSENTIAL_ACCUSED,
        State.DEGRADED,
        because="An essential need of the app is interfered with, and it or another one is met in part.",
        plain=mark("{app} works in part. What it is needed for most is interfered with."),
        defers=True,
    ),
    Rule(
        "app_filtered_locally",
        "essential_filtered_locally > 0",
        State.FILTERED_LOCALLY,
        because="An essential need of the app is not met, because it is filtered on the user's own side.",
        plain=mark("{app} is filtered on your own side. This says nothing about your provider."),
        defers=True,
    ),
    Rule(
        "app_unclear",
        "essential_impaired > 0",
        State.IMPAIRED,
        because="An essential need of the app is not met, and the cause is unclear.",
        plain=mark("{app} does not work. The cause is unclear."),
        defers=True,
    ),
    Rule(
        "app_down",
        "essential_down > 0",
        State.DOWN,
        because="An essential need of the app is not met, here or at the test helper.",
        plain=mark("{app} does not work, here or outside this network. There is no sign of blocking."),
        defers=True,
    ),
    Rule(
        "app_untested",
        "essential_insufficient > 0",
        State.INSUFFICIENT,
        because="An essential need of the app was not tested to its end.",
        plain=mark("{app} was not tested to its end. Nothing can be concluded."),
    ),
    Rule(
        "app_other_need_blocked",
        "essential_ok = essential AND blocked + likely_blocked + degraded > 0",
        State.DEGRADED,
        because="Every essential need that was measured is met, and another need of the app is interfered with.",
        plain=mark("A part of {app} is blocked that it can do without."),
        defers=True,
    ),
    Rule(
        "app_other_need_filtered_locally",
        f"{_MET} AND filtered_locally > 0",
        State.FILTERED_LOCALLY,
        because="The essential needs of the app are met. Another need is filtered on the user's own side.",
        plain=mark("A part of {app} is filtered on your own side. This says nothing about your provider."),
        defers=True,
    ),
    Rule(
        "app_other_need_unclear",
        f"{_MET} AND impaired > 0",
        State.IMPAIRED,
        because="The essential needs of the app are met. Another need is not, and the cause is unclear.",
        plain=mark("{app} works, except a part that it can do without. The cause is unclear."),
        defers=True,
    ),
    Rule(
        "app_other_need_untested",
        f"{_MET} AND insufficient > 0",
        State.OK,
        because="The essential needs of the app are met. Another need was not tested to its end.",
        plain=mark("What {app} is needed for most works. Another part was not tested to its end."),
        defers=True,
    ),
    Rule(
        "app_works",
        _MET,
        State.OK,
        because="The essential needs of the app are met, and every other one was tested and is not interfered with.",
        plain=mark("{app} works."),
        defers=True,
    ),
    Rule(
        "app_undecided",
        "TRUE",
        State.INSUFFICIENT,
        because="No service that serves an essential need of the app was measured.",
        plain=mark("What {app} is needed for most was not measured. Nothing can be concluded."),
    ),
)
"""An essential need that is not met, not clear or not tested decides before every other need."""
