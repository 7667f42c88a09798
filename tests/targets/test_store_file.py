"""Test the file of apps in app stores: the bundled one, and one problem per sentence."""

import shutil
from pathlib import Path

import pytest
import typer

from probe.cli.targets import check
from probe.formats.store_keys import LEAST_CONTROLS
from probe.targets.store_file import load_stores, store_problems
from probe.targets.target_error import TargetError
from probe.targets.target_files import bundled_targets, target_names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(bundled_targets(), tmp_path / "targets")
    return tmp_path / "targets"


def edited(folder: Path, old: str, new: str) -> Path:
    path = folder / "stores.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return folder


def test_bundled_file_names_a_source_for_every_id() -> None:
    stores = load_stores(bundled_targets())
    assert store_problems(bundled_targets(), target_names(bundled_targets()), sources=True) == []
    assert len(stores.storefronts) == 175 and len(set(stores.storefronts)) == 175
    assert stores.storefronts[: len(stores.controls)] == stores.controls and len(stores.controls) > LEAST_CONTROLS
    whatsapp = next(app for app in stores.apps if app.name == "whatsapp")
    assert (whatsapp.id, whatsapp.bundle, whatsapp.package) == (310633997, "net.whatsapp.WhatsApp", "com.whatsapp")
    assert {"cn", "ru", "ae", "iq"} <= set(stores.storefronts) and "ir" not in stores.storefronts


def test_every_messenger_that_is_measured_has_its_apps() -> None:
    named = {app.target for app in load_stores(bundled_targets()).apps}
    assert named >= {"whatsapp", "telegram", "signal", "facebook", "gmail", "x", "snapchat", "wechat", "teams", "skype"}


def test_the_file_is_no_target() -> None:
    assert "stores" not in target_names(bundled_targets())


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('lookup = "https://itunes', 'lookup = "http://itunes', "apple.lookup: expected an address https"),
        ('"https://itunes.apple.com/lookup"', '"https://17.0.0.1/lookup"', "apple.lookup: expected an address https"),
        ('store/apps/details"', 'store/apps/details?id=a"', "google.page: expected an address https"),
        ("id = 686449807", "id = 310633997", "id: 310633997 occurs twice"),
        ('"ph.telegra.Telegraph"', '"net.whatsapp.WhatsApp"', "bundle: 'net.whatsapp.WhatsApp' occurs twice"),
        ('"org.telegram.messenger"', '"com.whatsapp"', "package: 'com.whatsapp' occurs twice"),
        ('controls = ["us"', 'controls = ["xx"', "apple.controls: 'xx' is no storefront"),
        ("id = 310633997", "id = 12", "app.0.id"),
        ('"ae",', '"AE",', "apple.storefronts.0"),
        ('package = "com.whatsapp"\n', "", "app whatsapp: package and package_source belong together"),
        ("callkit =", "callkitt =", "The key is unknown"),
    ],
)
def test_a_bad_file_is_refused_with_key_and_problem(folder: Path, old: str, new: str, problem: str) -> None:
    with pytest.raises(TargetError) as caught:
        load_stores(edited(folder, old, new))
    assert problem in str(caught.value) and "stores.toml" in str(caught.value)


def test_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="cannot be read"):
        load_stores(tmp_path)


def test_check_names_a_missing_source_and_an_unknown_target(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edited(folder, 'source = "https://github.com/glasklart/hd/issues/237"', 'source = "I remember it"')
    edited(folder, 'target = "signal"', 'target = "signall"')
    for sources in (True, False):
        with pytest.raises(typer.Exit):
            check(folder, sources)
        said = capsys.readouterr().err
        assert "signal: There is no target 'signall'" in said
        assert ("wechat.source: 'I remember it' is no URL" in said) == sources


def test_check_works_for_a_folder_without_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "stores.toml").unlink()
    check(folder, sources=True)
    assert "are valid" in capsys.readouterr().out
