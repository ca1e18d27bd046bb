"""Rules about the source text that no other tool keeps, each a function from text to complaints.

This folder names what it forbids, and is therefore exempt from the rules about words.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

__all__ = [
    "PORTIONS",
    "ROOT",
    "RULES",
    "Source",
    "declared_names",
    "python_sources",
    "text_sources",
]

ROOT = Path(__file__).resolve().parents[2]
PORTIONS = ("core", "projections", "infra", "agents", "app")
FOLDERS = (*PORTIONS, "bench", "docs", "examples", "schemas", "tests", ".ci")
SUFFIXES = {".cfg", ".conf", ".json", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml"}
NAMES = {"Dockerfile", "LICENSE", "Makefile", "run"}

LINES_PER_MODULE_MAX = 500
LINES_PER_FUNCTION_MAX = 70
VAGUE = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\bbreakpoint\(|#\s*pragma\b")
REGISTRY = re.compile(
    r"pypi\.|pythonhosted|npmjs|crates\.io|debian\.org|docker\.io/|ghcr\.io|quay\.io"
    r"|(?<!no-emit-)index-url|trusted-host|find-links"
)
MACHINE_PATH = re.compile(r"(?<![\w.$}~:/-])/(?:work|root|home|tmp|Users|opt)/\w")
SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore|(?:based)?pyright:|mypy:|ruff:)")
# A suppression of named rules, followed by its reason. mypy takes no dash there.
EXPLAINED = re.compile(
    r"#\s*(?:noqa: [A-Z]+\d+(?:, [A-Z]+\d+)*(?:\s+-|\s+#)"
    r"|type: ignore\[[a-z, -]+\]\s+#"
    r"|pyright: ignore\[[A-Za-z, ]+\](?:\s+-|\s+#))"
    r" \w+"
)
# The form for a whole file leaves no room for a reason, which follows on the next line.
EXPLAINED_BELOW = re.compile(r"(?m)^# pyright: (?:report\w+=false(?:, )?)+\n(?=# [^\s:]+ \w)")
OUTSIDE_CALLS = {"breakpoint", "eval", "exec", "input", "open", "print"}
LOG_SETTINGS = {"configure", "configure_once", "reset_defaults", "basicConfig", "dictConfig"}


@dataclass(frozen=True)
class Source:
    """A file, named by its path from the root of the repository."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree of a Python file."""
        return ast.parse(self.text, self.path)

    @property
    def is_product(self) -> bool:
        """Whether it is part of the installed package."""
        return self.path.split("/")[0] in PORTIONS

    @property
    def names_the_forbidden(self) -> bool:
        """Whether it lies in this very folder."""
        return self.path.startswith("tests/architecture/")

    def lines(self, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
        """Number and text of the lines in which a pattern is found."""
        for number, line in enumerate(self.text.splitlines(), 1):
            if pattern.search(line):
                yield number, line.strip()


def text_sources() -> list[Source]:
    """Return every text file of the repository that people write."""
    files = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in FOLDERS:
        files += (path for path in (ROOT / folder).rglob("*") if path.is_file())
    wanted = sorted(
        path
        for path in files
        if (path.suffix in SUFFIXES or path.name.split(".")[0] in NAMES)
        and "__pycache__" not in path.parts
    )
    return [Source(str(path.relative_to(ROOT)), path.read_text("utf-8")) for path in wanted]


def python_sources() -> list[Source]:
    """Return every Python file of the repository."""
    return [source for source in text_sources() if source.path.endswith(".py")]


def declared_names(source: Source) -> list[str] | None:
    """Return what ``__all__`` lists, or None when a module has none."""
    for node in source.tree.body:
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign) and node.value:
            targets = [node.target]
        else:
            continue
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            assert node.value is not None
            return list(ast.literal_eval(node.value))
    return None


def short_modules(source: Source) -> Iterator[str]:
    """Keep a module small enough to be read at one sitting."""
    count = len(source.text.splitlines())
    if count > LINES_PER_MODULE_MAX:
        yield f"{source.path} has {count} lines, over {LINES_PER_MODULE_MAX}"


