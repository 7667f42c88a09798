"""Load target files (`targets/*.toml`) and check them. An error names file, key, problem and remedy."""

import hashlib
from pathlib import Path
from typing import Any

from probe.files import read_regular
from probe.messages import listed, tr
from probe.targets.target import Endpoint, NeutralHosts, PortHost, Service, Target, parse_endpoint
from probe.targets.target_error import TargetError, hint

LARGEST_ROOTS = 1 << 20  # bytes of a target's PEM file
NOT_TARGETS = frozenset(
    {"neutral", "stores", "filters", "helpers"}
)  # files that are no targets. The list of resolvers is one


def load_target(path: Path, nettests: frozenset[str] | None = None) -> Target:
    """Load one target file. `nettests`, if given, are the known nettests. Raise TargetError."""
    from probe.targets.target_keys import TargetFile, read_toml, validate  # here, so that `probe judge` starts faster

    raw, table = read_toml(path)
    file = validate(TargetFile, table, path)
    if nettests is not None and file.nettest not in nettests:
        raise TargetError(
            tr(
                "{path}, nettest: {name} is unknown. Expected: {names}.",
                path=path,
                name=repr(file.nettest),
                names=listed(sorted(nettests)),
            )
            + hint(file.nettest, nettests)
        )
    services = {
        role: Service(
            role,
            spec.works_if,
            _endpoints(spec.endpoints, path, f"services.{role}.endpoints"),
            tuple(spec.needs),
            spec.media,
        )
        for role, spec in file.services.items()
    }
    about = file.model_dump(exclude={"services", "roots"})
    roots = _own_roots(path, file.roots) if file.roots else ""
    digest = hashlib.sha256(raw + roots.encode()).hexdigest()
    return Target(name=path.stem, services=services, digest=digest, roots=roots, **about)


def load_neutral(path: Path) -> NeutralHosts:
    """Load neutral.toml. Raise TargetError."""
    from probe.targets.target_keys import EndpointTable, NeutralFile, read_toml, validate  # here for the same reason

    raw, table = read_toml(path)
    file = validate(NeutralFile, table, path)
    portal = tuple(
        (_endpoints([EndpointTable(url=check.url)], path, "portal")[0], check.status, check.body)
        for check in file.portal
    )
    return NeutralHosts(
        innocuous=tuple(file.innocuous),
        nonexistent=file.nonexistent,
        endpoints=_endpoints(file.endpoints, path, "endpoints"),
        portal=portal,
        dark=file.dark,
        digest=hashlib.sha256(raw).hexdigest(),
        reachability=_endpoints(file.reachability, path, "reachability"),
        home=tuple(
            (host.country, _endpoints([EndpointTable(url=host.url, source=host.source)], path, "home")[0])
            for host in file.home
        ),
        by_address=_endpoints(file.by_address, path, "by_address"),
        port_hosts=tuple(PortHost(one.host, frozenset(one.ports)) for one in file.port_host),
        published={host.url: tuple(map(str, host.addresses)) for host in file.home if host.addresses},
    )


def bundled_targets() -> Path:
    """Return the folder of the bundled target files: `targets/` in a checkout, package data in a wheel."""
    packaged = Path(__file__).parents[1] / "data" / "targets"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "targets"


def target_names(folder: Path) -> list[str]:
    """Return the names of the targets in `folder`, sorted. Raise TargetError if the folder cannot be read."""
    if not folder.is_dir():
        raise TargetError(tr("{path} is no folder of target files. Name one with `--targets DIR`.", path=folder))
    return sorted(path.stem for path in folder.glob("*.toml") if path.stem not in NOT_TARGETS)


def pick_targets(folder: Path, names: list[str], nettests: frozenset[str] | None = None) -> list[Target]:
    """Load the named targets, or all that are measured by default. Raise TargetError."""
    known = target_names(folder)
    for name in names:
        if name not in known:
            problem = tr("There is no target {name}. `probe targets list` prints all targets.", name=repr(name))
            raise TargetError(problem + hint(name, known))
    if names:
        return [load_target(folder / f"{name}.toml", nettests) for name in names]
    return [target for name in known if (target := load_target(folder / f"{name}.toml", nettests)).default]


def _own_roots(path: Path, name: str) -> str:
    """Return the text of the PEM file `name` in the target file's folder. Raise TargetError."""
    try:
        text = read_regular(path.parent / name, LARGEST_ROOTS).decode("ascii")
    except OSError as error:
        problem = tr(
            "{path}, roots: {name} cannot be read ({reason}). It must be in the same folder.",
            path=path,
            name=name,
            reason=error.strerror,
        )
        raise TargetError(problem) from None
    except UnicodeDecodeError:
        text = ""
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise TargetError(
            tr("{path}, roots: {name} contains no certificate. Expected: PEM text.", path=path, name=name)
        )
    return text


def _endpoints(specs: list[Any], path: Path, key: str) -> tuple[Endpoint, ...]:
    from probe.targets.target_keys import EndpointTable  # here for the same reason

    found = []
    for number, spec in enumerate(specs, 1):
        table = EndpointTable(url=spec) if isinstance(spec, str) else spec
        try:
            found.append(parse_endpoint(table.url, ooni=table.ooni, source=table.source))
        except ValueError as error:
            raise TargetError(
                tr("{path}, {key}: {problem}", path=path, key=f"{key}[{number}]", problem=error)
            ) from None
    return tuple(found)
