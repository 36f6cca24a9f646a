"""Values that the workflow tests share."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from workflows.alignment import AlignmentRules
from workflows.graphs import Templates
from workflows.sample import SampleRules, sample_run
from workflows.types import (
    LaneReads,
    Manifest,
    Placement,
    Platform,
    QcRules,
    SampleReads,
    Size,
    Source,
    StoreAccess,
    StoreUris,
    VariantRules,
)

RULES = AlignmentRules("s3://reference/lambda-0123", 100_000_000)
QC = QcRules(("Basic Statistics",), 1, 20.0)
CALLS = VariantRules(ploidy=2, shard_seconds=600, most=200)


def lane(name: str, identity: str = "7-1") -> LaneReads:
    first, second = (Source(f"s3://reads/{name}_{read}.fq.gz", identity) for read in (1, 2))
    return LaneReads(name, "lib1", "ILLUMINA", (first, second))


@dataclass(frozen=True)
class Run:
    """A sample's run, of which a test changes one thing."""

    platform: Platform
    sample: SampleReads = field(default_factory=lambda: SampleReads("NA12878", (lane("L001"), lane("L002"))))
    qc: QcRules = QC
    rules: AlignmentRules = RULES
    calls: VariantRules | None = CALLS

    def manifest(self) -> Manifest:
        return self.together([self.sample])

    def together(self, samples: Sequence[SampleReads]) -> Manifest:
        """The Workflow of several samples, run like this one."""
        return sample_run(samples, SampleRules(self.qc, self.rules, self.calls, "cohort"), Templates(self.platform))

    def but(self, **changed: object) -> "Run":
        return replace(self, **changed)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def platform() -> Platform:
    size = Size("2", 2, 4096, "50Gi")
    images = ("fastqc", "bwa-mem2", "variants", "multiqc")
    return Platform(
        namespace="biojobs",
        stack="local",
        service_account="runner",
        images={name: f"registry.example/biojobs/{name}@sha256:{n}" + 63 * f"{n}" for n, name in enumerate(images, 1)},
        sizes={"small": Size("500m", 1, 1024, "10Gi"), "large": size, "huge": size, "gpu": replace(size, gpus=1)},
        placements={
            "small": Placement(),
            "large": Placement(
                {"biojobs/pool": "spot-large"},
                ({"key": "biojobs/pool", "operator": "Equal", "value": "spot-large", "effect": "NoSchedule"},),
                last_try={"biojobs/pool": "on-demand-large"},
                reserves_scratch=True,
            ),
            "huge": Placement(),
            "gpu": Placement({"biojobs/pool": "gpu"}),
        },
        store=StoreUris("s3://reads", "s3://reference", "s3://results"),
        access=StoreAccess(
            {"BIOJOBS_S3_ENDPOINT": "http://store:9000"}, {"AWS_ACCESS_KEY_ID": ("store", "access-key")}
        ),
    )


@pytest.fixture
def run(platform: Platform) -> Run:
    return Run(platform)
