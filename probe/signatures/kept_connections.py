"""State how connections are kept open to find a limit of time, for probe and analysis alike."""

SECONDS = 12.0  # that a connection is kept open
SLOW_INTERVAL, FAST_INTERVAL = 1.5, 0.6
"""Seconds between two requests. A limit of bytes, packets or requests ends the fast connection 2.5 times earlier."""

LATER = 2.5  # seconds after the slow connection the fast one begins, so that an outage ends them at different ages
LEAST_ANSWERS = 3  # on a connection that then ended. After fewer, both intervals are too near to each other.
APART = 0.6  # seconds by which the ages at which connections ended may differ
BEYOND = 1.0  # seconds that another connection must last longer
LATE = 1.0  # age in seconds at which a page broke off, so that a limit of time may be the cause
