"""Run `probe run` in this process at the user's position in the lab, and write its cost as JSON to a file.

Usage: python -m tests.bench.inside FIGURES WORD… (the words of `probe run`)
"""

import json
import os
import resource
import sys
import time

HEAVY = ("scapy", "duckdb")


def main(figures: str, words: list[str]) -> None:
    began = time.monotonic()
    code = 0
    sys.argv = ["probe", "run", *words]
    from probe.cli import main as probe

    try:
        probe()
    except SystemExit as ended:
        code = int(ended.code or 0)
    own, sniffer = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {
        "exit": code,
        "wall": time.monotonic() - began,
        "cpu": own.ru_utime + own.ru_stime,
        "sniffer_cpu": sniffer.ru_utime + sniffer.ru_stime,
        "peak_mb": own.ru_maxrss / 1024,
        "heavy": [name for name in HEAVY if name in sys.modules],
    }
    with open(figures, "w", encoding="utf-8") as file:
        json.dump(found, file)
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
