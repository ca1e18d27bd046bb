"""Changes of event types that recorded events cannot bear, and those that they can."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mabeam.app.cli.codes import Code
from mabeam.app.schema import changes, check, export, files
from mabeam.core.errors import MalformedEvent
from mabeam.core.versions import replace_type
from support.command import invoke
from support.old_types import CLOSED_AND_DECIDED, DECIDED, OFFERED, PINGED, STATED

ROOT = Path(__file__).resolve().parents[2]
BID = "mabeam.auction.bid_placed.v1"
BID_FILE = f"events/{BID}.json"


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """A folder with the schemas of today, to be made those of another past."""
    folder = tmp_path / "schemas"
    _ = export(folder)
    return folder


def rewrite(schemas: Path, old: str, new: str) -> None:
    """Let the bid have been otherwise in the past."""
    path = schemas / BID_FILE
    text = path.read_text("utf-8")
    assert old in text
    _ = path.write_text(text.replace(old, new), "utf-8")


def test_this_repository_can_read_what_it_ever_wrote() -> None:
    done = invoke(
        *("schema", "check", str(ROOT / "schemas")), *("--golden", str(ROOT / "tests" / "golden"))
    )
    assert done.code == Code.OK, done.out


def test_nothing_has_changed_since_the_export(schemas: Path) -> None:
    assert changes(schemas) == []
    done = invoke("schema", "check", str(schemas))
    assert (done.code, done.out) == (Code.OK, "")
    assert "nothing changed" in done.err


def test_a_breaking_change_is_told_with_what_to_do(schemas: Path) -> None:
    rewrite(schemas, '"note"', '"remark"')
    done = invoke("schema", "check", str(schemas))
    assert done.code == Code.CHECK_FAILED
    assert done.lines == [
        f"breaking  {BID} data.remark: removed (string → nothing)",
        (
            "          restore it, or register mabeam.auction.bid_placed.v2 and "
            "replace_type('mabeam.auction.bid_placed.v1', 'mabeam.auction.bid_placed.v2', "
            "rename('remark', 'note'))"
        ),
        f'fine      {BID} data.note: added (nothing → default "")',
    ]


def test_changes_are_told_as_json(schemas: Path) -> None:
    rewrite(schemas, '"default": ""', '"default": "none"')
    done = invoke("schema", "check", str(schemas), "--json")
    assert done.code == Code.CHECK_FAILED
    (change,) = done.json
    assert change == {
        "type": BID,
        "field": "data.note",
        "change": "another default",
        "old": 'default "none"',
        "new": 'default ""',
        "is_breaking": True,
        "advice": "restore it, or register mabeam.auction.bid_placed.v2 and "
        "replace_type('mabeam.auction.bid_placed.v1', 'mabeam.auction.bid_placed.v2', "
        "default('note', 'none'))",
    }


@pytest.mark.parametrize(
    ("old", "new", "field", "advice"),
    [
        ('"^session/.+$"', '"^lot/.+$"', "subject", "another type beside"),
        ('"amount"', '"sum"', "data.amount", "rename('sum', 'amount')"),
        ('"type": "integer"', '"type": "string"', "data.amount", "change('amount', ...)"),
        ('"amount"\n', '"note"\n', "data.amount", "give it a default, or register"),
        ('"amount"\n', '"note"\n', "data.amount", "default('amount', ...)"),
        ('"note": {', '"note": {}, "price": {', "data.price", "drop('price', older=...)"),
    ],
)
def test_each_kind_of_change_has_its_advice(
    schemas: Path, old: str, new: str, field: str, advice: str
) -> None:
    rewrite(schemas, old, new)
    broken = [one for one in changes(schemas) if one.is_breaking]
    assert field in {one.field for one in broken}
    assert any(advice in one.advice for one in broken)


def test_what_no_step_reaches_is_left_to_an_upcaster(schemas: Path) -> None:
    path = schemas / "events/mabeam.agent.registered.v1.json"
    text = path.read_text("utf-8")
    items = '"items": {\n            "type": "string"'
    assert items in text
    _ = path.write_text(text.replace(items, items.replace("string", "integer")), "utf-8")
    (change,) = changes(schemas)
    assert (change.field, change.is_breaking) == ("data.capabilities[]", True)
    assert change.advice.endswith(
        "an @upcaster('mabeam.agent.registered.v1', 'mabeam.agent.registered.v2')"
    )


def test_who_may_say_it_may_be_widened_and_not_narrowed(schemas: Path) -> None:
    rewrite(schemas, '"pattern": "[^/]$"', '"pattern": "(^|/)coordinator$"')
    (change,) = changes(schemas)
    assert (change.field, change.change, change.is_breaking) == ("source", "widened", False)
    path = schemas / "events/mabeam.session.closed.v1.json"
    path.write_text(path.read_text("utf-8").replace("(^|/)coordinator$", "[^/]$"), "utf-8")
    closed = changes(schemas)[0]
    assert (closed.field, closed.change, closed.is_breaking) == ("source", "retyped", True)


def test_a_type_without_a_past_is_new(schemas: Path) -> None:
    (schemas / BID_FILE).unlink()
    (change,) = changes(schemas)
    assert (change.type, change.change, change.is_breaking) == (BID, "added", False)


def test_a_folder_without_schemas_is_not_found(tmp_path: Path) -> None:
    done = invoke("schema", "check", str(tmp_path))
    assert done.code == Code.NOT_FOUND
    assert f"'mabeam schema export {tmp_path}' writes them" in done.err


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"properties": {"data": {}, "subject": {}}}'])
def test_a_file_that_is_no_schema_of_an_event_is_named(schemas: Path, text: str) -> None:
    _ = (schemas / BID_FILE).write_text(text)
    with pytest.raises(MalformedEvent, match="is no JSON Schema of an event"):
        changes(schemas)
    assert invoke("schema", "check", str(schemas)).code == Code.INVALID_DATA


def test_an_export_does_not_overwrite_a_past_that_could_be_read_no_more(schemas: Path) -> None:
    rewrite(schemas, '"type": "integer"', '"type": "string"')
    before = (schemas / BID_FILE).read_text("utf-8")
    refused = invoke("schema", "export", str(schemas))
    assert refused.code == Code.CHECK_FAILED
    assert "data.amount: retyped" in refused.out
    assert "--force" in refused.err
    assert (schemas / BID_FILE).read_text("utf-8") == before
    forced = invoke("schema", "export", str(schemas), "--force")
    assert (forced.code, forced.lines) == (Code.OK, [str(schemas / BID_FILE)])
    assert json.loads((schemas / BID_FILE).read_text("utf-8")) == json.loads(files()[BID_FILE])


def past_type(schemas: Path, type_: str, kind: str = "session") -> Path:
    """Let there have been a type that no struct is registered for any more."""
    path = schemas / "events" / f"{type_}.json"
    text = (schemas / BID_FILE).read_text("utf-8").replace(BID, type_)
    _ = path.write_text(text.replace("^session/", f"^{kind}/"), "utf-8")
    return path


class TestGoneTypes:
    def test_a_type_that_is_gone_breaks(self, schemas: Path) -> None:
        _ = past_type(schemas, "old.never.v1")
        (change,) = changes(schemas)
        assert (change.type, change.change, change.is_breaking) == ("old.never.v1", "removed", True)
        assert "retire('old.never.v1')" in change.advice

    @pytest.mark.parametrize(
        ("type_", "now"),
        [
            (STATED, BID),
            (OFFERED, BID),
            (CLOSED_AND_DECIDED, f"{DECIDED}, mabeam.session.closed.v1"),
            (PINGED, "nothing"),
        ],
    )
    def test_a_type_that_is_read_as_others_is_replaced(
        self, schemas: Path, type_: str, now: str
    ) -> None:
        _ = past_type(schemas, type_)
        (change,) = changes(schemas)
        assert (change.change, change.new, change.is_breaking) == ("replaced", now, False)

    def test_a_type_that_is_read_as_one_of_another_kind_breaks(self, schemas: Path) -> None:
        """Its events stay where they are, with entities whose folds would not know them."""
        _ = past_type(schemas, STATED, kind="variable")
        broken = changes(schemas)[0]
        assert (broken.field, broken.is_breaking) == ("subject", True)
        assert (broken.old, broken.new) == ("^variable/.+$", "^session/.+$")

    def test_a_type_that_is_read_as_one_that_is_gone_breaks(self, schemas: Path) -> None:
        replace_type("old.lost.v1", "old.lost.v2")
        _ = past_type(schemas, "old.lost.v1")
        broken = changes(schemas)[0]
        assert (broken.change, broken.new, broken.is_breaking) == (
            "leads nowhere",
            "old.lost.v2",
            True,
        )
        assert broken.advice == "register old.lost.v2, or say how it is read in its turn"

    def test_the_schemas_of_old_types_stay_and_those_of_gone_ones_go(self, schemas: Path) -> None:
        kept, gone = past_type(schemas, STATED), past_type(schemas, "old.never.v1")
        assert check(schemas) == ["events/old.never.v1.json"]
        _ = export(schemas)
        assert kept.exists()
        assert not gone.exists()


def test_the_generator_of_this_repository_refuses_it_too(schemas: Path) -> None:
    rewrite(schemas, '"type": "integer"', '"type": "string"')
    before = (schemas / BID_FILE).read_text("utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mabeam.app.schema"],
        cwd=schemas.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "mabeam schema check" in done.stderr
    assert (schemas / BID_FILE).read_text("utf-8") == before
