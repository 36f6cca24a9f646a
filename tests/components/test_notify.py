"""Settings of notifications and of the budget: what is refused, and a webhook that nothing gives away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from components.biojobs import Biojobs
from components.budget import budget
from components.inputs import read_inputs
from settings import Settings, SettingsError, load
from settings_notify import Notify
from settings_sizes import Quota
from tests.components.conftest import Recorder, drained
from tests.components.test_platform import SECRET, SECRET_SIGNATURE, cloud
from workflows.types import Source

ROOT = Path(__file__).parents[2]
TOKEN = "T0K3N-of-the-channel"
GOOD = f"https://chat.example/hooks/{TOKEN}"


def settings(**config: object) -> Settings:
    given = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return load({"biojobs:cloud": "local", **{f"biojobs:{key}": value for key, value in given.items()}}, "local", ROOT)


def refusal(**config: object) -> str:
    with pytest.raises(SettingsError) as refused:
        settings(**config)
    return str(refused.value)


@pytest.mark.parametrize(
    ("webhook", "port"),
    [
        (GOOD, 443),
        (f"https://chat.example:8443/{TOKEN}", 8443),
        (f"http://localhost:8065/{TOKEN}", 8065),
        (f"http://127.0.0.1/{TOKEN}", 80),
        (f"http://10.1.2.3:9000/{TOKEN}", 9000),
        (f"http://[fd00::1]:9000/{TOKEN}", 9000),
        (f"http://chat.team.svc.cluster.local/{TOKEN}", 80),
    ],
)
def test_a_webhook_has_tls_or_is_near(webhook: str, port: int) -> None:
    found = settings(notify={"webhook": webhook}).notify
    assert found is not None
    assert found.port == port
    assert found.on == ("sheet-ended", "sample-failed")


@pytest.mark.parametrize(
    ("webhook", "remedy"),
    [
        (f"http://chat.example/{TOKEN}", "write https:// for it"),
        (f"http://8.8.8.8/{TOKEN}", "write https:// for it"),
        (f"ftp://chat.example/{TOKEN}", "write https://host/path"),
        (f"//chat.example/{TOKEN}", "write https://host/path"),
        (TOKEN, "write https://host/path"),
        ("", "write https://host/path"),
        (f"https:///{TOKEN}", "write https://host/path"),
        (f"https://user:{TOKEN}@chat.example/x", "without a user's name"),
        (f"https://chat.example/ {TOKEN}", "without spaces"),
        (f"https://chat.example/\n{TOKEN}", "without spaces"),
        (f"https://chat.example:99999/{TOKEN}", "write https://host/path"),
        (f"https://[::1/{TOKEN}", "write https://host/path"),
        (f"https://chat.example/{TOKEN}{'x' * 3000}", "at most 2000 characters"),
    ],
)
def test_another_address_is_refused_without_being_told(webhook: str, remedy: str) -> None:
    message = refusal(notify={"webhook": webhook})
    assert message.startswith("biojobs:notify.webhook: (a secret): ")
    assert remedy in message
    assert TOKEN not in message


@pytest.mark.parametrize("value", [GOOD, "{" + GOOD, [GOOD], {"url": GOOD}, {"webhook": [GOOD]}])
def test_a_misplaced_address_is_not_told_either(value: object) -> None:
    message = refusal(notify=value)
    assert "biojobs:notify" in message
    assert TOKEN not in message


@pytest.mark.parametrize("key", ["webhook", "notfy", "notifyWebhook"])
def test_an_address_under_a_wrong_key_is_not_told_either(key: str) -> None:
    message = refusal(**{key: GOOD})
    assert f"biojobs:{key}: (an address): is not a key" in message
    assert TOKEN not in message


@pytest.mark.parametrize("on", [[], ["everything"]])
def test_events_are_known_ones(on: list[str]) -> None:
    assert "biojobs:notify.on" in refusal(notify={"webhook": GOOD, "on": on})


def test_settings_that_are_printed_do_not_give_the_address_away() -> None:
    found = settings(notify={"webhook": GOOD})
    assert TOKEN not in f"{found!r} {found} {found.model_dump_json()}"


@pytest.mark.parametrize(
    ("config", "has"),
    [
        ({}, True),
        ({"multiqc": "false"}, False),
        ({"multiqc": "false", "notify": {"webhook": GOOD, "on": ["sheet-ended"]}}, True),
        ({"multiqc": "false", "notify": {"webhook": GOOD, "on": ["sample-failed"]}}, False),
        ({"multiqc": "false", "budget": "5"}, True),
    ],
)
def test_a_sheet_has_a_run_of_its_own_where_somebody_needs_it(config: dict[str, Any], has: bool) -> None:
    assert settings(**config).has_sheet_run is has


def built(recorder: Recorder, notify: Notify | None) -> Recorder:
    @drained
    def build() -> pulumi.Output[Any]:
        provider: Any = k8s.Provider("p", context="ctx")
        made = Biojobs("b", "local", cloud(provider), Quota(), notify)
        return pulumi.Output.all(*(resource.urn for resource in made.ready))

    build()
    return recorder


def ports(recorder: Recorder) -> set[int]:
    return {port["port"] for port in recorder.one("NetworkPolicy", "b-egress")["spec"]["egress"][0]["ports"]}


def test_the_address_is_a_secret_of_the_namespace_and_of_the_state(recorder: Recorder) -> None:
    found = built(recorder, settings(notify={"webhook": GOOD}).notify).one("Secret", "b-notify")
    assert found["metadata"]["name"] == "notify"
    assert found["stringData"] == {SECRET_SIGNATURE: SECRET, "value": {"webhook": GOOD}}


def test_steps_may_reach_the_webhook_s_port_and_no_more_than_before(recorder: Recorder) -> None:
    found = built(recorder, settings(notify={"webhook": f"https://chat.example:8443/{TOKEN}"}).notify)
    assert 8443 in ports(found)
    assert TOKEN not in json.dumps(found.one("NetworkPolicy", "b-egress"))


def test_without_a_webhook_there_is_neither(recorder: Recorder) -> None:
    found = built(recorder, None)
    assert ports(found) == {53, 443, 6443, 9000}


# ---- the budget -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["0", "-5", "nan", "inf", "much", "1e12"])
def test_a_budget_is_an_amount(value: str) -> None:
    assert refusal(budget=value).startswith(f"biojobs:budget: '{value}': ")


def test_a_budget_without_prices_is_refused_with_the_keys_that_help() -> None:
    with pytest.raises(SettingsError) as refused:
        budget(settings(budget="50", prices={"small": 0.1}))
    assert str(refused.value) == (
        "biojobs:budget: 50: no price is known for the class large; set biojobs:prices.large (USD an hour), "
        "or remove the budget"
    )


def test_a_budget_without_prices_is_refused_before_anything_is_looked_for() -> None:
    def locate(location: str) -> Source:
        raise AssertionError(location)

    with pytest.raises(SettingsError, match="no price is known"):
        read_inputs(settings(budget="50"), ROOT, locate)


def test_a_budget_has_the_prices_of_the_classes_that_samples_use() -> None:
    found = budget(settings(budget="50", prices={"small": 0.1, "large": 0.4}))
    assert found is not None
    assert (found.usd, found.prices) == (50.0, {"small": 0.1, "large": 0.4})
    assert found.source == "biojobs:prices (small, large)"


def test_an_aligner_of_ones_own_needs_the_price_of_its_class() -> None:
    own = {"image": "registry.example/a:1", "command": ["a"], "class": "gpu"}
    with pytest.raises(SettingsError, match=r"no price is known for the class gpu; set biojobs:prices\.gpu"):
        budget(settings(budget="50", prices={"small": 0.1, "large": 0.4}, aligner=own))


def test_without_a_budget_no_price_is_needed() -> None:
    assert budget(settings()) is None
