"""Provide the roots of the good servers' certificates."""

from pathlib import Path

import pytest

from probe.lab.world.noise_identity import NoiseIdentity
from probe.steps.tls.certificate_checks import Roots, load_roots
from tests.steps.messengers.test_noise import ROOT as NOISE_ROOT
from tests.support.faults.dialogues import ROOT


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    path = tmp_path / "roots.pem"
    path.write_bytes(ROOT.pem + NoiseIdentity(root=NOISE_ROOT).root_pem.encode())
    return load_roots(str(path))
