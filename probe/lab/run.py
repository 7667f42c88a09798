"""Start the lab of a scenario, run the probe or a command in it, and compare verdicts with expectations."""

import json
import os
import signal
import sys
import sysconfig
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from probe.lab.forks import run_probe
from probe.lab.net.layout import FabricConfig
from probe.lab.network_verdict import network_verdicts
from probe.lab.real_servers import PATIENCE, RealServer, host_of, serve_with_real_servers
from probe.lab.sandbox.job import Moment, ProcessFaults, Start
from probe.lab.sandbox.sandbox import LabBroken, LabUnavailable, run_in_lab
from probe.lab.scenario.expectations import Difference, differences, network_differences
from probe.lab.scenario.scenario import Scenario, ScenarioError
from probe.lab.services.false_helper import serve_false_helper
from probe.lab.services.helper_client import other_users
from probe.lab.tls_library import environment as library_environment
from probe.lab.tls_library import has_short_hello, run_in_new_python
from probe.lab.world.assemble import HELPERS_ROOTS, MACHINES_ROOTS, ROOTS, build_fabric, build_path, machine_has_roots
from probe.lab.world.emulated_world import World, build_world
from probe.lab.world.hosts import HELPER_PORT, HELPER_V4
from probe.targets.target_files import pick_targets
from probe.targets.url_lists import ROLE

__all__ = ["Finished", "LabBroken", "LabUnavailable", "expected_services", "run_command", "run_scenario"]

READY_WITHIN = 20.0  # seconds, without real servers. It takes 3 s on an idle machine
ECHO_PORTS = (
    "3478,5060,19302"  # of STUN, SIP and the STUN servers of web calls. Echo pairs of other ports use the first
)
MEDIA_PORT = "50000"
SIP_PORT = "5070"  # the usual one belongs to the echo. Voice is at the port two above
TRANSFER_PORT = "443"  # a censor that reads names in hellos may watch this port alone
TRANSFER_HTTP_PORT = "8080"  # port 80 is that of the HTTP side
FINE = frozenset({0, 4})  # exit codes of a complete run. 4: no usable network, which a scenario may expect
INTERRUPTED = 128 + signal.SIGINT


@dataclass(frozen=True)
class Finished:
    """Hold the result of one run of the probe. `code` is its exit code.

    `network` has the verdict about its network, if the scenario expects one.
    """

    code: int
    records: list[dict[str, Any]]
    differences: list[Difference] = field(default_factory=list)
    network: list[dict[str, Any]] = field(default_factory=list)


def environment(consent: str, *, form: str = "own", roots: str = ROOTS, host: str = HELPER_V4) -> dict[str, str]:
    """Return the variables that a command in the lab gets. `form`: protocol of the helper, `own` or `ooni`.

    `host` is the helper's address as a URL has it.
    """
    port = "" if HELPER_PORT == 80 else f":{HELPER_PORT}"
    return {
        "PROBE_CONTROL": f"{'ooni+' if form == 'ooni' else ''}http://{host}{port}",
        "PROBE_CONSENT": consent,
        "PROBE_PUBLIC_ROOTS": roots,
        "PROBE_CC": "XX",
        "PROBE_ASN": "AS64500",
    }


def run_command(
    scenario: Scenario,
    folder: Path,
    command: Sequence[str],
    *,
    consent: str,
    of_probe: bool = False,
    seed: int = 0,
    record: str | None = None,
    log: str | None = None,
    real_servers: Sequence[RealServer] = (),
) -> int:
    """Run `command` in the user's namespace and return its exit code, 128 + n for signal n.

    The command keeps its streams. With `of_probe` it is a list of arguments for `probe`. `folder`: target files, from
    which the servers are made. `record`: a pcap file of the link behind the home router. `real_servers` replace the
    lab's servers of some hosts.

    Raises LabUnavailable, LabBroken, TargetError, ScenarioError and RealServerError.
    """
    folder = folder.resolve()
    world = build_world(folder, scenario, seed)
    for server in real_servers:
        host_of(world, server)
    others, short = other_users(scenario, world), has_short_hello(scenario, seed)
    return run_in_lab(
        _fabric(scenario, world, seed, record),
        command=(lambda: _after_others(others, command, short_hello=short)) if of_probe else command,
        servers=lambda ready: serve_with_real_servers(world, real_servers, ready),
        helper=_helper(scenario, world, folder, consent),
        env=_command_environment(scenario, world, consent) | library_environment(scenario, seed),
        keep=[str(folder), *_named_paths(command)],
        log=log,
        ready_within=READY_WITHIN + (PATIENCE if real_servers else 0),
        faults=ProcessFaults(_interruption(scenario, world), _helper_restart(scenario, world), scenario.run.open_files),
    )


