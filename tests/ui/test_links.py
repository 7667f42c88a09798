"""Test that the interface follows no link in the results folder that leads out of it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.results import SHARED
from tests.ui.made_up import MadeUp, offered

NAME = "0123456789abcdef.censorprobe.zst"
SECRET = b"-----BEGIN PRIVATE KEY-----"


def link_to_file(shared: Path, outside: Path) -> None:
    shared.mkdir()
    (shared / NAME).symlink_to(outside / NAME)


def link_to_folder(shared: Path, outside: Path) -> None:
    shared.symlink_to(outside, target_is_directory=True)


def link_through_a_link(shared: Path, outside: Path) -> None:
    shared.mkdir()
    (shared.parent / "x").symlink_to(outside)
    (shared / NAME).symlink_to(Path("..", "x", NAME))


@pytest.mark.parametrize("make", [link_to_file, link_to_folder, link_through_a_link])
async def test_link_out_of_the_results_folder_is_not_served(make: Callable[[Path, Path], None], tmp_path: Path) -> None:
    results, outside = tmp_path / "results", tmp_path / "outside"
    results.mkdir()
    outside.mkdir()
    (outside / NAME).write_bytes(SECRET)
    make(results / SHARED, outside)
    assert (results / SHARED / NAME).read_bytes() == SECRET, "the link leads nowhere"
    async with offered(MadeUp(results)) as served:
        answer = await served.get(f"file?name={NAME}")
        assert answer.status == 409 and SECRET not in answer.body and str(outside) not in answer.text()


async def test_results_folder_may_be_a_link_itself(tmp_path: Path) -> None:
    (tmp_path / "disk" / SHARED).mkdir(parents=True)
    (tmp_path / "disk" / SHARED / NAME).write_bytes(b"shared")
    os.symlink(tmp_path / "disk", tmp_path / "results")
    async with offered(MadeUp(tmp_path / "results")) as served:
        answer = await served.get(f"file?name={NAME}")
        assert (answer.status, answer.body) == (200, b"shared")
