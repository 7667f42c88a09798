"""State conditions that rules about several kinds of pairs share."""

WORKS_OTHERWISE = (
    "((any_suffices AND ok > 0) OR"
    " (ok + degraded > 0 AND blocked + likely_blocked + impaired + down + insufficient + untested = 0))"
)
"""A service that would be `ok`, or degraded at some endpoints."""

WORKS_SLOWLY = (
    "((any_suffices AND ok + too_slow > 0) OR (ok + degraded + too_slow > 0"
    " AND blocked + likely_blocked + down + insufficient + untested = 0 AND impaired = too_slow))"
)
"""The same, or its answers are only too slow for the time limit at some endpoints."""
