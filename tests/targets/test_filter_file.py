"""Test the file of filters of names: what it has, and what is refused."""

from pathlib import Path

import pytest

from probe.targets.filter_file import NameFilters, load_filters
from probe.targets.target_error import TargetError
from probe.targets.target_files import bundled_targets, load_neutral, load_target, target_names

TEXT = (bundled_targets() / "filters.toml").read_text()


def written(folder: Path, text: str) -> Path:
    (folder / "filters.toml").write_text(text)
    return folder


def test_bundled_file_has_names_of_several_operators_and_listed_resolvers() -> None:
    filters = load_filters(bundled_targets())
    assert len({name.rpartition(".")[0] for name in filters.advertisements}) >= 5
    family = filters.resolver_at("1.1.1.3")
    assert family is not None and family.tests and family.answer == "null"
    shield = filters.resolver_at("208.67.222.123")
    assert shield is not None and "146.112.61.106" in shield.pages
    assert filters.resolver_at("8.8.8.8") is None and filters.resolver_at("1.1.1.1") is None
    assert set(filters.names) >= {"doubleclick.net", "nudity.testcategory.com"}


def test_no_name_of_a_service_and_no_address_of_an_unfiltered_resolver_is_listed() -> None:
    filters, folder = load_filters(bundled_targets()), bundled_targets()
    hosts = {e.host for name in target_names(folder) for _, e in load_target(folder / f"{name}.toml").endpoints()}
    hosts |= {endpoint.host for endpoint in load_neutral(folder / "neutral.toml").endpoints}
    assert not hosts & set(filters.names)
    both = hosts & {address for one in filters.resolvers for address in one.addresses}
    assert both == {"9.9.9.9", "2620:fe::fe"}, "only Quad9 is a public resolver of the target files and filters"


def test_a_folder_without_the_file_has_no_filters(tmp_path: Path) -> None:
    assert load_filters(tmp_path) == NameFilters()


@pytest.mark.parametrize("change", [("source =", "sauce ="), ('"1.1.1.2"', '"here"'), ('"null"', '"nothing"')])
def test_a_wrong_file_is_refused(tmp_path: Path, change: tuple[str, str]) -> None:
    with pytest.raises(TargetError, match=r"filters\.toml"):
        load_filters(written(tmp_path, TEXT.replace(*change, 1) if change[0] != '"null"' else TEXT.replace(*change)))
