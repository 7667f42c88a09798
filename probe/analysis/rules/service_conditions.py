"""State conditions that rules about several kinds of pairs share."""

WORKS_OTHERWISE = (
    "((any_suffices AND ok > 0) OR"
    " (ok + degraded > 0 AND blocked + likely_blocked + impaired + down + insufficient + untested = 0))"
)
"""A service that would be `ok`, or degraded at some endpoints."""
