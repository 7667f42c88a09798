"""One run of the probe at the volunteer's place of a lab in which real servers stand for the hosts of `targets/`."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probe.cli.run.consent import VERSION
from probe.lab.real_servers import Guest
from probe.lab.run import read_records, run_command, with_output_caught
from probe.lab.sandbox.namespaces import has_ipv6
from probe.lab.scenario.scenario import Scenario
from tests.real.servers import coturn, dovecot, kamailio, nginx, nsd, postfix, unbound

HERE = Path(__file__).parent
TARGETS = HERE / "targets"
RESOLVER, RESOLVER_NAME, ROOT = "192.88.99.54", "unbound.real.example", "nsd.real.example"
FAMILIES = {False, True} if has_ipv6() else {False}  # whether an address is IPv6: those at which everything is tried
MARKS = [nsd.MARK, unbound.MARK]
GUESTS = (
    Guest("nginx.real.example", nginx.command),
    Guest("coturn.real.example", coturn.command),
    Guest("kamailio.real.example", kamailio.command),
    Guest("dovecot.real.example", dovecot.command),
    Guest("postfix.real.example", postfix.command),
    Guest(ROOT, nsd.command),
    unbound.guest(RESOLVER, ROOT),
)


@dataclass(frozen=True, repr=False)
class Visit:
    """What came of it: measurement lines by target, verdict records by service, and what was said to questions."""

    lines: dict[str, dict[str, Any]]
    verdicts: dict[str, dict[str, Any]]
    answers: dict[str, Any]

    def entries(self, target: str, kind: str) -> list[dict[str, Any]]:
        """The entries of one kind that our own attempts at a target's endpoints left in its line."""
        keys = self.lines[target]["test_keys"]
        return [*keys.get(kind, []), *keys["x_endpoints"].get(kind, [])]

    def assert_ok(self, service: str, proof: str) -> None:
        """The verdict is ok at every endpoint, by the deepest proof there is, and nothing was tried twice for it."""
        verdict = self.verdicts[service]
        assert verdict["proof"] == proof
        assert (verdict["state"], verdict["valid"], verdict["failures"]) == ("ok", True, 0), verdict
        assert {endpoint["state"] for endpoint in verdict["endpoints"]} == {"ok"}


def visit(folder: Path) -> Visit:
    """Start the lab with every guest, measure all targets, ask the name servers, and read what was written."""
    answers = folder / "answers.json"
    measure = ["-m", "probe", "run", "--json", "--targets", str(TARGETS), "--results", str(folder)]
    task = {"answers": str(answers), "resolver": [RESOLVER, RESOLVER_NAME], "root": ROOT, "marks": MARKS}
    command = [sys.executable, str(HERE / "at_home.py"), json.dumps(task), *measure]
    scenario = Scenario("real-servers", "Real servers, nothing in the way")
    log = str(folder / "lab.log")

    def run() -> int:
        return run_command(scenario, TARGETS, command, consent=VERSION, guests=GUESTS, log=log)

    code, printed = with_output_caught(run)
    assert code == 0, f"at_home.py ended with {code}; the lab said:\n{Path(log).read_text()[-4000:]}"
    lines = [json.loads(line) for file in folder.rglob("*.jsonl") for line in file.read_text().splitlines()]
    return Visit(
        lines={line["test_keys"]["x_target"]["name"]: line for line in lines},
        verdicts={record["service"]: record for record in read_records(printed)},
        answers=json.loads(answers.read_text()),
    )
