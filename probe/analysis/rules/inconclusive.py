"""Define the rules that every layer has: about tests that were not made, not finished, or show no cause."""

from probe.analysis.rules.layer import Layer
from probe.analysis.rules.rule import Kind, Rule, State
from probe.messages import mark

LOCAL_FAULT = Kind(
    "local_fault",
    State.INSUFFICIENT,
    untested=True,
    because="The run was interrupted, or this computer failed, {moment}.",
    plain=mark(
        "{service} was not tested, because this computer was too busy or the run was stopped. Run the test again."
    ),
)
NOT_REACHED = Kind(
    "not_reached",
    State.INSUFFICIENT,
    untested=True,
    because=(
        "The measurement did not get as far as {subject}, because an earlier step failed or it was not requested."
    ),
    plain=mark("The test of {service} ended before its last step. Nothing can be concluded from it."),
)
INTERRUPTED = Kind(
    "interrupted",
    State.INSUFFICIENT,
    untested=True,
    because="The run was interrupted before a failure of {failing} could be confirmed.",
    plain=mark("The run was stopped before a failed test of {service} could be repeated. Run the test again."),
)
FAILS_EVERYWHERE = Kind(
    "fails_everywhere",
    State.DOWN,
    because="{failure} here, and {failure_there}.",
    plain=mark(
        "The test of {service} failed here, and it failed from a test helper outside this network too. There is no "
        "sign of blocking."
    ),
)
UNCONFIRMED = Kind(
    "unconfirmed",
    State.IMPAIRED,
    because=(
        "{subject} failed here and not at the test helper, but not often or not uniformly enough to conclude more."
    ),
    plain=mark(
        "The test of {service} failed here and not from a test helper outside this network. The failures are too few "
        "or too different to name a cause. Run the test again."
    ),
)
NO_CONTROL = Kind(
    "no_control",
    State.IMPAIRED,
    because="{subject} fails here, and no test helper tried the same endpoint.",
    plain=mark(
        "The test of {service} failed here. No test helper outside this network tried it, so the cause is unclear."
    ),
)
UNDECIDED = Kind(
    "undecided",
    State.INSUFFICIENT,
    because="No rule covers {result}.",
    plain=mark("The test of {service} gave a result that no rule covers. Nothing can be concluded from it."),
)


def unfinished(layer: Layer) -> tuple[Rule, ...]:
    """Return the rules about tests of a layer that were not made or not finished."""
    attempts = f"{layer.columns}_attempts"
    return (
        LOCAL_FAULT.rule(
            f"local_faults > 0 AND {attempts} = 0",
            layer=layer.name,
            because={"moment": f"before {layer.subject} was tried"},
        ),
        NOT_REACHED.rule(f"{attempts} = 0", layer=layer.name, because={"subject": layer.subject}),
        INTERRUPTED.rule(
            f"interrupted AND {attempts} < 2",
            layer=layer.name,
            because={"failing": layer.failing or layer.subject},
        ),
    )


def fails_everywhere(layer: Layer, failed: str = "") -> Rule:
    """Return the rule about failures that the control has too. `failed` replaces the condition about those here."""
    return FAILS_EVERYWHERE.rule(
        f"{failed or layer.failed} AND {layer.control}_attempts > 0 AND {layer.control}_successes = 0",
        layer=layer.name,
        because={"failure": f"{_beginning(layer.subject)} fails", "failure_there": "fails from the test helper too"},
    )


def unexplained(layer: Layer) -> tuple[Rule, ...]:
    """Return the last rules of a layer, about failures and results that no other rule explains."""
    failed = f"{layer.columns}_failure IS NOT NULL"
    subject = {"subject": _beginning(layer.subject)}
    return (
        UNCONFIRMED.rule(f"{failed} AND {layer.controlled}", layer=layer.name, because=subject),
        NO_CONTROL.rule(failed, layer=layer.name, because=subject),
        UNDECIDED.rule("TRUE", layer=layer.name, because={"result": f"the result of {layer.subject}"}),
    )


def _beginning(subject: str) -> str:
    return subject[0].upper() + subject[1:]
