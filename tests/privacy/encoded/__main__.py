"""Draw 20,000 times (`python -m tests.privacy.encoded [NUMBER [SEED]]`). Exits with 1 if an address was written."""

import sys
import time

from tests.privacy.encoded.draws import run


def main(number: int = 20_000, seed: int = 0) -> int:
    """Draw, and print the leaks and the duration."""
    began = time.process_time()
    done = run(number, seed)
    for leak in done.leaks[:40]:
        print(leak)
    seconds = time.process_time() - began
    print(f"{done.drawn} draws, {done.planted} planted, {len(done.leaks)} leaks, {seconds:.0f} s of CPU, seed {seed}")
    return 1 if done.leaks else 0


sys.exit(main(*map(int, sys.argv[1:3])))
