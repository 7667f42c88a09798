"""Put a session into states in which flows with the test helper would show nothing."""

import time
from dataclasses import replace

from probe.session.session import Session


def slow(session: Session) -> None:
    for _ in range(8):
        session.pace.saw_wait(0.4)
    session.pace.received(1000)


def no_udp(session: Session) -> None:
    session.preflight |= {"udp": True, "udp_public": False}  # a home router answers DNS


def nearly_over(session: Session) -> None:
    session.steps_end_at = time.monotonic() + 0.5


def without_followups(session: Session) -> None:
    session.settings = replace(session.settings, followups=False)
