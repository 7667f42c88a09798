"""Let the user choose what to measure, and start the run.

Show what a measurement means for the user, ask about it, and keep the answer.
"""

from functools import partial
from typing import Any

from aiohttp import web

from probe.messages import tr
from probe.ui.commands import CommandRefused, ConsentQuestion, Wanted
from probe.ui.interface import Interface
from probe.ui.screens import page, see

YES, NO = "yes", "no"
Form = Any  # the posted fields


async def show_welcome(interface: Interface, request: web.Request) -> web.Response:
    """Show the whole text and the questions."""
    return await _welcome_page(interface, {})


async def answer(interface: Interface, request: web.Request, form: Form) -> web.Response:
    """Keep the consent if all answers are right, else show the text again with the reasons."""
    consent = await interface.compute(interface.commands.consent_text)
    answers = {f"question{number}": form.get(f"question{number}") for number in range(1, len(consent.questions) + 1)}
    answers |= {each.name: form.get(each.name) for each in consent.choices}
    right = [_is_right(each, answers[f"question{number}"]) for number, each in enumerate(consent.questions, 1)]
    if not all(right):
        return await _welcome_page(
            interface, answers, tr("Not all answers are right. Nothing was sent. Please read again.")
        )
    if form.get("agree") != YES:
        return await _welcome_page(interface, answers, tr("Nothing was sent, because you did not agree."))
    interface.agree()
    try:
        for choice in consent.choices:
            if (given := answers[choice.name]) in {YES, NO}:  # without an answer the settings stay as they are
                await interface.compute(partial(interface.commands.choose, choice.name, given == YES))
    except CommandRefused as refused:
        return await _welcome_page(interface, answers, str(refused))
    return see("./")


async def _welcome_page(interface: Interface, answers: dict[str, Any], error: str = "") -> web.Response:
    consent = await interface.compute(interface.commands.consent_text)
    questions = [
        {
            "name": (name := f"question{number}"),
            "text": each.text,
            "given": answers.get(name),
            "because": _reason(each, answers.get(name), asked=bool(answers)),
        }
        for number, each in enumerate(consent.questions, 1)
    ]
    words = {
        "read": tr("Please read this before anything is sent. It takes one minute."),
        "whole": tr("The whole text, with the name of every host"),
        "about": tr("Why this is asked"),
        "questions": tr("Two questions about the text"),
        "yes": tr("Yes"),
        "no": tr("No"),
        "continue": tr("Continue"),
        "kept": tr("You agreed to this text. You can read it here at any time."),
    }
    return page(
        interface,
        "welcome",
        tr("What a measurement means for you"),
        status=422 if error else 200,
        error=error,
        in_short=consent.in_short,
        sections=consent.sections,
        questions=questions,
        agree=consent.agree,
        choices=[(choice, answers.get(choice.name)) for choice in consent.choices],
        labels=words,
        agreed=interface.has_consent(),
    )


def _is_right(question: ConsentQuestion, given: Any) -> bool:
    return bool(given == (YES if question.right else NO))


def _reason(question: ConsentQuestion, given: Any, *, asked: bool) -> str:
    """Return why the given answer is wrong, "" if it is right or nothing was asked."""
    if not asked or _is_right(question, given):
        return ""
    return question.because if given in {YES, NO} else tr("Please answer this question.")


DEPTHS = ("standard", "deep")


async def show(interface: Interface, request: web.Request) -> web.Response:
    """Show the choices, or the consent text if the user has not agreed yet."""
    if not interface.has_consent():
        return see("welcome")
    settings = interface.commands.settings()
    return await _page(interface, Wanted((), DEPTHS[0], settings.helper))


async def begin(interface: Interface, request: web.Request, form: Any) -> web.Response:
    """Start a run as chosen, or say why not."""
    apps = await interface.compute(interface.commands.apps)
    chosen = [name for name, _ in apps if name in form.getall("app", [])]
    depth = DEPTHS[1] if form.get("depth") == DEPTHS[1] else DEPTHS[0]
    wanted = Wanted(chosen, depth, str(form.get("helper", "")).strip())
    try:
        if not chosen:
            raise CommandRefused(tr("Choose at least one app."))
        everything = len(chosen) == len(apps)
        await interface.start(wanted._replace(names=()) if everything else wanted)
    except CommandRefused as refused:
        return await _page(interface, wanted, str(refused))
    return see("running")


async def _page(interface: Interface, wanted: Wanted, error: str = "") -> web.Response:
    apps = await interface.compute(interface.commands.apps)
    words = {
        "apps": tr("Which apps"),
        "depth": tr("How deep"),
        "standard": tr("Standard: up to two minutes, at most 6 connections per name and server."),
        "deep": tr("Deep: takes longer, up to 120 connections per name and server, and is easier to notice."),
        "helper": tr("Test helper outside this network (may be empty)"),
        "helper_why": tr("Without a helper, a blocked app and an app whose servers are down can look the same."),
        "begin": tr("Start the measurement"),
        "risk": tr("A person who watches your connection can notice this."),
        "consent": tr("Read again what a measurement means"),
        "under_way": tr("A run is under way."),
        "show": tr("Show it"),
    }
    return page(
        interface,
        "start",
        tr("Measure this network"),
        status=409 if error else 200,
        error=error,
        apps=[(name, title, not wanted.names or name in wanted.names) for name, title in apps],
        wanted=wanted,
        labels=words,
    )
