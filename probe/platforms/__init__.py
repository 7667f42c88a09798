"""Hold every call that differs between operating systems. No other package but the lab makes one.

A module offers the same functions on Linux, Android, macOS, BSD and Windows. Where a system lacks an ability, the
function returns None or nothing, and `abilities.py` names what is missing. Nothing here imports another package.
"""
