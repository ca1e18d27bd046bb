"""Properties of the source text itself, kept by test rather than by review."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

import pytest

from architecture import tidy
from architecture.tidy import RULES, Source, python_sources, text_sources

LINES_PER_MODULE_MEDIAN_MAX = 150
DOCUMENTED = '"""What it is for."""\n\n'

# For each rule, files that keep it and files that break it.
SAMPLES: list[tuple[Callable[[Source], Iterator[str]], list[Source], list[Source]]] = [
    (
        tidy.short_modules,
        [Source("core/a.py", "x = 1\n" * 500)],
        [Source("core/a.py", "x = 1\n" * 501), Source("tests/test_a.py", "x = 1\n" * 501)],
    ),
    (
        tidy.short_functions,
        [Source("core/a.py", "def f():\n" + " x = 1\n" * 69)],
        [
            Source("core/a.py", "def f():\n" + " x = 1\n" * 70),
            Source("core/a.py", "class A:\n async def f():\n" + "  x = 1\n" * 70),
        ],
    ),
    (
        tidy.absolute_imports,
        [Source("core/a.py", "from mabeam.core import b")],
        [Source("core/a.py", "from . import b"), Source("core/a.py", "from .b import c")],
    ),
    (
        tidy.documented_modules,
        [Source("core/a.py", DOCUMENTED), Source("tests/core/test_a.py", "x = 1")],
        [Source("core/a.py", "x = 1"), Source("examples/a.py", "")],
    ),
    (
        tidy.declared_interfaces,
        [
            Source("core/a.py", DOCUMENTED + "__all__ = ['x']\nx = 1"),
            Source("core/__init__.py", DOCUMENTED),
            Source("core/__init__.py", DOCUMENTED + "from __future__ import annotations"),
            Source("app/mabeam/app/__main__.py", "main()"),
            Source("tests/core/test_a.py", "x = 1"),
        ],
        [Source("core/a.py", DOCUMENTED + "x = 1"), Source("core/__init__.py", "import msgspec")],
    ),
    (
        tidy.telling_names,
        [Source("core/mabeam/core/auction/clearing.py", "")],
        [Source("core/mabeam/core/utils/a.py", ""), Source("infra/log_helpers.py", "")],
    ),
    (
        tidy.open_namespace,
        [Source("core/mabeam/core/__init__.py", "")],
        [Source("core/mabeam/__init__.py", "")],
    ),
    (
        tidy.pure_core,
        [Source("core/a.py", "store.open()"), Source("infra/a.py", "open('x')")],
        [Source("core/a.py", "def f():\n    return open('x')"), Source("core/a.py", "input()")],
    ),
    (
        tidy.no_printing,
        [Source("examples/a.py", "print(1)"), Source("core/a.py", "'print(1)'")],
        [Source("app/a.py", "print(1)")],
    ),
    (
        tidy.one_logging_setup,
        [
            Source("agents/a.py", "import structlog\nlog = structlog.get_logger()"),
            Source("infra/mabeam/infra/observability/a.py", "structlog.configure()"),
            Source("agents/a.py", "variable.configure()"),
        ],
        [
            Source("agents/a.py", "import structlog\nstructlog.configure()"),
            Source("infra/mabeam/infra/jetstream/a.py", "from structlog import configure"),
            Source("app/a.py", "import logging\nlogging.basicConfig()"),
            Source("app/a.py", "import logging.config\nlogging.config.dictConfig({})"),
        ],
    ),
    (
        tidy.explained_suppressions,
        [
            Source("core/a.py", "x = 1  # noqa: E501 - a link cannot be broken"),
            Source("core/a.py", "x = 1  # noqa: E501, A002 - the word of the standard"),
            Source("core/a.py", "x = 1  # type: ignore[no-any-return]  # the library is untyped"),
            Source("core/a.py", "x = 1  # pyright: ignore[reportAny]  # the library is untyped"),
            Source("core/a.py", "# pyright: reportPrivateUsage=false\n# There is no public way."),
        ],
        [
            Source("core/a.py", "x = 1  # noqa"),
            Source("core/a.py", "x = 1  # noqa: E501"),
            Source("core/a.py", "x = 1  # type: ignore"),
            Source("core/a.py", "x = 1  # type: ignore[no-any-return]"),
            Source("core/a.py", "x = 1  # type: ignore[misc] # noqa: E501 - one reason for two"),
            Source("core/a.py", "# ruff: noqa"),
            Source("core/a.py", "# pyright: basic"),
            Source("core/a.py", "# pyright: reportPrivateUsage=false"),
            Source("tests/test_a.py", "x = 1  # pyright: ignore[reportAny]"),
        ],
    ),
    (
        tidy.no_leftovers,
        [Source("README.md", "Nothing is left to do.")],
        [
            Source("docs/a.md", "TODO: say more"),
            Source("core/a.py", "x = 1  # FIXME"),
            Source("core/a.py", "x = 1  # pragma: no cover"),
            Source("infra/nats/a.conf", "# XXX"),
        ],
    ),
    (
        tidy.no_registries,
        [Source("README.md", "pip install mabeam"), Source("Makefile", "apt install docker.io")],
        [
            Source("constraints.txt", "--index-url https://example.org"),
            Source("docs/a.md", "https://pypi.org/project/mabeam"),
            Source("docker-compose.yml", "image: docker.io/library/nats"),
        ],
    ),
    (
        tidy.no_machine_paths,
        [
            Source("docs/a.md", "Data lies in ~/.local/share/mabeam or $HOME/work/x"),
            Source("docs/a.md", "See ../docs/home/x.md and https://example.org/home/x"),
        ],
        [
            Source("docs/a.md", "cd /work/main"),
            Source("tests/test_a.py", "Path('/tmp/mabeam')"),
            Source("core/a.py", '"""Written to /home/me."""'),
        ],
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_repository_keeps(rule: Callable[[Source], Iterator[str]]) -> None:
    sources = python_sources() if RULES[rule] else text_sources()
    assert sources
    complaints = [complaint for source in sources for complaint in rule(source)]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(
    ("rule", "keeping", "breaking"), SAMPLES, ids=[rule.__name__ for rule, _, _ in SAMPLES]
)
def test_the_rule_bites_what_breaks_it_and_nothing_else(
    rule: Callable[[Source], Iterator[str]], keeping: list[Source], breaking: list[Source]
) -> None:
    assert [source for source in keeping if list(rule(source))] == []
    assert [source for source in breaking if not list(rule(source))] == []


def test_no_rule_is_left_without_a_sample() -> None:
    assert {rule for rule, _, _ in SAMPLES} == set(RULES)


def test_modules_are_small_on_the_whole() -> None:
    lengths = [len(source.text.splitlines()) for source in python_sources() if source.is_product]
    assert statistics.median(lengths) <= LINES_PER_MODULE_MEDIAN_MAX
