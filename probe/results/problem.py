"""Define how an unusable line or file is reported."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Represent a line of a file that cannot be used, and the reason.

    `number` counts from 1, and 0 stands for the whole file.
    """

    file: str
    number: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.number}: {self.sentence}" if self.number else f"{self.file}: {self.sentence}"