def short_functions(source: Source) -> Iterator[str]:
    """Keep a function on one screen."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            count = node.end_lineno - node.lineno + 1
            if count > LINES_PER_FUNCTION_MAX:
                yield (
                    f"{source.path}:{node.lineno} {node.name} has {count} lines,"
                    f" over {LINES_PER_FUNCTION_MAX}"
                )


def absolute_imports(source: Source) -> Iterator[str]:
    """Let a module name what it imports in full."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"{source.path}:{node.lineno} imports relatively"


def documented_modules(source: Source) -> Iterator[str]:
    """Let a module say what it is for."""
    if not source.path.startswith("tests/") and not ast.get_docstring(source.tree):
        yield f"{source.path} has no docstring"


def declared_interfaces(source: Source) -> Iterator[str]:
    """Let a module list what it offers, unless it holds nothing or is only ever run."""
    code = [
        node
        for node in source.tree.body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        and not (isinstance(node, ast.ImportFrom) and node.module == "__future__")
    ]
    if not source.is_product or not code or source.path.endswith("/__main__.py"):
        return
    if declared_names(source) is None:
        yield f"{source.path} has no __all__"


def telling_names(source: Source) -> Iterator[str]:
    """Refuse names of modules that would fit anything."""
    words = re.split(r"[/_.]", source.path.removesuffix(".py"))
    for word in VAGUE.intersection(words):
        yield f"{source.path} is named {word!r}, which says nothing"


def open_namespace(source: Source) -> Iterator[str]:
    """Refuse the file that would hide all portions of the namespace but one."""
    if re.fullmatch(r"\w+/mabeam/__init__\.py", source.path):
        yield f"{source.path} would hide the other portions of the namespace"


def pure_core(source: Source) -> Iterator[str]:
    """Refuse built-in functions by which the core would reach outside."""
    if source.path.startswith("core/"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in OUTSIDE_CALLS:
                yield f"{source.path}:{node.lineno} calls {ast.unparse(node.func)}"


def no_printing(source: Source) -> Iterator[str]:
    """Let the product speak through the command line's own output and the log."""
    if source.is_product:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
                yield f"{source.path}:{node.lineno} prints"


def one_logging_setup(source: Source) -> Iterator[str]:
    """Let one place decide what becomes of log lines."""
    if not source.is_product or source.path.startswith("infra/mabeam/infra/observability"):
        return
    modules = {"structlog", "logging", "logging.config"}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute):
            found = ast.unparse(node.value) in modules and node.attr in LOG_SETTINGS
        elif isinstance(node, ast.ImportFrom):
            found = node.module in modules and any(
                alias.name in LOG_SETTINGS for alias in node.names
            )
        else:
            continue
        if found:
            yield f"{source.path}:{node.lineno} configures logging"


def explained_suppressions(source: Source) -> Iterator[str]:
    """Let whoever silences a checker name the rule and say why."""
    if not source.names_the_forbidden:
        rest = Source(source.path, EXPLAINED_BELOW.sub("\n", source.text))
        for number, line in rest.lines(SUPPRESSION):
            if len(SUPPRESSION.findall(line)) != len(EXPLAINED.findall(line)):
                yield f"{source.path}:{number} silences a checker without code or reason: {line}"


def no_leftovers(source: Source) -> Iterator[str]:
    """Refuse what was meant to be gone before anybody read it."""
    if not source.names_the_forbidden:
        for number, line in source.lines(LEFTOVER):
            yield f"{source.path}:{number} has a leftover: {line}"


def no_registries(source: Source) -> Iterator[str]:
    """Leave the choice of a registry to the machine that installs."""
    if not source.names_the_forbidden:
        for number, line in source.lines(REGISTRY):
            yield f"{source.path}:{number} names a registry: {line}"


def no_machine_paths(source: Source) -> Iterator[str]:
    """Refuse paths that exist on one machine only."""
    if not source.names_the_forbidden:
        for number, line in source.lines(MACHINE_PATH):
            yield f"{source.path}:{number} names a path of one machine: {line}"


# Each rule, and whether it is about Python files alone.
RULES: dict[Callable[[Source], Iterator[str]], bool] = {
    short_modules: True,
    short_functions: True,
    absolute_imports: True,
    documented_modules: True,
    declared_interfaces: True,
    telling_names: True,
    open_namespace: True,
    pure_core: True,
    no_printing: True,
    one_logging_setup: True,
    explained_suppressions: True,
    no_leftovers: False,
    no_registries: False,
    no_machine_paths: False,
}
