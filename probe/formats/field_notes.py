"""What a field means beyond its type: the unit of its number and its privacy class. Both stand in the schema.

The third part, the sentence, is the comment behind the field (or the docstring under it, where one line is too short);
`schema.py` reads it from the source, so that a measuring process carries none of it.
"""

from typing import Annotated, Literal, TypeVar

from pydantic import Field

UNIT, PRIVACY = "x-unit", "x-privacy"  # as the schema names them

PrivacyClass = Literal["public", "vantage", "machine", "network", "withheld", "foreign"]
PRIVACY_CLASSES: dict[PrivacyClass, str] = {
    "public": "The same for everybody: constants, versions, what stands in a target file.",
    "vantage": "Which network and country this is; no finer, on purpose. `--cc` and `--asn` replace it.",
    "machine": "About the computer or the line, in terms that many share; no identifier of either.",
    "network": "What was sent, when, and what came back. Swept before it is written: own addresses, names of host and "
    "user, and home folders become `[scrubbed]`.",
    "withheld": "It would name the volunteer: the field has a constant, is empty, or says yes or no instead.",
    "foreign": "Said by the test helper: bounded in size and depth, swept, and otherwise not to be trusted.",
}

T = TypeVar("T")
Public = Annotated[T, Field(json_schema_extra={PRIVACY: "public"})]
VantagePoint = Annotated[T, Field(json_schema_extra={PRIVACY: "vantage"})]
Machine = Annotated[T, Field(json_schema_extra={PRIVACY: "machine"})]
Withheld = Annotated[T, Field(json_schema_extra={PRIVACY: "withheld"})]
Foreign = Annotated[T, Field(json_schema_extra={PRIVACY: "foreign"})]

Seconds = Annotated[float, Field(json_schema_extra={UNIT: "s"})]
WholeSeconds = Annotated[int, Field(json_schema_extra={UNIT: "s"})]
Bytes = Annotated[int, Field(json_schema_extra={UNIT: "bytes"})]
Count = Annotated[int, Field(json_schema_extra={UNIT: "count"})]
Hops = Annotated[int, Field(json_schema_extra={UNIT: "hops"})]
Port = Annotated[int, Field(json_schema_extra={UNIT: "port number"})]
ASN = Annotated[int, Field(json_schema_extra={UNIT: "AS number"})]
Code = Annotated[int, Field(json_schema_extra={UNIT: "code of the protocol"})]
Ordinal = Annotated[int, Field(json_schema_extra={UNIT: "ordinal"})]
