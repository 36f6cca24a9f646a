"""What a stack runs, as manifests: settings and located inputs in, Workflows out. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import get_args

from components.archives import environment
from components.budget import budget
from components.contracts import Cloud
from components.inputs import Inputs
from components.names import (
    NAMESPACE,
    NOTIFY_SECRET,
    NOTIFY_WEBHOOK,
    RUNNER,
    STORE_ACCESS_KEY,
    STORE_SECRET,
    STORE_SECRET_KEY,
)
from settings import Settings
from settings_notify import Notify
from workflows.alignment import AlignmentRules
from workflows.graphs import Templates
from workflows.jobs import jobs
from workflows.reference import reference, reference_uri
from workflows.sample import SampleRules, sample_run, sample_steps
from workflows.samples import MAX_NAME, Sample
from workflows.sheet import SheetRules, sheet_run
from workflows.steps import Step
from workflows.types import (
    Aligner,
    Manifest,
    Notification,
    Platform,
    QcRules,
    Size,
    SizeName,
    StoreAccess,
    StoreUris,
    VariantRules,
)

_SIZES: tuple[SizeName, ...] = get_args(SizeName)


@dataclass(frozen=True)
class Manifests:
    """The Workflows of a sheet on a platform, and the templates of single jobs."""

    settings: Settings
    inputs: Inputs
    platform: Platform

    def reference(self) -> Manifest:
        """Indexes the reference."""
        return reference(self.inputs.fasta, self.platform)

    def samples(self, group: Sequence[Sample]) -> Manifest:
        """Runs a group of samples."""
        return sample_run([self.inputs.reads(sample) for sample in group], self._wanted, self._templates)

    def steps(self, sample: Sample) -> list[Step]:
        """The steps of a sample."""
        return sample_steps(self.inputs.reads(sample), self._wanted, self.platform)

    def sheet(self) -> Manifest:
        """Makes what there is of all samples together."""
        joint = self._variants if self.settings.joint else None
        samples = [self.inputs.reads(sample) for sample in self.inputs.samples]
        steps = sample_steps(samples[0], self._wanted, self.platform)
        priced: dict[str, SizeName] = {step.name: step.size for step in steps}
        wanted = SheetRules(self._rules, self.settings.multiqc, joint, priced)
        return sheet_run(sheet_name(self.settings), samples, wanted, self.platform)

    def jobs(self) -> Mapping[str, Manifest]:
        """Templates of single jobs."""
        return jobs(self._rules, self._variants, self.platform)

    @cached_property
    def _templates(self) -> Templates:
        return Templates(self.platform)

    @property
    def _wanted(self) -> SampleRules:
        calls = self._variants if self.settings.variants.call and not self.settings.joint else None
        return SampleRules(self._qc, self._rules, calls, sheet_name(self.settings))

    @property
    def _rules(self) -> AlignmentRules:
        fasta, own = self.inputs.fasta, self.settings.aligner
        return AlignmentRules(
            reference=reference_uri(fasta, self.platform),
            batch_bases=self.settings.batch_bases,
            duplicates="mark" if self.settings.mark_duplicates else "keep",
            reads=self.settings.reads_access,
            # A plain FASTA file is about as long as its genome; how much a packed one holds is not known beforehand.
            bases=0 if fasta.uri.endswith(".gz") else fasta.size,
            aligner=Aligner(own.image, own.command, own.class_) if own else None,
        )

    @property
    def _qc(self) -> QcRules:
        qc = self.settings.qc
        return QcRules(qc.must_not_fail, qc.min_reads, qc.min_mean_quality)

    @property
    def _variants(self) -> VariantRules:
        chosen = self.settings.variants
        return VariantRules(chosen.ploidy, max(1, round(chosen.shard_minutes * 60)), chosen.most_shards)


def sheet_name(settings: Settings) -> str:
    """`samples/cohort-7.csv` -> `cohort-7`, with only characters that a label and a path may hold."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", PurePath(settings.sheet).stem).strip("-._")
    return stem[:MAX_NAME].strip("-._") or "sheet"


def platform(settings: Settings, cloud: Cloud, images: Mapping[str, str]) -> Platform:
    """What manifests need to know of this stack."""
    secret_env = {
        "AWS_ACCESS_KEY_ID": (STORE_SECRET, STORE_ACCESS_KEY),
        "AWS_SECRET_ACCESS_KEY": (STORE_SECRET, STORE_SECRET_KEY),
    }
    stub, uris, places = settings.profile == "stub", cloud.store.uris, cloud.cluster.placements
    # What stubs leave is never taken for a result.
    store = StoreUris(uris.reads, f"{uris.reference}/_stub", f"{uris.results}/_stub") if stub else uris
    env = {**cloud.store.env, **environment(settings.archives)}
    return Platform(
        namespace=NAMESPACE,
        stack=settings.stack,
        service_account=RUNNER,
        images=images,
        sizes={name: _size(settings, name) for name in _SIZES},
        # Nor does it need a big machine.
        placements=dict.fromkeys(_SIZES, places["small"]) if stub else places,
        store=store,
        access=StoreAccess(env, secret_env if cloud.store.endpoint else {}),
        stub=stub,
        notification=_notification(settings.notify),
        budget=budget(settings),
    )


def _notification(wanted: Notify | None) -> Notification | None:
    return Notification((NOTIFY_SECRET, NOTIFY_WEBHOOK), wanted.on) if wanted else None


def _size(settings: Settings, name: SizeName) -> Size:
    size = getattr(settings.classes, name)
    return Size(size.cpu, size.threads, size.memory_mib, size.scratch, size.gpus, size.most_mib)
