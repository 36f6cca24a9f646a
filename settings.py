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


FastqcModule = Literal[
    "Basic Statistics",
    "Per base sequence quality",
    "Per tile sequence quality",
    "Per sequence quality scores",
    "Per base sequence content",
    "Per sequence GC content",
    "Per base N content",
    "Sequence Length Distribution",
    "Sequence Duplication Levels",
    "Overrepresented sequences",
    "Adapter Content",
]


class SizeClass(Model):
    """What one step of a class may use. Threads, sort memory and heap sizes follow from it."""

    cpu: Cpu = Field(description="CPU that is reserved for a step, such as 2 or 1500m; threads are this, rounded up.")
    memory: Bytes = Field(description="Memory of a step (request and limit); doubled once after an out-of-memory kill.")
    scratch: Bytes = Field(description="Scratch space of a step; a step that outgrows it is stopped.")

    @property
    def threads(self) -> int:
        """Whole threads."""
        return math.ceil(parse_cpu(self.cpu) / 1000)

    @property
    def memory_mib(self) -> int:
        """Memory in mebibytes."""
        return parse_bytes(self.memory) // 2**20


class SizeClasses(Model):
    """The size classes that steps name; a step never names a machine."""

    small: SizeClass = Field(
        default=SizeClass(cpu="500m", memory="1Gi", scratch="10Gi"),
        description="FastQC, the QC gate, run records.",
    )
    large: SizeClass = Field(
        default=SizeClass(cpu="1500m", memory="4Gi", scratch="50Gi"),
        description="Alignment, sorting and indexing of reads.",
    )
    huge: SizeClass = Field(
        default=SizeClass(cpu="1", memory="4Gi", scratch="20Gi"),
        description="Building a reference's index: about 28 bytes of memory a base.",
    )


class Qc(Model):
    """The gate between FastQC and alignment. A sample that does not pass stops there; the others go on."""

    must_not_fail: tuple[FastqcModule, ...] = Field(
        default=("Basic Statistics", "Per base sequence quality"),
        description="FastQC modules whose verdict must not be FAIL.",
    )
    min_reads: int = Field(default=1, ge=0, description="Least number of reads in each FASTQ file.")
    min_mean_quality: float = Field(
        default=20.0, ge=0, le=60, description="Least mean base quality (Phred) of each FASTQ file."
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
    settings = _parse(Settings, {**values, "stack": stack, "target": target or Local()}, problems)
    if isinstance(settings, Settings):
        problems += _missing_files(settings, root) + _impossible_sizes(settings)
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


def _impossible_sizes(settings: Settings) -> list[str]:
    problems: list[str] = []
    for name in SizeClasses.model_fields:
        size: SizeClass = getattr(settings.classes, name)
        key = f"biojobs:classes.{name}"
        if size.memory_mib < MIN_MEMORY_MIB:
            problems.append(f"{key}.memory: {size.memory!r}: the tools need at least {MIN_MEMORY_MIB}Mi; raise it")
        if parse_bytes(size.memory) > parse_bytes(settings.quota.memory):
            problems.append(f"{key}.memory: {size.memory!r}: is over biojobs:quota.memory {settings.quota.memory!r}")
        if parse_cpu(size.cpu) > parse_cpu(settings.quota.cpu):
            problems.append(f"{key}.cpu: {size.cpu!r}: is over biojobs:quota.cpu {settings.quota.cpu!r}")
    return problems


def from_pulumi() -> Settings:
    """The settings of the stack that Pulumi is running, from the project in the working directory."""
    import pulumi
    from pulumi.runtime.config import CONFIG

    # pulumi.Config reads one known key at a time; refusing unknown ones takes the whole mapping.
    return load(CONFIG.get(), pulumi.get_stack(), Path.cwd())
