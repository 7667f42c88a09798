"""Run every attack on the helper and print a figure for each (`make attack`).

ATTACK_REQUESTS (100000) malformed requests are sent from ATTACK_SEED (1). Memory is watched for ATTACK_MINUTES (30).
Each attack of 1,000 addresses lasts for CROWD_SECONDS (120).
With names as arguments only these attacks run: `python -m tests.attack requests memory`.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from functools import partial

from tests.attack import starvation
from tests.attack.crowd import HURT, SECONDS, crowd, crowd_over_ipv6
from tests.attack.helper_process import helper_process
from tests.attack.malformed_requests import send_malformed, traces
from tests.attack.starvation import Attack, Outcome, attacked, growth

REQUESTS = int(os.environ.get("ATTACK_REQUESTS", "100000"))
SEED = int(os.environ.get("ATTACK_SEED", "1"))
MINUTES = float(os.environ.get("ATTACK_MINUTES", "30"))
MOST_GROWTH = 5.0  # MB
STARVATION: dict[str, Attack] = {
    "slow-clients": starvation.slow_clients,
    "slow-clients-of-one-peer": partial(starvation.slow_clients, peers=1),
    "slow-clients-of-1200-peers": partial(starvation.slow_clients, peers=1200),
    "slow-questions": starvation.slow_questions,
    "slow-questions-of-five-peers": partial(starvation.slow_questions, peers=5),
    "cheap-questions": starvation.cheap_questions,
    "crowded-prefix": starvation.crowded_prefix,
}


def requests() -> bool:
    """Send malformed requests: no 500, no hang, no trace in the output."""
    with helper_process() as helper:
        results = asyncio.run(send_malformed(helper, REQUESTS, SEED))
        found, written, memory = traces(helper, results), helper.written(), helper.memory()
    print(f"{REQUESTS} malformed requests of seed {SEED}: {dict(sorted(results.statuses.items()))}")
    print(f"  closed {results.ended}, left {results.left}, with 500 {len(results.bugs)}, hung {len(results.hung)}")
    print(
        f"  longest wait {results.longest:.1f} s, memory {memory:.0f} MB, traces {len(found)}, output {written[:500]!r}"
    )
    for raw in [*results.bugs, *results.hung][:5]:
        print(f"  {raw[:300]!r}")
    return not (results.bugs or results.hung or found or written)


def starve(name: str) -> bool:
    """Run one attack beside an honest client."""
    outcome = attacked(STARVATION[name], seconds=20.0)
    _print(name, outcome)
    return outcome.fine


def of_crowd(name: str) -> bool:
    """Attack one kind of port, or all of them together, from 1,000 addresses in 20 networks beside an honest client."""
    outcome = crowd(name)
    print(f"crowd-{name}: {outcome.sentence()}; the helper computed {outcome.processor:.2f} s a second")
    sys.stdout.flush()
    return outcome.fine


def memory() -> bool:
    """Run all attacks together for MINUTES: the honest client is answered, and memory does not grow."""
    attacks = (partial(starvation.slow_clients, count=600), *(STARVATION[name] for name in list(STARVATION)[3:]))
    outcome = attacked(*attacks, head_start=20.0, seconds=60 * MINUTES)
    grown = growth(outcome.memory)
    _print(f"all together for {MINUTES:g} minutes", outcome)
    print(f"  memory grew by {grown:.1f} MB from the second quarter to the last")
    return grown < MOST_GROWTH and sum(status == 200 for status, _ in outcome.honest) > 0.9 * len(outcome.honest)


def _print(name: str, outcome: Outcome) -> None:
    statuses = sorted(status for status, _ in outcome.honest)
    print(f"{name}: honest client asked {len(statuses)} times, {statuses.count(200)} answers with 200")
    print(f"  longest wait {outcome.longest:.2f} s, most descriptors {outcome.descriptors} of {starvation.DESCRIPTORS}")
    print(f"  memory {outcome.memory[0]:.0f} to {max(outcome.memory):.0f} MB, attackers got {dict(outcome.attackers)}")
    sys.stdout.flush()


ATTACKS: dict[str, Callable[[], bool]] = {
    "requests": requests,
    **{name: partial(starve, name) for name in STARVATION},
    **{f"crowd-{name}": partial(of_crowd, name) for name in HURT},
    "crowd-ipv6": lambda: crowd_over_ipv6("together", SECONDS) == 0,
    "memory": memory,
}


def main(names: list[str]) -> int:
    """Run the named attacks, or all. Return 1 if one succeeded."""
    unknown = set(names) - set(ATTACKS)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; expected some of {', '.join(ATTACKS)}", file=sys.stderr)
        return 2
    began = time.monotonic()
    succeeded = [name for name in names or ATTACKS if not ATTACKS[name]()]
    print(f"{time.monotonic() - began:.0f} s. Attacks that succeeded: {', '.join(succeeded) or 'none'}")
    return 1 if succeeded else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
