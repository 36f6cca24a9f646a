"""The stack's settings: the only reader of `pulumi.Config`.

`load` turns the flat `biojobs:*` keys of `Pulumi.<stack>.yaml` into one frozen, typed `Settings`, or raises
`SettingsError` with every problem at once, each naming the key, the value and the remedy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast

from pydantic import AfterValidator, Field, ValidationError

import versions
from settings_aws import Aws
from settings_errors import explain, shown, unknown_key
from settings_gcp import Gcp
from settings_model import Model
from settings_notify import Notify
from settings_pipeline import Aligner, Archives, Checksum, Prices, Qc, Variants
from settings_profiles import ProfileName, with_profile
from settings_sizes import Quota, SizeClasses, impossible_sizes


class SettingsError(Exception):
    """One or more settings cannot be used; the message lists them all."""


def _checked_context(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][-A-Za-z0-9._:/@]*", value):
        raise ValueError("name a context that `kubectl config get-contexts` lists")
    return value


def _checked_registry(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9.-]+(:\d{1,5})?(/[a-z0-9._-]+)*", value):
        raise ValueError("write host[:port][/path] in lower case without a scheme, such as localhost:5050/biojobs")
    return value


class Local(Model):
    """Keys of the `local` cloud: any cluster of a kubeconfig, a registry it can pull from, a folder of its node."""

    context: Annotated[str, AfterValidator(_checked_context)] = Field(
        default="biojobs-sandbox",
        description="Context of the kubeconfig (`$KUBECONFIG`). The default is the sandbox's; with another one, "
        "such as kind-dev, no sandbox is started.",
    )
    registry: Annotated[str, AfterValidator(_checked_registry)] = Field(
        default="localhost:5050/biojobs",
        description="Registry and path that images are pushed to and that the cluster's nodes pull from.",
    )
    workspace: str = Field(
        default="workspace",
        min_length=1,
        description="Folder of reads/, reference/ and results/, relative to the project or absolute. The cluster's "
        "node must see it under the same path.",
    )


CLOUDS: Final[dict[str, type[Model]]] = {"local": Local, "aws": Aws, "gcp": Gcp}


class Settings(Model):
    """Keys of every stack, and the selected cloud's own under `target`."""

    cloud: Literal["local", "aws", "gcp"] = Field(description="Where the stack lives.")
    sheet: str = Field(
        default="samples/na12878.csv",
        min_length=1,
        description="Sample sheet (CSV), relative to the project or absolute.",
    )
    reference: str = Field(
        default="samples/na12878-chr22/reference.fa",
        min_length=1,
        description="Reference genome (FASTA, plain or gzip): s3://, gs://, https://, or a path of the workspace "
        "or project.",
    )
    reference_checksum: Checksum = Field(
        default="none",
        description="Checksum of the reference's file as it lies there: `md5:...` or `sha256:...`. With one, the index "
        "is shared by all that name the same content, wherever they read it from.",
    )
    profile: ProfileName = Field(
        default="local",
        description="Defaults of other keys, see Profiles; `cloud` by itself where the cloud is aws or gcp. With "
        "`stub` steps compute nothing and leave a word as results, apart from real ones: a sheet is tried in a minute.",
    )
    wait: bool = Field(
        default=True,
        description="Follow the runs until they end, and fail the `up` when one of them has failed.",
    )
    batch_bases: int = Field(
        default=100_000_000,
        ge=100_000,
        le=10_000_000_000,
        description="Bases that bwa-mem2 takes at a time (`-K`). Fixed, so that results do not depend on threads.",
    )
    reads_access: Literal["stream", "stage"] = Field(
        default="stream",
        description="How reads come to the aligner: straight from the store, or by a copy that is checked before.",
    )
    archives: Archives = Field(default=Archives(), description="Buckets of others that reads and references lie in.")
    mark_duplicates: bool = Field(default=True, description="Mark duplicates in the BAM (fixmate and markdup).")
    aligner: Aligner | None = Field(default=None, description="An aligner of your own in the place of bwa-mem2.")
    variants: Variants = Field(default=Variants(), description="Calling of variants.")
    multiqc: bool = Field(default=True, description="One MultiQC page of all samples of the sheet.")
    group_size: int = Field(
        default=1,
        ge=1,
        le=100,
        description="Most samples that one Workflow runs. With more than some hundred samples take 50: Kubernetes and "
        "Pulumi then have hundreds of objects to look after, not thousands; see docs/pipelines/scale.md.",
    )
    samples_at_once: int = Field(
        default=100,
        ge=1,
        le=10_000,
        description="Most samples that run at once; the others wait for their turn. Takes effect while runs go on.",
    )
    qc: Qc = Field(default=Qc(), description="Rules of the QC gate.")
    classes: SizeClasses = Field(default=SizeClasses(), description="CPU, memory and scratch of each size class.")
    prices: Prices = Field(default=Prices(), description="Prices that costs are modelled with, before a cloud's list.")
    budget: float | None = Field(
        default=None,
        gt=0,
        le=100_000_000,
        allow_inf_nan=False,
        description="USD that the samples of the sheet may cost, as modelled. Beyond it none is begun; those that have "
        "begun go on.",
    )
    notify: Notify | None = Field(default=None, description="Whom to tell when the sheet ends or a sample fails.")
    quota: Quota = Field(default=Quota(), description="The namespace's resource quota.")
    base_image: str = Field(
        default=versions.BASE_IMAGE,
        min_length=1,
        description="Base of our own images; pin it by digest in production.",
    )
    stack: str = Field(exclude=True, description="Name of the stack; not a key.")
    target: Local | Aws | Gcp = Field(exclude=True, description="The cloud's own keys; not a key.")

    @property
    def has_sheet_run(self) -> bool:
        """Whether there is a run of the sheet's own, beside those of its samples."""
        told = self.notify is not None and "sheet-ended" in self.notify.on
        return self.multiqc or self.joint or told or self.budget is not None

    @property
    def joint(self) -> bool:
        """Whether variants of all samples are called together."""
        return self.variants.call and self.variants.joint

    @property
    def local(self) -> Local:
        """The `local` cloud's keys."""
        return cast(Local, self.target)

    @property
    def aws(self) -> Aws:
        """The `aws` cloud's keys."""
        return cast(Aws, self.target)

    @property
    def gcp(self) -> Gcp:
        """The `gcp` cloud's keys."""
        return cast(Gcp, self.target)


