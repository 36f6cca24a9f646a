"""The stack's settings: the only reader of `pulumi.Config`.

`load` turns the flat `biojobs:*` keys of `Pulumi.<stack>.yaml` into one frozen, typed `Settings`, or raises
`SettingsError` with every problem at once, each naming the key, the value and the remedy.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast

from pydantic import AfterValidator, Field, ValidationError

import versions
from quantities import Bytes, Cpu, parse_bytes, parse_cpu
from settings_aws import Aws
from settings_errors import explain, unknown_key
from settings_gcp import Gcp
from settings_model import Model
from settings_pipeline import Aligner, Archives, Checksum, Qc, Variants
from settings_profiles import PROFILES, ProfileName, whose, with_profile

MIN_MEMORY_MIB: Final = 512
"""FastQC's Java heap is 250 MB a file and needs room around it; nothing smaller finishes."""


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


class SizeClass(Model):
    """What one step of a class may use. Threads, sort memory and heap sizes follow from it."""

    cpu: Cpu = Field(description="CPU that is reserved for a step, such as 2 or 1500m; threads are this, rounded up.")
    memory: Bytes = Field(description="Memory of a step (request and limit); doubled once after an out-of-memory kill.")
    scratch: Bytes = Field(description="Scratch space of a step; a step that outgrows it is stopped.")
    gpus: int = Field(default=0, ge=0, le=16, description="GPUs of a step, as the resource nvidia.com/gpu.")

    @property
    def threads(self) -> int:
        """Whole threads."""
        return math.ceil(parse_cpu(self.cpu) / 1000)

    @property
    def memory_mib(self) -> int:
        """Memory in mebibytes."""
        return parse_bytes(self.memory) // 2**20


def _usual(name: str) -> SizeClass:
    return SizeClass.model_validate(PROFILES["local"]["classes"][name])


class SizeClasses(Model):
    """The size classes that steps name; a step never names a machine."""

    small: SizeClass = Field(
        default=_usual("small"),
        description="FastQC, the QC gate, run records.",
    )
    large: SizeClass = Field(
        default=_usual("large"),
        description="Alignment, sorting and indexing of reads.",
    )
    huge: SizeClass = Field(
        default=_usual("huge"),
        description="Building a reference's index: 29 bytes of memory a base.",
    )
    gpu: SizeClass = Field(
        default=_usual("gpu"),
        description="An aligner of your own, if it names this class.",
    )


class Quota(Model):
    """The most that all steps together may use at once, so that a stray manifest cannot run up a bill."""

    cpu: Cpu = Field(default="400", description="Sum of the CPU reserved by all pods.")
    memory: Bytes = Field(default="2Ti", description="Sum of the memory of all pods.")
    pods: int = Field(
        default=1000,
        ge=10,
        le=100_000,
        description="Pods at once, finished ones included until they are removed.",
    )


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
    qc: Qc = Field(default=Qc(), description="Rules of the QC gate.")
    classes: SizeClasses = Field(default=SizeClasses(), description="CPU, memory and scratch of each size class.")
    quota: Quota = Field(default=Quota(), description="The namespace's resource quota.")
    base_image: str = Field(
        default=versions.BASE_IMAGE,
        min_length=1,
        description="Base of our own images; pin it by digest in production.",
    )
    stack: str = Field(exclude=True, description="Name of the stack; not a key.")
    target: Local | Aws | Gcp = Field(exclude=True, description="The cloud's own keys; not a key.")

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
                problems.append(f"biojobs:{key}: {raw!r} is not valid JSON ({error}); write it as a YAML mapping")
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
        problems += _missing_files(settings, root) + _impossible_sizes(settings, values)
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


def _impossible_sizes(settings: Settings, said: Mapping[str, Any]) -> list[str]:
    """Sizes that no step can run with; `said` is the stack file's part, without the profile's."""
    problems: list[str] = []
    quota = settings.quota
    for name in SizeClasses.model_fields:
        size: SizeClass = getattr(settings.classes, name)
        key = f"biojobs:classes.{name}"
        memory, cpu = (
            f"{key}.{field}: {value!r}{whose(settings.profile, said, 'classes', name, field)}"
            for field, value in (("memory", size.memory), ("cpu", size.cpu))
        )
        if size.memory_mib < MIN_MEMORY_MIB:
            problems.append(f"{memory}: the tools need at least {MIN_MEMORY_MIB}Mi; raise it")
        if parse_bytes(size.memory) > parse_bytes(quota.memory):
            problems.append(f"{memory}: is over biojobs:quota.memory {quota.memory!r}")
        if parse_cpu(size.cpu) > parse_cpu(quota.cpu):
            problems.append(f"{cpu}: is over biojobs:quota.cpu {quota.cpu!r}")
    return problems


def from_pulumi() -> Settings:
    """The settings of the stack that Pulumi is running, from the project in the working directory."""
    import pulumi
    from pulumi.runtime.config import CONFIG

    # pulumi.Config reads one known key at a time; refusing unknown ones takes the whole mapping.
    return load(CONFIG.get(), pulumi.get_stack(), Path.cwd())