def _fabric(scenario: Scenario, world: World, seed: int, record: str | None) -> FabricConfig:
    """Return the configuration of the fabric for a scenario. Raises ScenarioError."""
    try:
        return build_fabric(scenario, world, seed, _roots(world), record)
    except ValueError as error:
        raise ScenarioError(f"{scenario.name}: {error}") from None


def _command_environment(scenario: Scenario, world: World, consent: str) -> dict[str, str]:
    # A helper's name would lead to this address in a network without IPv4 (DNS64).
    host = f"[{world.translator.embed(HELPER_V4)}]" if world.translator is not None else HELPER_V4
    more = {"SSL_CERT_FILE": MACHINES_ROOTS} if machine_has_roots(scenario) else {}
    return environment(consent, form=scenario.helper.form, host=host) | more | {"PATH": _path_with_probe()}


def _path_with_probe() -> str:
    """Return PATH with the folder of this Python's programs at its end.

    So a command in the lab finds `probe` also outside of an activated environment.
    """
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    own = sysconfig.get_path("scripts")
    return os.pathsep.join([*folders, *([] if own in folders else [own])])


def _interruption(scenario: Scenario, world: World) -> Moment | None:
    """Return the scenario's SIGINT. Its time counts from the first service, since preflight contacts resolvers too."""
    seconds = scenario.run.interrupt_after
    return None if seconds is None else Moment(seconds, _addresses_of_services(world))


def _helper_restart(scenario: Scenario, world: World) -> Moment | None:
    seconds = scenario.helper.restarts_after
    return None if seconds is None else Moment(seconds, _addresses_of_services(world), of_helper=True)


def _addresses_of_services(world: World) -> tuple[str, ...]:
    services = {name: addresses for name, addresses in world.deployment().services.items() if not _is_resolver(name)}
    return tuple(ip for addresses in services.values() for ip in addresses)


def _is_resolver(service: str) -> bool:
    return service.startswith("resolvers/")


def _named_paths(command: Sequence[str]) -> list[str]:
    """Return the folders below /tmp that the command or the environment names. They stay real in the lab.

    Paths below /run do not stay, because daemons of the machine listen there.
    """
    words = [word for argument in command for word in (argument, argument.partition("=")[2])]
    words += [value for name, value in os.environ.items() if name.startswith(("PROBE_", "XDG_", "HOME"))]
    paths = [Path(word).resolve() for word in words if word.startswith("/")]
    folders = [path if path.exists() else path.parent for path in paths]
    temporary = Path("/tmp").resolve()  # the lab's own mount  # nosec B108
    return sorted({str(folder) for folder in folders if folder.exists() and temporary in folder.parents})


def _roots(world: World) -> str:
    """Return the PEM text that the user trusts: the lab's CA and the root of its Noise server."""
    return world.authority.pem + world.noise.root_pem


def _helper(scenario: Scenario, world: World, folder: Path, consent: str) -> Start | None:
    if not scenario.helper.up:
        return None
    lie = scenario.helper.lies
    if lie is not None:
        return lambda ready: serve_false_helper(world, lie, ready)
    listen = f"{HELPER_V4}:{HELPER_PORT}"
    words = ["helper", "--listen", listen, "--lab", "--targets", str(folder), "--echo", ECHO_PORTS]
    words += ["--media", MEDIA_PORT] if scenario.helper.media else []
    words += ["--sip", SIP_PORT] if scenario.helper.sip else []
    words += ["--webrtc"] if scenario.helper.webrtc else []
    words += ["--transfer", TRANSFER_PORT, "--transfer-http", TRANSFER_HTTP_PORT] if scenario.helper.transfer else []
    return lambda ready: run_probe(words, environment(consent, roots=HELPERS_ROOTS))


