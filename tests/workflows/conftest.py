"""Values that the workflow tests share."""

import pytest

from workflows.alignment import AlignmentRules, LaneReads, SampleReads
from workflows.types import Placement, Platform, QcRules, Size, Source, StoreAccess, StoreUris


@pytest.fixture
def platform() -> Platform:
    size = Size("2", 2, 4096, "50Gi")
    return Platform(
        namespace="biojobs",
        stack="local",
        service_account="runner",
        images={
            "fastqc": "registry.example/biojobs/fastqc@sha256:" + "1" * 64,
            "bwa-mem2": "registry.example/biojobs/bwa-mem2@sha256:" + "2" * 64,
        },
        sizes={"small": Size("500m", 1, 1024, "10Gi"), "large": size, "huge": size},
        placements={
            "small": Placement(),
            "large": Placement(
                {"biojobs/pool": "spot-large"},
                ({"key": "biojobs/pool", "operator": "Equal", "value": "spot-large", "effect": "NoSchedule"},),
                last_try={"biojobs/pool": "on-demand-large"},
                reserves_scratch=True,
            ),
            "huge": Placement(),
        },
        store=StoreUris("s3://reads", "s3://reference", "s3://results"),
        access=StoreAccess(
            {"BIOJOBS_S3_ENDPOINT": "http://store:9000"}, {"AWS_ACCESS_KEY_ID": ("store", "access-key")}
        ),
    )


@pytest.fixture
def rules() -> AlignmentRules:
    return AlignmentRules("s3://reference/lambda-0123", QcRules(("Basic Statistics",), 1, 20.0), 100_000_000)


@pytest.fixture
def sample() -> SampleReads:
    return SampleReads("NA12878", (lane("L001"), lane("L002")))


def lane(name: str, identity: str = "7-1") -> LaneReads:
    files = (Source(f"s3://reads/{name}_{read}.fq.gz", identity) for read in (1, 2))
    first, second = files
    return LaneReads(name, "lib1", "ILLUMINA", (first, second))
