"""Set single keys of the settings file. Other lines and comments stay."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from probe.cli.config import effective, template
from probe.cli.run.settings import settings_file, settings_in
from probe.cli.screen import UsageError, write_error
from probe.messages import tr
from probe.platforms.descriptors import PRIVATE
from probe.results import make_private_folder, reason_of


def save(values: Mapping[str, str]) -> None:
    """Set the keys to these texts. An empty text removes a key. Raises UsageError, and the old file stays."""
    file = settings_file().resolve()  # a link stays one
    draft = file.with_name(f"config.toml.{os.getpid()}")
    try:
        make_private_folder(file.parent)
        _write(draft, _changed(file.read_text(encoding="utf-8") if file.is_file() else template(), values))
        list(effective([], settings_in(draft)))
        draft.replace(file)
    except OSError as error:
        refusal = tr("{path} cannot be written ({reason}).", path=file, reason=reason_of(error))
        raise write_error(error, file, refusal, 2) from None
    except UsageError as error:
        raise UsageError(error.sentence.replace(str(draft), file.name), error.exit_code) from None
    finally:
        draft.unlink(missing_ok=True)


def _changed(text: str, values: Mapping[str, str]) -> str:
    """Return the text of the file with the new values at its end. A JSON text is one of TOML too."""
    key = re.compile(rf"\s*({'|'.join(map(re.escape, values))})\s*=")
    kept = [line for line in text.splitlines() if key.match(line) is None]
    new = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items() if value]
    return "\n".join([*kept, *new]) + "\n"


def _write(draft: Path, text: str) -> None:
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | PRIVATE, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
