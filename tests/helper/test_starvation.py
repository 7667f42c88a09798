"""Test that an honest client is answered within 5 s while others attack the real command (see `make attack`)."""

from functools import partial

import pytest

from tests.attack import starvation
from tests.attack.starvation import Attack, attacked, growth

pytestmark = pytest.mark.timed

ATTACKS: dict[str, Attack] = {
    "1200 slow clients of 20 peers": starvation.slow_clients,
    "1200 slow clients of one peer": partial(starvation.slow_clients, peers=1),
    "1200 slow clients of 1200 peers": partial(starvation.slow_clients, peers=1200),
    "40 slow questions of one peer": starvation.slow_questions,
    "40 slow questions of five peers": partial(starvation.slow_questions, peers=5),
    "600 cheap questions of five peers": starvation.cheap_questions,
    "3000 addresses of one /64": starvation.crowded_prefix,
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ATTACKS)
def test_honest_client_is_answered_while_others_attack(name: str) -> None:
    outcome = attacked(ATTACKS[name])
    assert outcome.fine, (outcome.honest, outcome.attackers)
    assert outcome.descriptors < starvation.DESCRIPTORS
    if "/64" in name:
        assert outcome.attackers[429] > 100 and outcome.attackers[200] <= 120


def test_growth_compares_the_second_and_the_last_quarter() -> None:
    assert growth([50.0] * 2 + [80.0] * 6) == 0.0
    assert growth([80.0] * 4 + [81.0] * 2 + [95.0] * 2) == 15.0