COMMON_KEYS: Final = frozenset(
    field.alias or name for name, field in Settings.model_fields.items() if name not in ("stack", "target")
)


def keys_of(model: type[Model]) -> frozenset[str]:
    """The keys of a settings model, as they are written in a stack file."""
    return frozenset(field.alias or name for name, field in model.model_fields.items())


def _values(config: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    """The `biojobs:*` keys with structured values decoded; anything that is not JSON there is a problem."""
    values: dict[str, Any] = {}
    for full_key, raw in sorted(config.items()):
        namespace, _, key = full_key.partition(":")
        if namespace != "biojobs":
            continue
        values[key] = raw
        if raw[:1] in ("{", "["):
            try:
                values[key] = json.loads(raw)
            except json.JSONDecodeError as error:
                value = shown(key, raw)
                problems.append(f"biojobs:{key}: {value} is not valid JSON ({error}); write it as a YAML mapping")
    return values


def load(config: Mapping[str, str], stack: str, root: Path) -> Settings:
    """The settings of a stack.

    `config` maps full keys (`biojobs:sheet`) to strings, structured values as JSON, as Pulumi hands them over;
    `root` is the project's folder. Raises `SettingsError` with all problems, one a line.
    """
    problems: list[str] = []
    values = _values(config, problems)
    cloud = values.get("cloud")
    target_model = CLOUDS.get(str(cloud))
    if target_model is None:
        remedy = f"set it in Pulumi.{stack}.yaml to one of {', '.join(CLOUDS)}"
        raise SettingsError(f"biojobs:cloud: {'is missing' if cloud is None else repr(cloud)}; {remedy}")
    by_cloud = {name: keys_of(model) for name, model in CLOUDS.items()}
    for key in sorted(set(values) - COMMON_KEYS - by_cloud[str(cloud)]):
        problems.append(unknown_key(key, values.pop(key), str(cloud), COMMON_KEYS, by_cloud))
    own = {key: values.pop(key) for key in list(values) if key in by_cloud[str(cloud)]}
    target = _parse(target_model, own, problems)
    filled = with_profile(values, str(cloud))
    settings = _parse(Settings, {**filled, "stack": stack, "target": target or Local()}, problems)
    if isinstance(settings, Settings):
        problems += _missing_files(settings, root) + impossible_sizes(
            settings.classes, settings.quota, settings.profile, values
        )
    if problems or not isinstance(settings, Settings):
        raise SettingsError("\n".join(problems))
    return settings


def _parse(model: type[Model], values: dict[str, Any], problems: list[str]) -> Model | None:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems += explain(error)
        return None


def _missing_files(settings: Settings, root: Path) -> list[str]:
    problems: list[str] = []
    if not (root / settings.sheet).is_file():
        problems.append(f"biojobs:sheet: {settings.sheet!r} is not a file; name a CSV file relative to the project")
    return problems


def from_pulumi() -> Settings:
    """The settings of the stack that Pulumi is running, from the project in the working directory."""
    import pulumi
    from pulumi.runtime.config import CONFIG

    # pulumi.Config reads one known key at a time; refusing unknown ones takes the whole mapping.
    return load(CONFIG.get(), pulumi.get_stack(), Path.cwd())
