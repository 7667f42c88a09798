"""Test that answers are computed in processes of their own, which are replaced when they end."""

import os
import signal
import threading
import time

import pytest

from probe.analysis.compare.verdict_table import StoreError
from probe.explore.computation import NICENESS, Computation


def facts() -> tuple[int, int, bool]:
    return os.getpid(), os.nice(0), signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    raise StoreError("The file is damaged.")


def test_worker_has_a_lower_priority_and_ignores_ctrl_c() -> None:
    computation = Computation()
    process, niceness, ignores = computation.run(facts)
    assert process != os.getpid()
    assert niceness == min(19, os.nice(0) + NICENESS)
    assert ignores
    with pytest.raises(StoreError, match="damaged"):
        computation.run(fail)
    computation.close()


def test_worker_that_was_ended_is_replaced() -> None:
    computation = Computation()
    with pytest.raises(StoreError, match="too much memory"):
        computation.run(end)
    assert computation.run(facts)[2]
    computation.close()


def test_close_ends_a_computation() -> None:
    computation, refused = Computation(), list[BaseException]()

    def compute() -> None:
        try:
            computation.run(time.sleep, 600)
        except StoreError as error:
            refused.append(error)

    thread = threading.Thread(target=compute)
    computation.run(facts)
    thread.start()
    time.sleep(0.2)
    computation.close()
    thread.join(30)
    assert len(refused) == 1 and not thread.is_alive()
