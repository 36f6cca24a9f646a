"""Settings: typed and complete, or refused with key, value and remedy."""

import json
from pathlib import Path

import pytest
import yaml

from docs.settings import markdown, schema
from quantities import parse_bytes, parse_cpu
from settings import SettingsError, load

ROOT = Path(__file__).parents[2]


def problems(**config: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load({"biojobs:cloud": "local", **{f"biojobs:{key}": value for key, value in config.items()}}, "local", ROOT)
    return str(caught.value).splitlines()


def test_a_cloud_is_all_that_must_be_set() -> None:
    settings = load({"biojobs:cloud": "local"}, "local", ROOT)
    assert settings.local.context == "biojobs-sandbox"
    assert settings.classes.large.threads == 2


def test_keys_of_other_projects_are_left_alone() -> None:
    assert load({"biojobs:cloud": "local", "aws:region": "eu-west-1"}, "local", ROOT).cloud == "local"


def test_structured_values_arrive_as_json() -> None:
    classes = {"large": {"cpu": "4", "memory": "16Gi", "scratch": "100Gi"}}
    config = {"biojobs:cloud": "local", "biojobs:classes": json.dumps(classes), "biojobs:wait": "false"}
    settings = load(config, "local", ROOT)
    assert (settings.classes.large.threads, settings.classes.large.memory_mib) == (4, 16384)
    assert settings.classes.small.threads == 1
    assert settings.wait is False


@pytest.mark.parametrize("value", [None, "azure", ""])
def test_a_missing_or_unknown_cloud_is_refused_with_the_choices(value: str | None) -> None:
    with pytest.raises(SettingsError, match=r"biojobs:cloud: .*; set it in Pulumi.dev.yaml to one of local, aws, gcp"):
        load({} if value is None else {"biojobs:cloud": value}, "dev", ROOT)


def test_a_key_of_another_cloud_is_refused() -> None:
    (problem,) = problems(region="eu-west-1")
    assert problem == "biojobs:region: 'eu-west-1': is a key of aws and gcp, and this stack is on local; remove it"


def test_a_misspelt_key_is_refused_with_the_right_one() -> None:
    assert problems(sheeet="x.csv") == ["biojobs:sheeet: 'x.csv': is not a key; did you mean biojobs:sheet?"]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "classes",
            '{"large": {"cpu": "2", "memory": "4G", "scratch": "1Gi"}}',
            "large.memory: '4G': write a whole number with Mi, Gi or Ti, such as 4Gi; did you mean 4Gi?",
        ),
        ("classes", '{"large": {"cpu": "0", "memory": "4Gi", "scratch": "1Gi"}}', "large.cpu: '0': write whole cores"),
        ("classes", '{"large": {"cpu": "2", "memory": "-4Gi", "scratch": "1Gi"}}', "large.memory: '-4Gi'"),
        (
            "classes",
            '{"large": {"cpu": "2", "memory": "100Mi", "scratch": "1Gi"}}',
            "the tools need at least 512Mi; raise it",
        ),
        ("classes", '{"large": {"cpu": "2", "memory": "9Ti", "scratch": "1Gi"}}', "is over biojobs:quota.memory '2Ti'"),
        ("classes", '{"large": {"cpu": "500", "memory": "4Gi", "scratch": "1Gi"}}', "is over biojobs:quota.cpu '400'"),
        (
            "classes",
            '{"large": {"cpu": "1", "memory": "4Gi", "maxMemory": "3Gi", "scratch": "1Gi"}}',
            "maxMemory: '3Gi': is less than biojobs:classes.large.memory '4Gi'; raise it",
        ),
        ("classes", '{"medium": {}}', "biojobs:classes.medium: {}: is not a key here"),
        ("classes", "{large", "is not valid JSON"),
        ("classes", "large", "biojobs:classes: 'large': write a YAML mapping"),
        ("qc", '{"mustNotFail": ["Per base quality"]}', "biojobs:qc.mustNotFail[0]: 'Per base quality': use one of"),
        ("qc", '{"minReads": -1}', "biojobs:qc.minReads: -1"),
        ("wait", "maybe", "biojobs:wait: 'maybe': write true or false"),
        ("batchBases", "10.5", "biojobs:batchBases: '10.5': write a whole number"),
        ("sheet", "samples/none.csv", "biojobs:sheet: 'samples/none.csv' is not a file"),
        ("registry", "http://localhost:5000", "host[:port][/path] in lower case without a scheme"),
        ("registry", "localhost:5000/$(id)", "without a scheme"),
        ("context", "a b; rm", "kubectl config get-contexts"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_key_value_and_remedy(key: str, value: str, said: str) -> None:
    assert any(said in problem for problem in problems(**{key: value}))


def test_all_problems_are_told_at_once() -> None:
    assert len(problems(region="x", sheeet="y", wait="z", batchBases="w")) == 4


def test_quantities_are_written_as_kubernetes_writes_them() -> None:
    sizes = '{"large": {"cpu": "2000m", "memory": "4096Mi", "scratch": "1024Gi"}}'
    large = load({"biojobs:cloud": "local", "biojobs:classes": sizes}, "local", ROOT).classes.large
    assert (large.cpu, large.memory, large.scratch) == ("2", "4Gi", "1Ti")


def test_quantities() -> None:
    assert (parse_bytes("512Mi"), parse_bytes("2Gi"), parse_cpu("500m"), parse_cpu("3")) == (2**29, 2**31, 500, 3000)


def test_the_documentation_of_the_settings_is_up_to_date() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == markdown(), "run `make docs`"
    assert (ROOT / "docs" / "settings.schema.json").read_text() == schema(), "run `make docs`"


@pytest.mark.parametrize("stack", ["local", "aws", "gcp"])
def test_every_stack_file_loads(stack: str) -> None:
    stack_file = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    config = {key: value if isinstance(value, str) else json.dumps(value) for key, value in stack_file.items()}
    assert load(config, stack, ROOT).cloud == stack


AWS = {"biojobs:cloud": "aws", "biojobs:region": "eu-west-1", "biojobs:adminCidrs": '["198.51.100.7/32"]'}


def test_a_pool_of_which_one_thing_is_said_keeps_its_other_defaults() -> None:
    pools = load({**AWS, "biojobs:pools": '{"system": {"max": 9}}'}, "aws", ROOT).aws.pools
    assert (pools.system.max, pools.system.min, pools.system.disk_gib) == (9, 2, 50)


def test_numbers_are_taken_as_pulumi_hands_them_over() -> None:
    assert load({**AWS, "biojobs:logDays": "60"}, "aws", ROOT).aws.log_days == 60


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("region", "", "biojobs:region: '': must match"),
        ("adminCidrs", '["0.0.0.0/0"]', "anyone on the internet"),
        ("adminCidrs", '["10.0.0.300/32"]', "write a network such as"),
        ("network", '{"cidr": "100.0.0.0/16"}', "use a private range"),
        ("network", '{"cidr": "10.0.0.0/24"}', "between /16 and /20"),
        ("network", '{"cidr": "10.0.0.1/16"}', "has host bits set"),
        ("network", '{"zones": ["eu-west-1a"]}', "at least two zones"),
        ("network", '{"vpcId": "vpc-0123456789abcdef0"}', "vpcId and privateSubnetIds go together"),
        ("network", '{"nat": "none"}', "set biojobs:mirror to true"),
        ("pools", '{"spotLarge": {"min": 3, "max": 1}}', "max 1 is less than min 3"),
        ("pools", '{"spotLarge": {"types": ["m5.24xlarge", "m5.24xlarge"]}}', "named twice"),
        ("pools", '{"spotLarge": {"types": ["96 cores"]}}', "write an EC2 instance type"),
        ("buckets", '{"results": "s3://mine"}', "without s3://"),
        ("kubernetes", "1.29", "standard support"),
        ("kubernetes", "1.35.2", "standard support"),
        ("monthlyBudget", "100", "100: needs biojobs:alertEmail"),
        ("logDays", "31", "CloudWatch keeps logs for"),
    ],
)
def test_what_aws_cannot_take_is_refused_with_key_value_and_remedy(key: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match="biojobs:") as error:
        load({**AWS, f"biojobs:{key}": value}, "aws", ROOT)
    assert str(error.value).startswith(f"biojobs:{key}")
    assert said in str(error.value)


