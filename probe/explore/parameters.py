"""Declare the parameters of every address. Checks, and the description in OpenAPI, are made from these classes."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, StringConstraints, ValidationError

from probe.analysis.compare.axes import Question, QuestionError, parse_question
from probe.analysis.rules.rule import State
from probe.messages import listed, tr

LONGEST_STATEMENT = 4000  # characters
LONGEST, MOST_CONDITIONS = 500, 20  # characters of one value, and values of `only`
MOST_ROWS, USUAL_ROWS = 1000, 100  # of one answer
MOST_VANTAGES, USUAL_VANTAGES = 2000, 500  # columns of one page
Word = Annotated[str, StringConstraints(max_length=LONGEST)]
Truth = Annotated[bool, BeforeValidator(lambda word: _TRUTHS.get(word, word), json_schema_input_type=bool), Strict()]
_TRUTHS = {"true": True, "false": False}
P = TypeVar("P", bound="Parameters")


class ParameterError(ValueError):
    """Report a parameter that cannot be used, with one sentence for the user."""


class Format(StrEnum):
    """List the forms of an answer."""

    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class Grain(StrEnum):
    """List the lengths of a step."""

    DAY = "day"
    HOUR = "hour"


class Parameters(BaseModel):
    """Hold the parameters of one address. Unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PeriodParameters(Parameters):
    """Hold the period, and whether artificial measurements count."""

    since: Word | None = Field(
        default=None, description="Start of the period (inclusive, UTC): 2026-11-24 or 2026-11-24T13:00."
    )
    until: Word | None = Field(default=None, description="End of the period (exclusive, UTC).")
    lab: Truth = Field(
        default=False, description="Include artificial measurements: those of the lab, and synthetic ones."
    )


class NarrowingParameters(PeriodParameters):
    """Hold what narrows the measurements of a comparison."""

    only: list[Word] = Field(
        default=[],
        max_length=MOST_CONDITIONS,
        description="Keep measurements with NAME=VALUE, such as cc=IR. Repeatable.",
    )


class QuestionParameters(NarrowingParameters):
    """Hold the question of a comparison, in the words of the command line."""

    by: Word | None = Field(
        default=None, description="What makes a vantage point: cc,asn (default), or others of day, software."
    )
    baseline: Word | None = Field(default=None, description="Vantage point to compare the others with, such as cc=DE.")


class PagedParameters(Parameters):
    """Hold the place in a long answer."""

    limit: int = Field(default=USUAL_ROWS, ge=1, le=MOST_ROWS, description="Most rows of one answer.")
    cursor: Word | None = Field(default=None, description="The value `next` of the answer before this one.")


class FormParameters(Parameters):
    """Hold the form of an answer."""

    format: Format = Field(
        default=Format.JSON, description="Form of the answer. All except json have every row at once."
    )


class PageParameters(QuestionParameters):
    """Hold the question of the HTML page."""

    top: int = Field(
        default=USUAL_VANTAGES,
        ge=0,
        le=MOST_VANTAGES,
        description="Show only the N vantage points with most measurements.",
    )


class CellsParameters(QuestionParameters, PagedParameters, FormParameters):
    """Hold the parameters of `cells`."""

    top: int = Field(default=0, ge=0, description="Only the N vantage points with most measurements, 0 for all.")


class SeriesParameters(NarrowingParameters, PagedParameters, FormParameters):
    """Hold the parameters of `series`."""

    by: Word | None = Field(
        default=None, description="What makes a vantage point: cc,asn (default), or others of software."
    )
    grain: Grain = Field(default=Grain.DAY, description="Length of a step in UTC.")


class EventsParameters(NarrowingParameters, PagedParameters, FormParameters):
    """Hold the parameters of `events`."""


class FeedParameters(NarrowingParameters):
    """Hold the parameters of a feed of events."""


class QuestionsParameters(Parameters):
    """Hold whether the forms offer what artificial measurements have."""

    lab: Truth = Field(default=False, description="Include artificial measurements.")


class SQLParameters(Parameters):
    """Hold a statement of the reader."""

    statement: Annotated[str, StringConstraints(max_length=LONGEST_STATEMENT)] = Field(
        default="", description="One SELECT over the tables of the store."
    )


class MeasurementParameters(Parameters):
    """Hold the measurement whose evidence is shown."""

    id: Word = Field(description="Identity of a measurement (column line_hash), or its first 6 digits or more.")


class VerdictsParameters(PeriodParameters, PagedParameters):
    """Hold the parameters of `verdicts`."""

    service: Word | None = Field(default=None, description="A service, such as signal/chat.")
    cc: Word | None = Field(default=None, description="A country, two capital letters.")
    asn: Word | None = Field(default=None, description="A network, such as AS64500.")
    state: State | None = Field(default=None, description="A state of verdicts.")


class NoParameters(Parameters):
    """Hold the parameters of an address that has none."""


def parse(kind: type[P], pairs: Iterable[tuple[str, str]]) -> P:
    """Check the pairs of a query. Empty values count as absent, as in a form. Raises ParameterError."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if not value:
            continue
        if name in kind.model_fields and kind.model_fields[name].annotation == list[Word]:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise ParameterError(tr("The address has the parameter {name} twice. Give it once.", name=name))
        else:
            found[name] = value
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        raise ParameterError(_sentence(kind, error)) from None


def _sentence(kind: type[Parameters], error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        known = listed(kind.model_fields) or "-"
        return tr("There is no parameter {name} here. Use some of {known}.", name=name, known=known)
    return tr("The parameter {name} cannot be used. {reason}.", name=name, reason=first["msg"])


def question_of(parameters: PeriodParameters) -> Question:
    """Return the question. Raises ParameterError with the sentence of the command line."""
    values = parameters.model_dump(include={"by", "baseline", "since", "until", "only", "lab"})
    try:
        return parse_question(**values)
    except QuestionError as error:
        raise ParameterError(str(error)) from None


def checked(parameters: Parameters) -> None:
    """Check what no type can say: names, times, and their order. Raises ParameterError."""
    if isinstance(parameters, PeriodParameters):
        question_of(parameters)
