"""Name the extras that a run needs and that are not installed, with the command that installs them."""

from collections.abc import Iterable, Iterator
from importlib import import_module

from probe.messages import tr
from probe.platforms.installation import command_for
from probe.targets.target import Target


def missing_extras(targets: Iterable[Target], depth: str) -> Iterator[str]:
    """Yield one sentence for each extra that is missing and that the measurement of the targets would use."""
    if any(endpoint.scheme == "quic" for target in targets for _, endpoint in target.endpoints()) and not _has_quic():
        yield tr(
            "QUIC is not tested, because a part of this program is missing. This command installs it: {command}",
            command=command_for("quic"),
        )
    if depth == "deep" and not _has_fingerprints():
        yield tr(
            "It is not tested whether browsers are treated differently, because a part of this program is missing. "
            "This command installs it: {command}",
            command=command_for("fingerprint"),
        )


def _has_quic() -> bool:
    from probe.session.classify import LocalFailure  # here, so that `probe run --explain` starts faster
    from probe.steps.quic.quic import need_quic

    try:
        need_quic()
    except LocalFailure:
        return False
    return True


def _has_fingerprints() -> bool:
    try:
        import_module("utls")
    except ImportError:
        return False
    return True
