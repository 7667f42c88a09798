"""Show what a measurement means for the user, ask about it, and keep the answer."""

from typing import Any

from aiohttp import web

from probe.messages import tr
from probe.ui.commands import Question
from probe.ui.interface import Interface
from probe.ui.pages import page, see

YES, NO = "yes", "no"
Form = Any  # the posted fields


async def show(interface: Interface, request: web.Request) -> web.Response:
    """Show the whole text and the questions."""
    return await _page(interface, {})


async def answer(interface: Interface, request: web.Request, form: Form) -> web.Response:
    """Keep the consent if all answers are right, else show the text again with the reasons."""
    consent = await interface.compute(interface.commands.consent_text)
    answers = {f"question{number}": form.get(f"question{number}") for number in range(1, len(consent.questions) + 1)}
    right = [_is_right(each, answers[f"question{number}"]) for number, each in enumerate(consent.questions, 1)]
    if not all(right):
        return await _page(interface, answers, tr("Not all answers are right. Nothing was sent. Please read again."))
    if form.get("agree") != YES:
        return await _page(interface, answers, tr("Nothing was sent, because you did not agree."))
    interface.agree()
    return see("./")


async def _page(interface: Interface, answers: dict[str, Any], error: str = "") -> web.Response:
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
        sections=consent.sections,
        questions=questions,
        agree=consent.agree,
        labels=words,
        agreed=interface.has_consent(),
    )


def _is_right(question: Question, given: Any) -> bool:
    return bool(given == (YES if question.right else NO))


def _reason(question: Question, given: Any, *, asked: bool) -> str:
    """Return why the given answer is wrong, "" if it is right or nothing was asked."""
    if not asked or _is_right(question, given):
        return ""
    return question.because if given in {YES, NO} else tr("Please answer this question.")
