"""Run the probe once in a lab where real servers replace the hosts of `targets/`."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probe.cli.run.consent import VERSION
from probe.lab.real_servers import RealServer
from probe.lab.run import read_records, run_command, with_output_caught
from probe.lab.sandbox.namespaces import has_ipv6
from probe.lab.scenario.scenario import Scenario
from tests.real.servers import coturn, dovecot, kamailio, nginx, nsd, postfix, unbound

HERE = Path(__file__).parent
TARGETS = HERE / "targets"
RESOLVER, RESOLVER_NAME, ROOT = "192.88.99.54", "unbound.real.example", "nsd.real.example"
RESOLVER_V6 = "[3c00:88:99:54::"  # begin of its IPv6 address, which contains the other
FAMILIES = {False, True} if has_ipv6() else {False}  # True: IPv6. The families at which all services are tested
MARKS = [nsd.MARK, unbound.MARK]
SERVERS = (
    RealServer("nginx.real.example", nginx.command),
    RealServer("coturn.real.example", coturn.command),
    RealServer("kamailio.real.example", kamailio.command),
    RealServer("dovecot.real.example", dovecot.command),
    RealServer("postfix.real.example", postfix.command),
    RealServer(ROOT, nsd.command),
    unbound.server(RESOLVER, ROOT),
)


@dataclass(frozen=True, repr=False)
class Visit:
    """Hold the results: measurements by target, verdict records by service, and outcomes of DNS queries."""

    measurements: dict[str, dict[str, Any]]
    verdicts: dict[str, dict[str, Any]]
    answers: dict[str, Any]

    def entries(self, target: str, kind: str) -> list[dict[str, Any]]:
        """Return the entries of one kind that the probe's own attempts wrote to a target's measurement."""
        keys = self.measurements[target]["test_keys"]
        return [*keys.get(kind, []), *keys["x_endpoints"].get(kind, [])]

    def assert_ok(self, service: str, proof: str) -> None:
        """Assert that the verdict is ok at each endpoint, with this proof and without a failure."""
        verdict = self.verdicts[service]
        assert verdict["proof"] == proof
        assert (verdict["state"], verdict["valid"], verdict["failures"]) == ("ok", True, 0), verdict
        assert {endpoint["state"] for endpoint in verdict["endpoints"]} == {"ok"}


def visit(folder: Path) -> Visit:
    """Start the lab with all real servers, measure all targets, query the name servers and return the results."""
    answers = folder / "answers.json"
    measure = ["-m", "probe", "run", "--json", "--targets", str(TARGETS), "--results", str(folder)]
    task = {"answers": str(answers), "resolver": [RESOLVER, RESOLVER_NAME], "root": ROOT, "marks": MARKS}
    command = [sys.executable, str(HERE / "in_the_lab.py"), json.dumps(task), *measure]
    scenario = Scenario("real-servers", "Real servers without a censor")
    log = str(folder / "lab.log")

    def run() -> int:
        return run_command(scenario, TARGETS, command, consent=VERSION, real_servers=SERVERS, log=log)

    code, printed = with_output_caught(run)
    assert code == 0, f"in_the_lab.py ended with {code}; the log of the lab:\n{Path(log).read_text()[-4000:]}"
    measurements = [json.loads(line) for file in folder.rglob("*.jsonl") for line in file.read_text().splitlines()]
    return Visit(
        measurements={one["test_keys"]["x_target"]["name"]: one for one in measurements},
        verdicts={record["service"]: record for record in read_records(printed)},
        answers=json.loads(answers.read_text()),
    )
