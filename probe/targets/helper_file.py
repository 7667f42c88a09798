"""Load helpers.toml: the public test helpers of OONI."""

from pathlib import Path

from probe.formats.ooni_helper import OONI_PREFIX
from probe.messages import tr
from probe.targets.target_error import TargetError

NAME = "helpers"


def load_public_helpers(folder: Path) -> tuple[str, ...]:
    """Return the URLs of OONI's helpers, as `--control` takes them. Raise TargetError."""
    from probe.targets.target_keys import HelperFile, read_toml, validate  # pydantic is slow to load

    path = folder / f"{NAME}.toml"
    if not path.exists():
        raise TargetError(tr("{path} is missing. OONI's helpers stand in this file.", path=path))
    return tuple(f"{OONI_PREFIX}{one.url}" for one in validate(HelperFile, read_toml(path)[1], path).ooni)
