"""The environment is read as the library reads it, and what is wrong in it is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from eventsourcing.persistence import InfrastructureFactory, InfrastructureFactoryError
from eventsourcing.utils import Environment

from mabeam.infra.eventsourcing import Factory
from mabeam.infra.eventsourcing.dcb import DCBFactory
from mabeam.infra.eventsourcing.settings import Address, Settings

LEAST = {"MABEAM_NATS_URL": "nats://a:1,nats://b:2", "MABEAM_SPACE": "bank"}


def test_an_address_and_a_space_are_enough() -> None:
    assert Settings.of(Environment("Bank", LEAST)) == Settings(
        name="Bank", address=Address(("nats://a:1", "nats://b:2")), space="bank"
    )


def test_everything_can_be_said_for_one_application_alone() -> None:
    own = {
        "BANK_MABEAM_SPACE": "other",
        "BANK_MABEAM_KIND": "account",
        "BANK_MABEAM_REPLICAS": "3",
        "BANK_MABEAM_STORAGE": "memory",
        "BANK_MABEAM_CREATE_SPACE": "no",
        "BANK_MABEAM_CONNECT_SECONDS": "1.5",
        "BANK_MABEAM_PATIENCE_SECONDS": "2",
        "BANK_MABEAM_NATS_CREDENTIALS": "/etc/bank.creds",
    }
    found = Settings.of(Environment("bank", LEAST | own))
    assert found == Settings(
        name="bank",
        address=Address(("nats://a:1", "nats://b:2"), Path("/etc/bank.creds")),
        space="other",
        kind="account",
        replicas=3,
        storage="memory",
        create=False,
        connect_seconds=1.5,
        patience_seconds=2.0,
    )
    assert Settings.of(Environment("shop", LEAST | own)).space == "bank"


@pytest.mark.parametrize("name", LEAST)
def test_what_is_missing_is_named_with_both_names_it_could_have(name: str) -> None:
    rest = {key: value for key, value in LEAST.items() if key != name}
    with pytest.raises(InfrastructureFactoryError, match=f"lacks BANK_{name} or {name}"):
        Settings.of(Environment("bank", rest))


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("MABEAM_REPLICAS", "2", "1, 3 or 5"),
        ("MABEAM_SPACE", "my team", "1 to 32 characters"),
        ("MABEAM_KIND", "k" * 17, "1 to 16 printable"),
        ("MABEAM_STORAGE", "disk", "file or memory"),
        ("MABEAM_CREATE_SPACE", "perhaps", "yes or no"),
        ("MABEAM_PATIENCE_SECONDS", "-1", "above 0"),
        ("MABEAM_CONNECT_SECONDS", "nan", "above 0"),
        ("MABEAM_CONNECT_SECONDS", "soon", "above 0"),
    ],
)
def test_an_illegal_value_is_named_with_what_is_allowed(
    name: str, value: str, allowed: str
) -> None:
    with pytest.raises(InfrastructureFactoryError, match=f"{name} = '{value}', .*{allowed}"):
        Settings.of(Environment("bank", LEAST | {name: value}))


@pytest.mark.parametrize(
    ("module", "kind"),
    [("mabeam.infra.eventsourcing", Factory), ("mabeam.infra.eventsourcing.dcb", DCBFactory)],
)
def test_each_module_holds_the_one_factory_that_the_library_looks_for(
    module: str, kind: type[Factory]
) -> None:
    found = InfrastructureFactory.construct(
        Environment("bank", LEAST | {"PERSISTENCE_MODULE": module})
    )
    assert type(found) is kind


def test_a_recorder_of_another_kind_is_refused() -> None:
    wrong = {"TRACKING_RECORDER_TOPIC": "eventsourcing.popo:POPOTrackingRecorder"}
    with pytest.raises(InfrastructureFactoryError, match="not derived from JetStreamTracking"):
        Factory(Environment("bank", LEAST | wrong)).tracking_recorder()


def test_a_name_that_nobody_could_speak_under_is_refused() -> None:
    with pytest.raises(InfrastructureFactoryError, match="name of the application = "):
        Settings.of(Environment("b" * 65, LEAST))
