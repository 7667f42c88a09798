"""Test that foreign bytes raise only documented exceptions: arbitrary bytes, and valid ones with errors."""

import pkgutil

import pytest
from hypothesis import HealthCheck, given, settings

from probe import wire
from tests.fuzz.codecs import CODECS, Codec, run
from tests.fuzz.strategies import bytes_for


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_any_bytes_raise_documented_exceptions_only(codec: Codec) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(bytes_for(codec))
    def attempt(data: bytes) -> None:
        run(codec, data)

    attempt()


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_valid_bytes_cut_anywhere_raise_documented_exceptions_only(codec: Codec) -> None:
    for seed in codec.seeds:
        for cut in range(0, len(seed), 1 + len(seed) // 40):
            run(codec, seed[:cut])
        run(codec, seed)


def test_every_codec_is_listed() -> None:
    found = [module for module in pkgutil.walk_packages(wire.__path__, "probe.wire.") if not module.ispkg]
    modules = {module.name.removeprefix("probe.").replace(".", "/") for module in found}
    named = {codec.name.partition(",")[0] for codec in CODECS}
    assert len(modules) > 15 and not modules - named


def test_undocumented_exception_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        run(Codec("broken", lambda data: 1 // len(data)), b"")
