"""Implement `probe receive`: check files of `probe share`, and keep their measurements for `probe ingest`."""

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from probe.cli.options import new_app, opt
from probe.cli.results.unusable_lines import INVALID_INPUT
from probe.cli.screen import UsageError, say, wrapped
from probe.files import read_regular
from probe.messages import printable, tr, tr_plural
from probe.results import RECEIVED, ResultsError, is_full, reason_of, results_root

if TYPE_CHECKING:
    from probe.sharing import Received

app = new_app()


@app.command()
def receive(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Files that probe share made.")],
    identity: Annotated[
        Path | None, opt("--identity", help="Your secret keys of age, for files that are encrypted for you.")
    ] = None,
    lab: Annotated[bool, opt("--lab", help="Allow measurements of the lab and of probe synth.")] = False,
    results: Annotated[Path | None, opt("--results", help="Results folder.")] = None,
) -> None:
    """Check files of probe share, and keep their measurements in received/ of the results folder.

    Nothing is overwritten. A file that does not fit its manifest is refused, and the exit code is then 6.
    """
    root = results_root(results)
    identities = _identities(identity) if identity is not None else []
    kept = [_receive(file, identities, root, lab) for file in files]
    if any(kept):
        folder = printable(root / RECEIVED)
        say(sys.stdout, tr("Next  {command}", command=f"probe ingest {folder} --store DIR" + (" --lab" if lab else "")))
    if not all(kept):
        raise typer.Exit(INVALID_INPUT)


def _identities(file: Path) -> list[Any]:
    """Return the secret keys in the identity file. Raises UsageError."""
    from probe.sharing import ShareError
    from probe.sharing.encryption import LARGEST_IDENTITY, identities_of

    try:
        return identities_of(read_regular(file, LARGEST_IDENTITY).decode())
    except OSError as error:
        refusal = tr("The identity file {path} cannot be read: {reason}", path=file, reason=error.strerror)
    except UnicodeDecodeError:
        refusal = tr("The identity file {path} is no text.", path=file)
    except ShareError as error:
        refusal = str(error)
    raise UsageError(refusal, 2)


def _receive(file: Path, identities: list[Any], root: Path, lab: bool) -> bool:
    """Receive one file, and print what happened. Return False if it was refused."""
    from probe.sharing import ShareError
    from probe.sharing import receive as keep

    try:
        received = keep(_decrypted(_content(file), identities), root, artificial=lab)
    except (ShareError, ResultsError) as refusal:
        say(sys.stderr, "probe: " + tr("{file} was refused: {reason}", file=file.name, reason=refusal))
        return False
    except OSError as error:
        if is_full(error):
            raise
        raise UsageError(tr("{path} cannot be written ({reason}).", path=root, reason=reason_of(error)), 7) from None
    _print(file, received)
    return True


def _content(file: Path) -> bytes:
    """Return the bytes of a regular file that is no link. Raises ShareError."""
    from probe.sharing import LARGEST_PACKED, ShareError

    try:
        if stat.S_ISLNK(os.lstat(file).st_mode):
            raise ShareError(tr("The name is a link to another file. If you trust that file, name it instead."))
        return read_regular(file, LARGEST_PACKED)
    except OSError as error:
        raise ShareError(tr("It cannot be read: {reason}", reason=error.strerror or error)) from None
    except ValueError:
        raise ShareError(tr("It cannot be read: {reason}", reason=tr("no file can have this name"))) from None


def _decrypted(content: bytes, identities: list[Any]) -> bytes:
    from probe.sharing import ShareError
    from probe.sharing.encryption import decrypt, is_encrypted

    if not is_encrypted(content):
        return content
    if not identities:
        raise ShareError(tr("The file is encrypted. Give your secret key of age with --identity FILE."))
    return decrypt(content, identities)


def _print(file: Path, received: "Received") -> None:
    count, point = received.manifest.lines, received.first
    if received.known:
        say(sys.stdout, wrapped(tr("{file} was received before, and nothing was added.", file=file.name)))
    else:
        sentence = tr_plural(
            "{file}: {count} measurement from {country} {network} of {day}, digest {digest}.",
            "{file}: {count} measurements from {country} {network} of {day}, digest {digest}.",
            count,
            file=file.name,
            country=point.cc,
            network=point.asn,
            day=point.day,
            digest=received.manifest.sha256[:16],
        )
        say(sys.stdout, wrapped(sentence))
    say(sys.stdout, f"    {printable(received.path)}")
