"""Draw a text as a QR code with half blocks, two modules above each other in one character."""

import importlib
from typing import Any

from probe.cli.screen import UsageError
from probe.messages import tr
from probe.platforms.installation import command_for

QUIET_ZONES = (4, 2)  # modules around the code. The first is the standard's, the second is enough for most cameras.
BLOCKS = {(True, True): " ", (True, False): "▄", (False, True): "▀", (False, False): "█"}  # by dark modules
WHITE_ON_BLACK, RESET = "\x1b[97;40m", "\x1b[0m"


def qr_lines(text: str, width: int, *, coloured: bool) -> list[str] | None:
    """Return the lines of the code, None if it is wider than `width` columns. Raise UsageError without segno.

    Without colours the code is right on a dark terminal. Cameras read the inverted one too.
    """
    modules = modules_of(text)
    border = next((one for one in QUIET_ZONES if len(modules) + 2 * one <= width), None)
    if border is None:
        return None
    size = len(modules) + 2 * border
    dark = {
        (row + border, column + border)
        for row, line in enumerate(modules)
        for column, module in enumerate(line)
        if module
    }
    lines = [
        "".join(BLOCKS[(row, column) in dark, (row + 1, column) in dark] for column in range(size))
        for row in range(0, size, 2)
    ]
    return [f"{WHITE_ON_BLACK}{line}{RESET}" for line in lines] if coloured else lines


def modules_of(text: str) -> list[bytearray]:
    """Return the rows of the code, whose dark modules are 1. Raise UsageError without segno."""
    made = _segno().make_qr(text, error="l", encoding="utf-8", boost_error=False)
    return list(made.matrix)


def _segno() -> Any:
    try:
        return importlib.import_module("segno")
    except ImportError:
        raise UsageError(
            tr(
                "A QR code needs segno. Leave --qr out, or install segno with this command: {command}",
                command=command_for("share"),
            ),
            2,
        ) from None
