"""Give the user's computer in the lab a TLS library that sends no post-quantum key share, as OpenSSL 3.0 does.

Such a hello fits into one segment, and a connection with it needs fewer packets for the same page. OpenSSL reads its
settings once, when a process loads it. So the probe then runs in a new Python and not in a fork.
"""

import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from probe.lab.scenario.scenario import Scenario

SETTINGS = "/run/censorprobe/openssl.cnf"
TEXT = """openssl_conf = here
[here]
ssl_conf = contexts
[contexts]
system_default = limits
[limits]
Groups = X25519
"""


def has_short_hello(scenario: Scenario, seed: int) -> bool:
    """Return whether the computer's hellos have no post-quantum key share: by the scenario's key, else by seed."""
    wanted = scenario.run.post_quantum
    drawn = scenario.seed_varies and seed != 0 and random.Random(f"hello {seed}").random() < 0.5
    return drawn if wanted is None else not wanted


def environment(scenario: Scenario, seed: int) -> dict[str, str]:
    """Return the variables that a command needs to use this library."""
    return {"OPENSSL_CONF": SETTINGS} if has_short_hello(scenario, seed) else {}


def settings_file(scenario: Scenario, seed: int) -> dict[str, str]:
    """Return the settings of the library with their path, nothing if the machine's own library stays as it is."""
    return {SETTINGS: TEXT} if has_short_hello(scenario, seed) else {}


def run_in_new_python(words: Sequence[str]) -> NoReturn:
    """Replace this process by `probe WORDS`, so that OpenSSL reads its settings. The caller has set the environment."""
    project = str(Path(__file__).parents[2])
    os.environ["PYTHONPATH"] = os.pathsep.join([project, *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    os.execv(sys.executable, [sys.executable, "-m", "probe", *words])
