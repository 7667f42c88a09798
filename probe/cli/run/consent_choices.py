"""Define the choices that are asked after the consent: each is a setting, and no answer changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from probe.cli.run.run_request import PUBLIC_HELPERS, RunRequest
from probe.cli.run.settings import KEYS, config_folder, defaults, save
from probe.cli.screen import UsageError
from probe.messages import mark, tr
from probe.privacy.contributor_token import forget_secret
from probe.results import reason_of

TOKEN_KEY, HELPER_KEY = "contributor-token", "control"  # of the settings file


@dataclass(frozen=True)
class Choice:
    """Hold one choice: its name in forms, the question, what explains it, and how it is read and kept.

    `choose` raises UsageError.
    """

    name: str
    question: str
    about: str
    is_chosen: Callable[[], bool]
    choose: Callable[[bool], None]


def helper_is_chosen() -> bool:
    """Return True if the settings file names OONI's helpers and no other. Raises UsageError."""
    return _setting(HELPER_KEY) == PUBLIC_HELPERS


def choose_helper(agreed: bool) -> None:
    """Keep the choice about OONI's helpers. A helper that the user named stays. Raises UsageError."""
    if _setting(HELPER_KEY) in {None, "", PUBLIC_HELPERS} and agreed != helper_is_chosen():
        save({HELPER_KEY: PUBLIC_HELPERS if agreed else ""})


def token_is_chosen() -> bool:
    """Return True if the settings file says that results have a contributor token. Raises UsageError."""
    return bool(_setting(TOKEN_KEY))


def choose_token(agreed: bool) -> None:
    """Keep the choice about contributor tokens. A no removes the secret too. Raises UsageError."""
    try:
        if not agreed:
            forget_secret(config_folder())
    except OSError as error:
        refusal = tr("{path} cannot be removed ({reason}).", path=error.filename, reason=reason_of(error))
        raise UsageError(refusal, 2) from None
    if agreed != token_is_chosen():
        save({TOKEN_KEY: agreed})


def _setting(key: str) -> object:
    return defaults().get(KEYS[key][0])


def with_choices(request: RunRequest) -> RunRequest:
    """Return the request with what the user has just chosen. A helper that the command line names stays."""
    helper = (PUBLIC_HELPERS,) if helper_is_chosen() else ()
    return replace(request, control=request.control or helper, contributor_token=token_is_chosen())


CHOICES = (
    Choice(
        "public_helper",
        mark("Compare with OONI's public test helpers?"),
        mark(
            "A test helper tries from another network what fails here. Only then can this tool distinguish a blocked "
            "app from one that is down. OONI runs public helpers. They see your IP address and the names of the apps "
            "that fail here, and a person who watches your connection sees that you use OONI. They cannot compare "
            "calls or slow connections. You can name a helper of your own instead."
        ),
        helper_is_chosen,
        choose_helper,
    ),
    Choice(
        "token",
        mark("Write a code into your results that is new each month?"),
        mark(
            "One more choice. A code in your results lets analysts count computers. It is the same for one month. A "
            "person who has several of your results then sees that they come from one computer, on other networks too. "
            "If you are not sure, type no."
        ),
        token_is_chosen,
        choose_token,
    ),
)
