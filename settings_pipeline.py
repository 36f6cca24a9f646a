"""Settings of the pipelines: QC, alignment, variants, archives."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from settings_cloud import checked_bucket
from settings_model import Model

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


class Variants(Model):
    """Calling of variants with freebayes, by regions that are cut by depth."""

    call: bool = Field(default=True, description="Call variants of every sample, or of all together with `joint`.")
    ploidy: int = Field(default=2, ge=1, le=16, description="Copies of the genome in a sample.")
    joint: bool = Field(
        default=False, description="Call all samples of the sheet together, into one VCF, when all are aligned."
    )
    shard_minutes: float = Field(
        default=10, ge=0.1, le=720, description="How long the calling of one shard should take; a longer one is split."
    )
    most_shards: int = Field(default=200, ge=1, le=2000, description="Most shards that a genome is cut into.")


def checked_image(value: str) -> str:
    """An image reference."""
    if not re.fullmatch(r"[a-z0-9][A-Za-z0-9._:/@-]*", value):
        raise ValueError("write an image's reference, such as registry.example/aligner:1.2 or one by digest")
    return value


class Aligner(Model):
    """An aligner of your own in the place of bwa-mem2; docs/pipelines/own-aligner.md says what it finds and leaves."""

    image: Annotated[str, AfterValidator(checked_image)] = Field(description="Image, at best by digest.")
    command: tuple[str, ...] = Field(min_length=1, description="Command and arguments, a word each.")
    class_: Literal["small", "large", "huge", "gpu"] = Field(
        default="gpu", alias="class", description="Size class of its pods."
    )


Usd = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]


class Prices(Model):
    """Prices of one's own. A step costs its share of its node: the largest of its parts of CPU, memory and scratch.

    What nodes a local cluster has is not known: there a price is that of an hour of a step.
    """

    small: Usd | None = Field(default=None, description="USD an hour of a node of `small` steps; on local, of a step.")
    large: Usd | None = Field(default=None, description="USD an hour of a node of `large` steps; on local, of a step.")
    huge: Usd | None = Field(default=None, description="USD an hour of a node of `huge` steps; on local, of a step.")
    gpu: Usd | None = Field(default=None, description="USD an hour of a node of `gpu` steps; on local, of a step.")


def checked_checksum(value: str) -> str:
    """`none`, or a checksum with its kind."""
    if value != "none" and not re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", value):
        raise ValueError("write md5: and 32, or sha256: and 64 hexadecimal digits in lower case")
    return value


Checksum = Annotated[str, AfterValidator(checked_checksum)]


def _checked_archive(value: str) -> str:
    """A bucket's name, of S3 or of Cloud Storage."""
    if not value:
        raise ValueError("write a bucket's name, such as 1000genomes")
    return checked_bucket(value, "._")


def _checked_endpoint(value: str) -> str:
    """Address of a server, or nothing."""
    if value and not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?", value):
        raise ValueError("write https://host, without a slash at its end")
    return value


ArchiveBucket = Annotated[str, AfterValidator(_checked_archive)]
Endpoint = Annotated[str, AfterValidator(_checked_endpoint)]


class Archives(Model):
    """Buckets of others, read where they are; docs/pipelines/reads.md says how."""

    public: tuple[ArchiveBucket, ...] = Field(
        default=("1000genomes", "broad-references", "gcp-public-data--broad-references", "genomics-public-data"),
        description="Buckets, of S3 (`s3://`) and of Cloud Storage (`gs://`), that everybody may read: they are read "
        "without credentials, on every cloud.",
    )
    requester_pays: tuple[ArchiveBucket, ...] = Field(
        default=(),
        description="Buckets of S3 whose readers pay: steps on AWS read them with the stack's role, on its account's "
        "bill.",
    )
    s3_endpoint: Endpoint = Field(
        default="", description="Mirror from which public and requester-pays buckets of S3 are read in AWS's place."
    )
    gs_endpoint: Endpoint = Field(
        default="", description="Mirror from which public buckets of Cloud Storage are read in Google's place."
    )

    @model_validator(mode="after")
    def _either(self) -> Archives:
        if both := sorted({*self.public} & {*self.requester_pays}):
            raise ValueError(f"{', '.join(both)}: is public and requesterPays; name it in one of them")
        return self
