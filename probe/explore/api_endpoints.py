"""List the addresses of the API, each with the class that checks its parameters."""

from dataclasses import dataclass

from probe.analysis.store.columns import VERDICT
from probe.explore.parameters import (
    CellsParameters,
    EventsParameters,
    NoParameters,
    Parameters,
    SeriesParameters,
    VerdictsParameters,
)

API = "/api/v1"


@dataclass(frozen=True)
class APIEndpoint:
    """Hold one address. `columns` are keys of every row, `answer` describes the answer."""

    name: str
    summary: str
    answer: str
    parameters: type[Parameters]
    columns: tuple[str, ...] = ()


ENDPOINTS = (
    APIEndpoint(
        "cells",
        "Compare vantage points: each service at each one.",
        "One row per cell, as `probe compare --json` prints it.",
        CellsParameters,
        ("service", "vantage", "state", "mechanisms", "n", "by_state", "networks", "witness"),
    ),
    APIEndpoint(
        "series",
        "Count each service at each vantage point by day or hour.",
        "One row per step, as `probe series --json` prints it. Gaps are included.",
        SeriesParameters,
        ("service", "vantage", "time", "state", "n", "by_state"),
    ),
    APIEndpoint(
        "events",
        "List when interference began and ended, and when measurements went missing.",
        "One row per event, as `probe events --json` prints it.",
        EventsParameters,
        ("service", "networks", "onset", "end", "mechanism", "detected_at", "kind", "cc"),
    ),
    APIEndpoint(
        "verdicts",
        "List verdicts in the order of the store's files.",
        "One row per verdict, with the columns of the store's table `verdicts`.",
        VerdictsParameters,
        tuple(VERDICT),
    ),
    APIEndpoint(
        "store",
        "Describe the store.",
        "Version, months, numbers and sizes, as `probe store info --json` prints them.",
        NoParameters,
    ),
    APIEndpoint("openapi.json", "Describe this API.", "This document, in OpenAPI 3.1.", NoParameters),
)
