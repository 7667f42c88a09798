"""Put the verdicts on captures, and the ladders of their flows, into one HTML file without script and requests."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from probe.analysis.rules.rule import State
from probe.captures.capture_measurements import CapturedMeasurement, ShownFlow
from probe.captures.captured_flow import CapturedFlow
from probe.captures.recorded_side import RecordedSide
from probe.messages import language, review_notice, tr
from probe.run_page.ladder import LEFT, RIGHT, TOP, Ladder, ladder_of
from probe.run_page.run_page import HERE, csp_hash, shown_text, text_direction

MOST_LADDERS, MOST_OF_SUBJECT, MOST_OTHERS = 300, 12, 40
STYLES = ("page", "ladders")
_WORST = [state.value for state in State]

Record = dict[str, Any]


class Subject(NamedTuple):
    """Hold what is shown of one name or server: its verdicts, its ladders, and how many flows are not drawn."""

    title: str
    verdicts: list[tuple[str, str, str]]  # state, endpoints, sentence
    ladders: list[Ladder]
    left_out: int


def ladder_page(
    names: Sequence[str], judged: Iterable[tuple[CapturedMeasurement, list[Record]]], flows: list[CapturedFlow]
) -> str:
    """Return the page. The worst verdicts come first, and flows without a verdict last."""
    users, drawn, subjects = RecordedSide(flows), set[int](), list[tuple[int, Subject]]()
    ordered = sorted(judged, key=lambda each: _rank(each[1]))
    room = MOST_LADDERS
    for captured, records in ordered:
        each_once = list({id(each.conversation.flow): each for each in reversed(captured.flows)}.values())[::-1]
        worst_first = sorted(each_once, key=lambda each: each.conversation.failure is None)
        chosen = worst_first[: min(MOST_OF_SUBJECT, room)]
        room -= len(chosen)
        drawn.update(id(each.conversation.flow) for each in captured.flows)
        ladders = [_ladder(each, users) for each in chosen]
        left_out = len(each_once) - len(chosen)
        subjects.append(
            (_rank(records), Subject(str(captured.document["input"]), _verdicts(records), ladders, left_out))
        )
    others = [flow for flow in flows if id(flow) not in drawn]
    rest = [ladder_of(flow, _ends(flow, users), tr("No name was read in this flow.")) for flow in others[:MOST_OTHERS]]
    style, used = _style(), language()
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, finalize=shown_text, trim_blocks=True
    )
    return environment.get_template("ladders.html.jinja").render(
        style=Markup(style),  # ours, not the capture's  # nosec B704
        style_hash=Markup(csp_hash(style)),  # base64  # nosec B704
        language=used,
        direction=text_direction(used),
        notice=review_notice(),
        labels=_labels(),
        names=names,
        subjects=[subject for _, subject in subjects],
        rest=rest,
        rest_left_out=len(others) - len(rest),
        place={"left": LEFT, "right": RIGHT, "top": TOP, "width": RIGHT + 250},
    )


def _style() -> str:
    return "".join((HERE / f"{name}.css").read_text(encoding="utf-8") for name in STYLES)


def _labels() -> dict[str, str]:
    return {
        "title": tr("Packets of a recording"),
        "files": tr("Files"),
        "help": tr(
            "Each arrow is a packet, and time runs downwards. The left line is the side that was recorded, and the "
            "right line is the server. Addresses of the recorded side are left out."
        ),
        "here": tr("recorded side"),
        "there": tr("server"),
        "flows": tr("Flows:"),
        "others": tr("Flows without a verdict"),
        "not_drawn": tr("Flows that are not drawn:"),
        "packets_left_out": tr("Packets that are not drawn:"),
        "limits": tr(
            "A recording shows what passed at one place. This page sends nothing, and it needs no network. It names "
            "servers that were contacted, so think about it before you give it away."
        ),
    }


def _rank(records: list[Record]) -> int:
    return min((_WORST.index(record["state"]) for record in records if record["state"] in _WORST), default=len(_WORST))


def _verdicts(records: list[Record]) -> list[tuple[str, str, str]]:
    return [
        (str(record["state"]), ", ".join(each["endpoint"] for each in record["endpoints"][:8]), str(record["because"]))
        for record in records
    ]


def _ladder(shown: ShownFlow, users: RecordedSide) -> Ladder:
    each = shown.conversation
    reasons = {
        "innocuous": tr("Another name at the same address, for comparison."),
        "same_name_neutral_host": tr("The same name at an unrelated server, for comparison."),
    }
    title = f"{each.endpoint} ({_ends(each.flow, users)})" if each.scheme != "dns+udp" else _ends(each.flow, users)
    hello = {"outer_name": tr("The hello has an encrypted part, so this may be the outer name only.")}.get(
        each.hello, ""
    )
    return ladder_of(each.flow, title, " ".join(part for part in (reasons.get(shown.kind, ""), hello) if part))


def _ends(flow: CapturedFlow, users: RecordedSide) -> str:
    server = tr("local network") if users.is_own(flow.server) else flow.server
    return f"{flow.protocol.upper()} {server} {flow.port}"
