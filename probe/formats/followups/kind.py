"""Define what is known of each kind of follow-up."""

from dataclasses import dataclass
from typing import Literal

Change = Literal[
    "name", "address", "name and address", "payload", "payload and address", "resolver", "hello", "TTL", ""
]
"""The property in which a follow-up differs from the failed flow, "" for a repetition."""


@dataclass(frozen=True)
class FollowUpKind:
    """Describe one kind of follow-up."""

    name: str
    """The id in records."""
    sends: str
    """What is sent to which address."""
    changes: Change
    triggers: int
    """Triggers that one flow costs (P7)."""
    tried: str
    """When it is tried, in one sentence."""
    absence: str
    """What it means if a measurement with the failure has no such flow."""
    sentence: str
    """What `--why` prints for one such flow, with {name} and {address}."""
    evidence: str = ""
    """What `--why` calls all such flows as evidence. Kinds with equal words are one piece of evidence, "" for none."""
    excludes_other_cause: bool = False
    """Without it, another cause than a censor is not excluded. A run lists those that it makes (`x_run.checks`)."""


AFTER_FAILURE = "After the endpoint failed past the connect"
