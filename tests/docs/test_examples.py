"""What the pages show is done here as their readers would, and comes out as shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.pages import agrees, blocks_of, commands_of, pages
from docs.rehearsal import complaints

PAGES = pages()
DONE = [
    name
    for name, page in PAGES.items()
    if any(block.language in {"python", "console"} for block in blocks_of(page))
]

# Blocks that are shown and not executed, by page; each gives its reason above itself.
ONLY_SHOWN = {
    "docs/how-to/back-up-and-restore.md": 1,
    "docs/how-to/mirror-a-space.md": 2,
    "docs/how-to/publish-from-any-language.md": 2,
    "docs/how-to/run-a-cluster.md": 6,
    "docs/how-to/run-agents-in-several-processes.md": 2,
    "docs/how-to/watch-in-production.md": 2,
    "docs/how-to/use-eventsourcing.md": 1,
    "docs/reference/durability.md": 1,
    "docs/style.md": 2,
    "docs/tutorials/first-team.md": 1,
}


@pytest.mark.jetstream
@pytest.mark.slow
@pytest.mark.parametrize("name", DONE)
def test_a_page_does_what_it_shows(name: str, tmp_path: Path) -> None:
    assert list(complaints(name, PAGES[name], tmp_path)) == []


def test_what_is_only_shown_is_known_and_counted() -> None:
    excused = {name: sum(bool(b.excuse) for b in blocks_of(page)) for name, page in PAGES.items()}
    assert {name: count for name, count in excused.items() if count} == ONLY_SHOWN


def page_of(*blocks: str) -> str:
    return "\n".join(("# A page", *(f"\n{block}" for block in blocks), ""))


RIGHT = [
    pytest.param(page_of("```python\nprint(1)\n```", "```text\n1\n```"), id="output"),
    pytest.param(page_of("```python\nx = 1\n```"), id="no output"),
    pytest.param(
        page_of("```python\nx = 1\n```", "```python\nprint(x)\n```", "```text\n1\n```"),
        id="one program",
    ),
    pytest.param(page_of("```python\nprint('at 17 s')\n```", "```text\nat ... s\n```"), id="any"),
    pytest.param(
        page_of("```python\nprint('a\\nb\\nc')\n```", "```text\na\n...\nc\n```"), id="any lines"
    ),
    pytest.param(page_of("```console\n$ echo a\na\n$ cat\n$ echo b\nb\n```"), id="commands"),
    pytest.param(
        page_of("```python\n# a.py\nprint(1)\n```", "```console\n$ python a.py\n1\n```"), id="file"
    ),
    pytest.param(
        page_of("<!-- not executed: it needs a browser -->\n```python\n1 / 0\n```"), id="excused"
    ),
    pytest.param(page_of("```text\nnobody printed this\n```"), id="mere text"),
]
WRONG = [
    pytest.param(
        page_of("```python\nprint(1)\n```", "```text\n2\n```"), "1\nbut shown is:\n2", id="output"
    ),
    pytest.param(
        page_of("```python\nprint(1)\n```", "```text\n1\n2\n```"), "shown", id="more is shown"
    ),
    pytest.param(
        page_of("```python\nprint(1, 2)\n```", "```text\n1\n```"), "shown", id="less is shown"
    ),
    pytest.param(page_of("```python\nprint(1)\n```"), "shown", id="nothing is shown"),
    pytest.param(
        page_of("```python\nx = 1\n```", "```text\n1\n```"), "shown", id="nothing is printed"
    ),
    pytest.param(page_of("```python\n1 / 0\n```"), "ZeroDivisionError", id="failure"),
    pytest.param(page_of("```python\n1 /\n```"), "SyntaxError", id="no Python"),
    pytest.param(page_of("```python\nraise SystemExit(3)\n```"), "SystemExit: 3", id="exit"),
    pytest.param(page_of("```console\n$ echo a\nb\n```"), "shown", id="command's output"),
    pytest.param(
        page_of("```console\n$ python -c 1/0\n```"), "ZeroDivisionError", id="failed command"
    ),
    pytest.param(
        page_of("```console\n$ docker compose down\n```"), "say so above it", id="other program"
    ),
    pytest.param(page_of("```python\n# a.py\nprint(1)\n```"), "is saved and not used", id="file"),
    pytest.param(
        page_of("```python\n# examples/first_team.py\nprint(1)\n```"), "differs", id="excerpt"
    ),
    pytest.param(page_of("```sh\necho a\n```"), "write python or console", id="not typed"),
]


@pytest.mark.parametrize("page", RIGHT)
def test_a_page_that_is_right_passes(page: str, tmp_path: Path) -> None:
    assert list(complaints("page.md", page, tmp_path)) == []


@pytest.mark.parametrize(("page", "complaint"), WRONG)
def test_a_page_that_is_wrong_does_not(page: str, complaint: str, tmp_path: Path) -> None:
    [found] = complaints("page.md", page, tmp_path)
    assert found.startswith("page.md:")
    assert complaint in found


def test_a_fault_is_found_where_it_stands_on_the_page(tmp_path: Path) -> None:
    page = page_of("```python\nx = 0\n1 / x\n```")
    [found] = complaints("page.md", page, tmp_path)
    assert found.startswith("page.md:4 fails")
    assert 'File "page.md", line 5' in found


def test_what_is_shown_for_anything_is_not_taken_for_a_pattern() -> None:
    assert agrees("a.c (1+)", "a.c (1+)\n")
    assert not agrees("a.c", "abc")
    assert not agrees("a ... c", "a b\nc")


def test_a_time_of_day_stands_for_any_and_other_numbers_for_themselves() -> None:
    assert agrees("12:34:56 bids 12", "09:08:07 bids 12\n")
    assert not agrees("12:34:56 bids 12", "09:08:07 bids 13\n")
    assert not agrees("12:34:56 bids 12", "bids 12\n")


def test_a_block_without_end_or_command_is_refused() -> None:
    with pytest.raises(ValueError, match="```"):
        _ = blocks_of("```python\nx = 1\n")
    [block] = blocks_of("```console\nhello\n$ cat\n```\n")
    with pytest.raises(ValueError, match="line 2 is no command"):
        _ = commands_of(block)