def _after_others(others: Sequence[Callable[[], None]], command: Sequence[str], *, short_hello: bool) -> None:
    """Run the probe after what other users ask the helper for."""
    for ask in others:
        ask()
    if short_hello:
        run_in_new_python(command)
    run_probe(command, {})


def expected_services(scenario: Scenario, folder: Path) -> list[str]:
    """Return the services whose verdicts are compared: those of the measured targets with servers in the lab.

    A retired target has no server. Its services are compared if the scenario names them.

    Raises TargetError, and ScenarioError for an expectation about a role that the target does not have.
    """
    measured_web = [page.url for page in scenario.pages if page.measured]
    targets = [] if measured_web and not scenario.targets else pick_targets(folder, list(scenario.targets))
    every = [(t, f"{t.name}/{role}") for t in targets if t.lab for role in t.services]
    found = [name for target, name in every if target.retired is None or name in scenario.expect]
    found += [f"{url}/{ROLE}" for url in measured_web]
    measured = {target.name for target in targets}
    for name in scenario.expect:
        whole = name == "default" or name.endswith("/*")
        if not whole and name.split("/")[0] in measured and name not in found:
            raise ScenarioError(f'{scenario.name}: expect."{name}": the target has no such service in the lab')
    return found


def run_scenario(
    scenario: Scenario,
    folder: Path,
    *,
    consent: str,
    seed: int = 0,
    results: Path | None = None,
    more: Iterable[str] = (),
    record: str | None = None,
    log: str | None = None,
) -> Finished:
    """Measure the scenario's targets in the lab and compare the verdicts. `more`: further options of `probe run`.

    Progress goes to stderr. Raises the errors of run_command.
    """
    services = expected_services(scenario, folder)
    command = ["run", "--json", "--targets", str(folder.resolve())]
    command += ["--depth", scenario.depth, *(["--results", str(results)] if results else []), *more, *scenario.targets]
    command += ["--repeat", str(scenario.run.repeat)] if scenario.run.repeat > 1 else []
    command += ["--measure-anyway"] if scenario.run.measure_anyway else []
    command += [word for page in scenario.pages if page.measured for word in ("--input", page.url)]

    def measure() -> int:
        return run_command(scenario, folder, command, consent=consent, of_probe=True, seed=seed, record=record, log=log)

    code, printed = with_output_caught(measure)
    if code == INTERRUPTED and scenario.run.interrupt_after is not None:
        code = 0  # the scenario requested the interruption
    records = read_records(printed)
    hop = build_path(scenario, seed).censor_hop
    found = differences(scenario.expect, services, records, censor_hop=hop)
    network = network_verdicts(records, results) if scenario.expect_network else []
    found += network_differences(scenario.expect_network, network)
    if code not in FINE:
        found.insert(0, Difference("(probe run)", "exit code", "0", str(code)))
    return Finished(code, records, found, network)


def with_output_caught(action: Callable[[], int]) -> tuple[int, bytes]:
    """Run `action` and return its result and its standard output, that of its children included."""
    sys.stdout.flush()
    memory, kept = os.memfd_create("stdout"), os.dup(1)
    try:
        os.dup2(memory, 1)
        try:
            result = action()
        finally:
            os.dup2(kept, 1)
        os.lseek(memory, 0, os.SEEK_SET)
        with os.fdopen(os.dup(memory), "rb") as written:
            return result, written.read()
    finally:
        os.close(memory)
        os.close(kept)


def read_records(printed: bytes) -> list[dict[str, Any]]:
    """Return the verdict records in the output of `probe run --json`."""
    found = []
    for line in printed.splitlines():
        try:
            document = json.loads(line)
        except ValueError:
            continue  # a line of text beside the records
        if isinstance(document, dict) and "service" in document:
            found.append(document)
    return found


def table(found: Sequence[Difference]) -> list[str]:
    """Return the differences as lines of a table."""
    head = Difference("SERVICE", "WHAT", "EXPECTED", "FOUND")
    rows = [(row.service, row.key, row.expected, row.found) for row in (head, *found)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows]
