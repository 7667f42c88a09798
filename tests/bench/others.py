"""Test the same web endpoints with `dig`, `openssl s_client` and `curl`, in sequence and eight at a time."""

import json
import shutil
import sys
from pathlib import Path

from probe.cli.run.consent import VERSION
from probe.lab.run import run_command, with_output_caught
from probe.targets.target_files import bundled_targets, pick_targets
from tests.bench.running import ran, scenario_of
from tests.bench.table import row

TOOLS = ("dig", "openssl", "curl")
# For each host: both queries, and at each address a handshake and a request, as the probe does.
SHELL = r"""
host=$1
for type in A AAAA; do
  for ip in $(dig +short "$host" "$type"); do
    at=$ip; case $ip in *:*) at="[$ip]";; esac
    openssl s_client -connect "$at:443" -servername "$host" -CAfile "$PROBE_PUBLIC_ROOTS" </dev/null >/dev/null 2>&1
    curl -s -o /dev/null --max-time 20 --cacert "$PROBE_PUBLIC_ROOTS" --resolve "$host:443:$at" "https://$host/"
  done
done
"""
DRIVER = r"""
import json, subprocess, sys, time
script, figures, hosts = sys.argv[1], sys.argv[2], sys.argv[3:]
found = {}
for at_once in (1, 8):
    began = time.monotonic()
    command = ["xargs", "-n", "1", "-P", str(at_once), "sh", script]
    subprocess.run(command, input="\n".join(hosts), text=True, stdout=subprocess.DEVNULL)
    found[str(at_once)] = time.monotonic() - began
json.dump(found, open(figures, "w"))
"""


def web_only(folder: Path) -> tuple[Path, list[str]]:
    """Create a folder of targets with the web endpoints of the bundled ones, and return their hosts."""
    targets = folder / "targets-web"
    targets.mkdir()
    for name in ("neutral.toml", "resolvers.toml"):
        shutil.copy(bundled_targets() / name, targets / name)
    urls = [
        endpoint.url
        for target in pick_targets(bundled_targets(), [])
        for _, endpoint in target.endpoints()
        if endpoint.scheme == "https" and endpoint.port == 443 and target.retired is None
    ]
    hosts = list(dict.fromkeys(url.split("/")[2].rpartition(":")[0] for url in urls))
    for number, host in enumerate(hosts):
        text = (
            f'nettest = "endpoint_reachability"\ntitle = "{host}"\nsource = "https://bench.example/"\n'
            f'reviewed = 2026-11-24\n[services.web]\nendpoints = ["https://{host}:443/"]\n'
        )
        (targets / f"w{number:03}.toml").write_text(text)
    return targets, hosts


def side_by_side(folder: Path) -> None:
    """Run the probe and the three tools in the same lab, one after the other."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        row(f"beside dig, openssl and curl: {', '.join(missing)} missing", "not run", "install it")
        return
    targets, hosts = web_only(folder)
    scenario = scenario_of("[path]\nrtt_ms = 100.0", folder, "side-by-side")
    ours = ran(scenario, folder, targets=targets, control=False).cost["wall"]
    script, figures = folder / "ask.sh", folder / "others.json"
    script.write_text(SHELL)
    command = [sys.executable, "-c", DRIVER, str(script), str(figures), *hosts]
    with_output_caught(lambda: run_command(scenario, targets, command, consent=VERSION, log=str(folder / "lab.log")))
    found = json.loads(figures.read_text())
    row(f"{len(hosts)} web hosts at 100 ms on every address: probe run, verdicts included", f"{ours:.1f} s")
    for at_once, order in (("1", "in sequence"), ("8", "eight at a time")):
        seconds = found[at_once]
        row(f"  dig + openssl s_client + curl, {order}", f"{seconds:.1f} s", f"probe / theirs {ours / seconds:.2f}")
