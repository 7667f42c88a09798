"""Provide the fixtures of all tests, choose the tests of a suite, start the lab's runs, and distribute the tests."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hatch_build import compile_catalogues
from tests.support import repetition
from tests.support.changes import changes
from tests.support.not_run import NOT_RUN, NotRun, leave_out, leave_out_roots_tests
from tests.support.order import LONG_RUNS, beginning_at, in_order, is_in_long, is_waiting
from tests.support.suites import ALL, FAST, SUITES, USUAL, Part, Usual, in_part, is_fast, is_promise
from tests.support.world import World

if TYPE_CHECKING:
    from tests.support.lab_runs.side_by_side import LabOutcome

NICER = 15  # for the tests that compute: the lab's runs have deadlines
RUNS = pytest.StashKey[Any]()


@pytest.fixture
def one_contributor_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one contributor with one day accuse a country. `test_contributors.py` tests the true limits."""
    for name in ("CONTRIBUTORS", "NETWORKS", "REPEATS"):
        monkeypatch.setattr(f"probe.analysis.compare.contributors.{name}", 1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that the Makefile uses."""
    parser.addoption("--suite", choices=SUITES, default=ALL, help="the tests of test-fast, of test, or all")
    parser.addoption("--part", type=Part.parse, metavar="1/4", help="one of so many parts that take about as long")
    repetition.pytest_addoption(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Collect what cannot run here, before the folders that know it are looked at.

    Sentences are English. Translations that changed are compiled.
    """
    os.environ["PROBE_LANG"] = "en"
    if not hasattr(config, "workerinput"):
        compile_catalogues()
    config.pluginmanager.register(NotRun(config))
    repetition.pytest_configure(config)


@pytest.fixture(autouse=True, scope="session")
def state_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let runs note their results folders in a folder of the tests, and not in the developer's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Create servers on loopback, and names that resolve as a test says."""
    made = World(tmp_path)
    made.install(monkeypatch)
    return made


@pytest.fixture
def outcome(request: pytest.FixtureRequest) -> "LabOutcome":
    """Return the outcome of the run that the test's mark `lab_run` asks for. Tests that ask for one run share it.

    A run that accuses falsely is a broken promise, which is not repeated. Evidence can be missed on a busy computer.
    """
    from tests.support.lab_runs.side_by_side import LabRun, SideBySide, accuses_falsely

    mark = request.node.get_closest_marker("lab_run")
    outcome = SideBySide(runs_folder(request.config)).of(LabRun(*mark.args, **mark.kwargs))
    if accuses_falsely(outcome.finished.differences):
        request.node.add_marker(repetition.PROMISE)
    return outcome


def runs_folder(config: pytest.Config) -> Path:
    """Return the folder of the lab's runs, which all workers of pytest-xdist share."""
    base: Path = config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    return (base.parent if hasattr(config, "workerinput") else base) / "lab-runs"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file that takes long for the fast suite: the imports alone are a good part of its time."""
    return True if config.option.suite == FAST and is_in_long(collection_path, config.rootpath) else None


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    """Let each worker begin with other files of a folder, so that not all compile the same tests at the same time.

    pytest compiles a test module that no process has compiled, and keeps the result. All of them take 20 seconds.
    """
    report: Any = yield
    given = getattr(collector.config, "workerinput", None)
    if given and isinstance(collector, pytest.Directory) and report.passed:
        number, count = int(given["workerid"].removeprefix("gw")), given["workercount"]
        report.result = beginning_at(report.result, number, count)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of the suite, in the order of `tests/support/order.py`.

    A user who is not root gets the tests without those marked `root`. With CI set they run, and fail.
    """
    if os.geteuid() != 0 and not os.environ.get("CI"):
        leave_out_roots_tests(config, items)
    items[:] = in_order(items)
    for item in items:
        if is_promise(item):
            item.add_marker(repetition.PROMISE)
    if config.option.suite == FAST:
        leave_out(config, items, [item for item in items if not is_fast(item)])
    elif config.option.suite == USUAL:
        usual = Usual(items, changes())
        leave_out(config, items, usual.left_out)
        config.stash[NOT_RUN] += usual.sentences()
    if part := config.option.part:
        kept = set(in_part(items, part))
        leave_out(config, items, [item for item in items if item not in kept])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the lab's runs that the chosen tests want, in the first worker, before the first test.

    What is loaded by now stays until the end. The garbage collector leaves it out, which saves a third of a second each
    time that a test calls it.
    """
    gc.collect()
    gc.freeze()
    worker = getattr(session.config, "workerinput", {}).get("workerid")
    marks = [mark for item in session.items if (mark := item.get_closest_marker("lab_run"))]
    if marks and worker in {None, "gw0"} and not session.config.option.collectonly:
        from tests.support.lab_runs.side_by_side import LabRun, SideBySide

        folder = runs_folder(session.config)
        folder.mkdir()
        runs = [LabRun(*mark.args, **mark.kwargs) for mark in marks]
        runs.sort(key=lambda run: run.name not in LONG_RUNS)
        # A worker that is killed is replaced. The runs go on, because they end with the process that collects results.
        session.config.stash[RUNS] = SideBySide.start(runs, folder, ends_with=os.getppid() if worker else None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let the tests that compute leave the processor to those that run something in the lab, wait or measure a time."""
    if hasattr(item.config, "workerinput"):
        at_once = is_waiting(item) or any(item.get_closest_marker(name) for name in ("lab", "timed"))
        nice = 0 if at_once else NICER
        if os.geteuid() == 0 or nice > os.nice(0):  # only root may lower the value
            os.setpriority(os.PRIO_PROCESS, 0, nice)
    return (yield)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Wait for the lab's runs, which other workers may still want. After an interruption end them."""
    if runs := session.config.stash.get(RUNS, None):
        runs.close(at_once=exitstatus not in (0, 1) or bool(session.shouldstop or session.shouldfail))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name the lab's runs that were repeated, since the computer was too busy for the first ones."""
    from tests.support.lab_runs.side_by_side import repetitions

    for sentence in repetitions(runs_folder(config)):
        terminalreporter.line(sentence)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Distribute files, and of some files single tests, in the order of collection."""
    from tests.support.schedule import FilesTogether

    return FilesTogether(config, log)
