"""Name the states of the one visit to an unverified address (P7)."""

from typing import Literal

Visit = Literal["none", "under_way", "verified", "in_vain"]
"""The visit was not made, it is under way, the server proved itself, or it did not."""
