"""Annotate a field with the unit of its number and with its privacy class. Both are in the schema.

The description of a field is the comment after it, or the docstring below it where one line is too short.
`schema.py` reads it from the source, so a measuring process does not load it.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import Field

UNIT, PRIVACY = "x-unit", "x-privacy"  # keys in the schema

PrivacyClass = Literal["public", "vantage", "machine", "network", "withheld", "foreign"]
PRIVACY_CLASSES: dict[PrivacyClass, str] = {
    "public": "The same for all users: constants, versions, contents of target files.",
    "vantage": "Network and country, and on purpose nothing finer. `--cc` and `--asn` replace them.",
    "machine": "Properties of the computer or the access line that many users share. No identifiers.",
    "network": "What was sent and received, and when. `[scrubbed]` replaces own addresses, names of host and user, and "
    "home folders.",
    "withheld": "It would identify the user. The field is a constant, empty, or only yes or no.",
    "foreign": "Sent by the test helper. It is limited in size and depth and redacted, but not verified.",
}

T = TypeVar("T")
Public = Annotated[T, Field(json_schema_extra={PRIVACY: "public"})]
VantagePoint = Annotated[T, Field(json_schema_extra={PRIVACY: "vantage"})]
Machine = Annotated[T, Field(json_schema_extra={PRIVACY: "machine"})]
Withheld = Annotated[T, Field(json_schema_extra={PRIVACY: "withheld"})]
Foreign = Annotated[T, Field(json_schema_extra={PRIVACY: "foreign"})]


@dataclass(frozen=True)
class KeptAs:
    """Name the rule for a field that a server fills with text. `probe/privacy/server_fields.py` applies it."""

    rule: Literal["text", "product", "answer"]


Text = Annotated[T, KeptAs("text")]
Product = Annotated[T, KeptAs("product")]
Answer = Annotated[T, KeptAs("answer")]

Seconds = Annotated[float, Field(json_schema_extra={UNIT: "s"})]
TenthMilliseconds = Annotated[int, Field(json_schema_extra={UNIT: "0.1 ms"})]
WholeSeconds = Annotated[int, Field(json_schema_extra={UNIT: "s"})]
Bytes = Annotated[int, Field(json_schema_extra={UNIT: "bytes"})]
BytesPerSecond = Annotated[int, Field(json_schema_extra={UNIT: "bytes per second"})]
Count = Annotated[int, Field(json_schema_extra={UNIT: "count"})]
Hops = Annotated[int, Field(json_schema_extra={UNIT: "hops"})]
Port = Annotated[int, Field(json_schema_extra={UNIT: "port number"})]
ASN = Annotated[int, Field(json_schema_extra={UNIT: "AS number"})]
Code = Annotated[int, Field(json_schema_extra={UNIT: "code of the protocol"})]
Ordinal = Annotated[int, Field(json_schema_extra={UNIT: "ordinal"})]
