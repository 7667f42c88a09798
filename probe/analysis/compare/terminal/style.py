"""Draw bars, and hold what the reader's terminal can show: width, bar glyphs and colours."""

from collections.abc import Mapping
from dataclasses import dataclass, field

GLYPHS = "▏▎▍▌▋▊▉█"  # an eighth of a column to a whole one
REST = "░"
_EIGHTHS = len(GLYPHS)
WIDTH = 80


@dataclass(frozen=True)
class Style:
    """Hold the number of columns, whether bars have GLYPHS, and the colour of each state as an ANSI number."""

    width: int = WIDTH
    glyphs: bool = False
    colours: Mapping[str, str] = field(default_factory=dict)

    def bar(self, share: float, length: int) -> str:
        """Return a bar of some columns. Only a share of 0 is drawn empty, and only a share of 1 is drawn full."""
        steps = _steps(share, length * (_EIGHTHS if self.glyphs else 1))
        if not self.glyphs:
            return "#" * steps + "." * (length - steps)
        whole, part = divmod(steps, _EIGHTHS)
        drawn = GLYPHS[-1] * whole + (GLYPHS[part - 1] if part else "")
        return drawn + REST * (length - len(drawn))

    def paint(self, state: str, text: str) -> str:
        """Return a text in the colour of a state, if the style has one."""
        colour = self.colours.get(state)
        return f"\x1b[{colour}m{text}\x1b[0m" if colour else text


PLAIN = Style()


def has_glyphs(encoding: str | None) -> bool:
    """Return True if an encoding has the characters of bars."""
    try:
        (GLYPHS + REST).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _steps(share: float, most: int) -> int:
    steps = round(share * most)
    if 0 < share < 1:
        return min(max(steps, 1), most - 1)
    return steps