GCP = {
    **{"biojobs:cloud": "gcp", "biojobs:project": "my-genomes", "biojobs:region": "europe-west4"},
    "biojobs:adminCidrs": '["8.8.4.0/24"]',
}
AUTOPILOT = {"biojobs:gke": "autopilot"}


@pytest.mark.parametrize(
    ("key", "value", "more", "said"),
    [
        ("project", "123456789012", {}, "is a project's number; write its id"),
        ("project", "My Genomes", {}, "perhaps a project's name"),
        ("project", "genes", {}, "6 to 30"),
        ("region", "europe-west4-a", {}, "must match"),
        ("gke", "fargate", {}, "use one of 'standard' or 'autopilot'"),
        ("adminCidrs", '["0.0.0.0/0"]', {}, "anyone on the internet"),
        ("network", '{"cidr": "10.0.0.0/24"}', {}, "between /12 and /20"),
        ("network", '{"cidr": "8.0.0.0/14"}', {}, "use a private range"),
        ("network", '{"name": "Default"}', {}, "must match"),
        ("network", '{"nat": false}', {}, "set biojobs:mirror to true"),
        ("pools", '{"huge": {"max": 3}}', AUTOPILOT, "Autopilot has no node pools; remove the key"),
        ("pools", '{"huge": {"min": 3, "max": 1}}', {}, "max 1 is less than min 3"),
        ("pools", '{"huge": {"types": ["96 cores"]}}', {}, "must match"),
        ("pools", '{"enormous": {"max": 3}}', {}, "is not a key here"),
        ("zones", '["europe-west1-b"]', {}, "'europe-west1-b': not in europe-west4"),
        ("zones", '["europe-west4-a", "europe-west4-a"]', {}, "a zone is named twice"),
        ("buckets", '{"results": "gs://mine"}', {}, "without s3:// or gs://"),
        ("buckets", '{"softDeleteDays": 3}', {}, "greater than or equal to 7"),
        ("registry", "docker.io", {}, "use one of 'pkg.dev' or 'gcr.io'"),
        ("monthlyBudget", "100", {"biojobs:alertEmail": "a@example.org"}, "100: needs biojobs:alertEmail and"),
        ("billingAccount", "mine", {}, "must match"),
    ],
)
def test_what_google_cloud_cannot_take_is_refused_with_key_value_and_remedy(
    key: str, value: str, more: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match="biojobs:") as error:
        load({**GCP, **more, f"biojobs:{key}": value}, "gcp", ROOT)
    assert str(error.value).startswith(f"biojobs:{key}")
    assert said in str(error.value)


@pytest.mark.parametrize("key", ["project", "region", "adminCidrs"])
def test_what_google_cloud_must_be_told_is_missed(key: str) -> None:
    with pytest.raises(SettingsError, match=f"biojobs:{key}: is missing"):
        load({name: value for name, value in GCP.items() if name != f"biojobs:{key}"}, "gcp", ROOT)


def test_a_pool_of_google_cloud_keeps_what_is_not_said() -> None:
    pools = load({**GCP, "biojobs:pools": '{"spotLarge": {"max": 5}}'}, "gcp", ROOT).gcp.pools
    assert pools.spot_large.max == 5
    assert pools.spot_large.types == ("n2-standard-96", "n2d-standard-96", "c3-standard-88")
    assert "gpu" not in pools.named()
