"""Redact each measurement and append it to the results file."""

import asyncio
import concurrent.futures.thread  # noqa: F401 (to_thread loads it when first used: then no descriptor may be left)
import errno
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from probe import __version__
from probe.formats.measurement import Measurement
from probe.formats.origin import origin_of
from probe.privacy.contributor_token import token_annotation
from probe.privacy.redact import KnownIdentifiers, redact
from probe.privacy.server_fields import keep_known_shapes, load_decoders
from probe.results import ResultsError, ResultsFile
from probe.run.learned_addresses import LearnedAddresses
from probe.run.measurement_keys import Measured
from probe.run.vantage import Vantage

TRIES, BETWEEN_TRIES = 100, 0.2  # attempts, and seconds between them, to open a file while no descriptor is left

Locate = Callable[[str | None], Awaitable[Vantage]]
"""Returns the vantage point, given an address that a test helper saw us come from, if any."""


class MeasurementWriter:
    """Write the measurements of one run. `problem` is a sentence about a disk error.

    Nothing is written after it. Later measurements are kept in memory, so that the verdicts are complete.
    """

    def __init__(
        self,
        open_results: Callable[[Vantage], ResultsFile],
        locate: Locate,
        learned: LearnedAddresses,
        contributor_secret: bytes | None = None,
    ) -> None:
        load_decoders()
        Measurement.model_rebuild()  # before the event loop has work, since it takes 40 ms of CPU
        self._open_results, self._locate, self._learned = open_results, locate, learned
        self._results: ResultsFile | None = None
        self._one_at_a_time = asyncio.Lock()
        self._began = datetime.now(UTC)
        self._located_with: str | None = None
        self._vantage: Vantage | None = None
        self._digest_key = secrets.token_bytes(32)  # never written
        self._contributor_secret = contributor_secret  # never written
        # those that cannot be read again: the output is a pipe, or the disk refused them
        self.documents: list[dict[str, Any]] = []
        self.annotations: dict[str, str] = {}
        self.problem: str | None = None
        self.unwritten = 0

    async def vantage(self) -> Vantage:
        """Return the vantage point by all that is known so far."""
        before = self._vantage
        if before is None:
            self._located_with = self._learned.first
            self._vantage = await self._locate(self._located_with)
        elif (first := self._learned.first) != self._located_with:
            with suppress(OSError):  # without a free descriptor the earlier result stays valid
                found = await self._locate(first)
                self._located_with = first
                # known addresses are never forgotten
                self._vantage = replace(found, known=found.known.joined(before.known))
        assert self._vantage is not None
        return self._vantage

    async def write(self, measured: Measured) -> dict[str, Any]:
        """Redact a measurement, append it to the file and return it. Never raises for disk errors.

        One measurement is written at a time, so that at most one long one is in memory several times. The work happens
        outside the event loop, because 100 ms of redaction or a slow disk would look like a slow network.
        """
        async with self._one_at_a_time:
            here = await self.vantage()
            self.annotations = here.annotations
            known = here.known.and_address(*self._learned.ours(measured.test_keys))
            self._learned.mark_false(measured.test_keys)
            line = self._line(measured, here)
            document = await asyncio.to_thread(self._redacted, line, known)
            if self.problem is None:
                await self._append(document, here)
            self.unwritten += self.problem is not None
            if self.problem is not None or (self._results is not None and not self._results.readable):
                self.documents.append(document)
        return document

    def _redacted(self, line: Measurement, known: KnownIdentifiers) -> dict[str, Any]:
        """Return the measurement as it is written: servers' texts reduced, then everything known removed."""
        return redact(keep_known_shapes(line.model_dump(mode="json"), self._digest_key), known)

    def close(self) -> Path | None:
        """Close the file and return its path, or None if nothing was written."""
        if self._results is None:
            return None
        try:
            self._results.close()
        except ResultsError as error:
            self.problem = self.problem or str(error)
        return self._results.path if self._results.lines else None

    def _line(self, measured: Measured, here: Vantage) -> Measurement:
        return Measurement(
            annotations=measured.annotations | here.annotations | self._token(measured, here),
            input=measured.input,
            measurement_start_time=measured.start,
            probe_asn=here.probe_asn,
            probe_cc=here.probe_cc,
            probe_network_name=here.network_name,
            resolver_asn=here.resolver_asn,
            resolver_network_name=here.resolver_network_name,
            software_version=__version__,
            test_keys=measured.test_keys,
            test_name=measured.test_name,
            test_runtime=measured.runtime,
            test_start_time=self._began,
            test_version=measured.test_version,
        )

    def _token(self, measured: Measured, here: Vantage) -> dict[str, str]:
        """Return the annotation with the contributor token. Artificial measurements have none."""
        if self._contributor_secret is None or origin_of({"annotations": here.annotations}).artificial:
            return {}
        return token_annotation(self._contributor_secret, self._began, measured.start, here.probe_asn, here.probe_cc)

    async def _append(self, document: dict[str, Any], here: Vantage) -> None:
        for left in reversed(range(TRIES)):
            try:
                await asyncio.to_thread(self._write, document, here)
                break
            except ResultsError as error:
                if error.number not in {errno.EMFILE, errno.ENFILE} or not left:
                    self.problem = str(error)
                    return
            await asyncio.sleep(BETWEEN_TRIES)  # descriptors become free as flows end

    def _write(self, document: dict[str, Any], here: Vantage) -> None:
        if self._results is None:
            self._results = self._open_results(here)
        self._results.append(document)
