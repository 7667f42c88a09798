"""Parse a descriptor of OONI Run v2. It is untrusted, and has limits of size, tests and inputs.

Limits of text lengths are the server's. Sources, section 3 of the first, opened 2026-11-28:
https://github.com/ooni/spec/blob/e8aafe45d5bd15a371a08dfbeb0dc557e1622d04/backends/bk-005-ooni-run-v2.md
https://github.com/ooni/backend/blob/32d8349dc5440e75264c84c0ffe97495c7488e84/ooniapi/services/oonirun/src/oonirun/routers/v2.py
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from probe.messages import tr
from probe.targets.url_lists import LONGEST_LIST, MOST_ADDRESSES

MOST_NETTESTS = 100
LONGEST_TEXT = 100_000  # characters of the description, which is not shown

Name = Annotated[str, StringConstraints(max_length=50)]
Short = Annotated[str, StringConstraints(max_length=200)]
Author = Annotated[str, StringConstraints(max_length=100)]
Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
LinkId = Annotated[str, StringConstraints(pattern=r"^[0-9]{0,20}$")]


class DescriptorError(ValueError):
    """Report that a descriptor cannot be used. The text is a sentence for the user."""


class _Lenient(BaseModel):
    """Ignore unknown keys, which later versions may have. Types must be right."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class DescribedTest(_Lenient):
    """Hold one test of a descriptor: its name, its inputs, and whether users may start it."""

    test_name: Annotated[str, StringConstraints(max_length=100)] = ""
    inputs: list[str] | None = None
    inputs_extra: list[Any] | None = None
    """Facts about each input. OONI's lists have `category_code`."""
    targets_name: Annotated[str, StringConstraints(max_length=100)] | None = None
    """Name of a list that OONI's server makes for a country."""
    options: dict[str, Any] | None = None
    is_manual_run_enabled: bool | None = None

    def category_of(self, number: int) -> str:
        """Return the category code of an input, "" if there is none."""
        extra = (self.inputs_extra or [])[number : number + 1]
        code = extra[0].get("category_code") if extra and isinstance(extra[0], dict) else None
        return code if isinstance(code, str) else ""


class Descriptor(_Lenient):
    """Hold a descriptor: its author, and the tests that it lists."""

    name: Name = ""
    author: Author | None = None
    short_description: Short | None = None
    description: Text | None = None
    nettests: Annotated[list[DescribedTest], Field(min_length=1, max_length=MOST_NETTESTS)]
    is_expired: bool | None = None
    expiration_date: Annotated[str, StringConstraints(max_length=40)] | None = None
    oonirun_link_id: LinkId | None = None
    revision: Annotated[str, StringConstraints(max_length=20)] | int | None = None

    def digest(self) -> str:
        """Return 32 hexadecimal digits that change with everything that is shown or measured."""
        shown = {"name", "author", "short_description", "nettests", "oonirun_link_id"}
        text = json.dumps(self.model_dump(mode="json", include=shown), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def parse_descriptor(raw: bytes, now: datetime) -> Descriptor:
    """Return the descriptor in a JSON text. Raise DescriptorError, also for one that is too large or expired."""
    if len(raw) > LONGEST_LIST:
        raise DescriptorError(tr("The descriptor is longer than {limit} bytes.", limit=LONGEST_LIST))
    try:
        found = Descriptor.model_validate(json.loads(raw, parse_constant=_refused))
        inputs = sum(len(test.inputs or ()) for test in found.nettests)
        found.digest()  # a text with half of a surrogate pair has none
    except ValidationError as error:
        raise DescriptorError(_explained(error)) from None
    except (ValueError, RecursionError):
        raise DescriptorError(tr("It is no descriptor of OONI Run, because it is no JSON text.")) from None
    if inputs > MOST_ADDRESSES:
        raise DescriptorError(
            tr("The descriptor has {count} inputs. At most {limit} are measured.", count=inputs, limit=MOST_ADDRESSES)
        )
    if found.is_expired or _is_past(found.expiration_date, now):
        raise DescriptorError(tr("The descriptor has expired, and is not measured any more."))
    return found


def _explained(error: ValidationError) -> str:
    """Return the sentence for the first error, without the value, which may be long."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"])) or "JSON"
    return tr("It is no descriptor of OONI Run ({key}: {problem}).", key=where[:80], problem=first["msg"])


def _is_past(text: str | None, now: datetime) -> bool:
    """Return whether a date of the server is past. A text that is no date is none."""
    try:
        date = datetime.fromisoformat(text or "")
    except ValueError:
        return False
    return (date if date.tzinfo else date.replace(tzinfo=UTC)) < now


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
