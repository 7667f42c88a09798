"""Test which addresses count as the helper's own machine: interfaces, connections of clients, and named ones."""

import ipaddress
from collections.abc import Iterable
from typing import Any

import pytest
from typer.testing import CliRunner

from probe.cli.helper import app
from probe.cli.listen_addresses import networks
from probe.cli.screen import UsageError
from probe.helper import HelperState
from probe.helper.state import MOST_REACHED, RENEW_SECONDS, MachineAddresses


class Interfaces:
    """Hold a machine's interfaces and a clock. Both can change."""

    def __init__(self, *addresses: str) -> None:
        self.addresses, self.now, self.reads = addresses, 100.0, 0

    def read(self) -> Iterable[str]:
        self.reads += 1
        return self.addresses

    def machine(self, *named: str) -> MachineAddresses:
        return MachineAddresses([ipaddress.ip_network(one) for one in named], self.read, lambda: self.now)


def has(machine: MachineAddresses, address: str) -> bool:
    return machine.includes(ipaddress.ip_address(address))


def test_kernel_names_the_addresses_of_this_machine() -> None:
    assert has(MachineAddresses(), "127.0.0.1") and not has(MachineAddresses(), "93.184.216.34")


def test_new_address_of_an_interface_is_noticed_within_seconds() -> None:
    interfaces = Interfaces("93.184.216.34", "fe80::1%eth0")
    machine = interfaces.machine()
    assert has(machine, "93.184.216.34") and has(machine, "fe80::1") and not has(machine, "93.184.216.35")
    interfaces.addresses = ("93.184.216.35",)
    assert has(machine, "93.184.216.34") and interfaces.reads == 1
    interfaces.now += RENEW_SECONDS
    assert has(machine, "93.184.216.35") and not has(machine, "93.184.216.34") and interfaces.reads == 2


def test_kernel_that_does_not_answer_takes_no_address_away() -> None:
    interfaces = Interfaces("93.184.216.34")
    machine = interfaces.machine()
    assert has(machine, "93.184.216.34")
    interfaces.addresses, interfaces.now = (), interfaces.now + RENEW_SECONDS
    assert has(machine, "93.184.216.34") and interfaces.reads == 2


def test_named_addresses_and_prefixes_count() -> None:
    machine = Interfaces("10.0.0.2").machine("93.184.216.34", "2606:2800:220:1::/64")
    assert has(machine, "93.184.216.34") and has(machine, "2606:2800:220:1:2:3:4:5")
    assert not has(machine, "93.184.216.35") and not has(machine, "2606:2800:220:2::")


def test_address_of_a_connection_counts_and_a_mapped_one_as_ipv4() -> None:
    machine = Interfaces().machine()
    for address in ("::ffff:93.184.216.34", "2606:2800:220:1::35", "", "/run/helper.sock"):
        machine.reached_at(address)
    assert has(machine, "93.184.216.34") and has(machine, "2606:2800:220:1::35")


def test_addresses_of_connections_are_bounded_and_the_least_recently_used_goes() -> None:
    machine, prefix = Interfaces().machine(), int(ipaddress.ip_address("2606:2800:220:1::"))
    for number in range(MOST_REACHED):
        machine.reached_at(str(ipaddress.ip_address(prefix + number)))
    machine.reached_at(str(ipaddress.ip_address(prefix)))
    machine.reached_at("93.184.216.34")
    assert has(machine, "2606:2800:220:1::") and has(machine, "93.184.216.34")
    assert not has(machine, "2606:2800:220:1::1") and has(machine, "2606:2800:220:1::2")


def test_machine_behind_nat_knows_no_public_address_unless_it_is_named() -> None:
    assert not Interfaces("127.0.0.1", "172.17.0.2", "fe80::1").machine().knows_public()
    assert Interfaces("172.17.0.2").machine("93.184.216.34").knows_public()
    assert Interfaces("127.0.0.1", "93.184.216.34").machine().knows_public()


@pytest.mark.parametrize(
    ("public", "options", "warned"),
    [
        (False, [], True),
        (False, ["--lab"], False),
        (True, [], False),
        (False, ["--own-address", "93.184.216.34"], False),
    ],
)
def test_command_warns_if_it_knows_no_public_address(
    public: bool, options: list[str], warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[HelperState] = []

    async def serve(state: HelperState, *_: Any) -> int:
        started.append(state)
        return 0

    monkeypatch.setattr("probe.helper.serve", serve)
    monkeypatch.setattr("probe.http_server.bug_reports.silence", lambda: None)
    addresses = ["127.0.0.1", "93.184.216.35" if public else "10.0.0.2"]
    monkeypatch.setattr(MachineAddresses.__init__, "__defaults__", ((), lambda: addresses, lambda: 0.0))
    done = CliRunner().invoke(app, ["--listen", "127.0.0.1:0", *options])
    assert done.exit_code == 0 and ("--own-address" in done.stderr) is warned
    assert has(started[0].machine, "93.184.216.34") is ("--own-address" in options)


def test_wrong_own_address_is_refused_with_a_sentence() -> None:
    with pytest.raises(UsageError, match=r"--own-address: '198\.51\.100\.7/24' is no address or prefix") as refused:
        networks("--own-address", ["198.51.100.7/24"])
    assert refused.value.exit_code == 2
