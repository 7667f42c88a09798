"""Read for how long this computer has slept since it was started."""

import sys
import time


def seconds_asleep() -> float | None:
    """Return the seconds that one clock of the system counts while it sleeps, and another one does not.

    None if the system has no two such clocks. A change of the time of day changes neither.
    """
    if sys.platform != "win32":  # where no such clock can be read
        if hasattr(time, "CLOCK_BOOTTIME"):  # Linux
            return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
        if hasattr(time, "CLOCK_UPTIME_RAW"):  # macOS, whose CLOCK_MONOTONIC goes on in sleep
            return time.clock_gettime(time.CLOCK_MONOTONIC) - time.clock_gettime(time.CLOCK_UPTIME_RAW)
    return None
