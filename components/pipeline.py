"""The pipeline: a Workflow resource for the reference, every group of samples and the sheet, and single jobs."""

from __future__ import annotations

import asyncio
import functools
import operator
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as k8s

from components.contracts import Cloud
from components.inputs import Inputs
from components.names import NAMESPACE, labels
from components.runs import ClusterAccess, Runs, Shown, explain_edits, explain_failures, follow
from settings import Settings
from workflows.groups import at_once, groups
from workflows.samples import Sample
from workflows.status import RunStatus
from workflows.types import GROUPS_AT_ONCE, LIMITS, SAMPLES_AT_ONCE, Manifest

if TYPE_CHECKING:
    from components.manifests import Manifests

JOBS = ("fastqc", "align", "variants", "index")
"""Templates of single jobs."""


class Pipeline(pulumi.ComponentResource):
    """Runs a sheet: the reference's index first, then all samples at once and what is made of all of them.

    `runs` maps each sample to its Workflow. With `settings.wait`, `ended` resolves when all runs have ended and
    fails with what went wrong when one of them has failed; the reference is waited for in any case. `after` must
    be there before a run can start.
    """

    runs: pulumi.Output[Mapping[str, str]]
    ended: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        settings: Settings,
        cloud: Cloud,
        images: Mapping[str, pulumi.Output[str]],
        inputs: Inputs,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("biojobs:pipeline:Pipeline", name, None, opts)
        self._name, self._cloud, self._stack, self._settings = name, cloud, settings.stack, settings
        known = pulumi.Output.all(**images).apply(lambda refs: _manifests(settings, inputs, cloud, refs))
        self._templates(known, after)
        reference = self._workflow(f"{self._stack}-reference", known.apply(lambda made: made.reference()), after)
        indexed = self._after([reference])
        limits = self._limits(settings, after)
        samples = {
            tuple(sample.name for sample in group): self._workflow(
                # By its first sample: a group that stays the same is the same resource, wherever it stands.
                f"{name}-{group[0].name}",
                known.apply(functools.partial(_samples, group=group)),
                indexed.apply(lambda _: [reference, limits]),
            )
            for group in groups(inputs.samples, [sample.name for sample in inputs.samples], settings.group_size)
        }
        runs = list(samples.values())
        sheet: list[k8s.apiextensions.CustomResource] = []
        if settings.has_sheet_run:
            # It waits for the samples in the cluster, so that it is made of those that ended well when others did not.
            sheet = [self._workflow(f"{self._stack}-sheet", known.apply(lambda made: made.sheet()), runs, runs)]
        self.ended = self._after(runs, sheet, page=True) if settings.wait else pulumi.Output.from_input("not followed")
        started = pulumi.Output.all(*map(_name_of, runs))
        self.runs = started.apply(
            lambda names: {sample: name for group, name in zip(samples, names, strict=True) for sample in group}
        )
        self.register_outputs({"runs": self.runs})

    def _limits(self, settings: Settings, after: Sequence[pulumi.Resource]) -> k8s.core.v1.ConfigMap:
        """What Argo holds itself to, also while runs are going."""
        return k8s.core.v1.ConfigMap(
            f"{self._stack}-limits",
            metadata={"name": LIMITS, "namespace": NAMESPACE, "labels": labels(self._stack, "pipeline")},
            data=argo_limits(settings),
            opts=pulumi.ResourceOptions(parent=self, provider=self._cloud.cluster.provider, depends_on=after),
        )

    def _templates(self, known: pulumi.Output[Manifests], after: Sequence[pulumi.Resource]) -> None:
        """What single jobs are started from."""
        made = known.apply(lambda known: known.jobs())
        for job in JOBS:
            manifest = made.apply(operator.itemgetter(job))
            k8s.apiextensions.CustomResource(
                f"{self._stack}-job-{job}",
                api_version="argoproj.io/v1alpha1",
                kind="WorkflowTemplate",
                metadata={"name": job, "namespace": NAMESPACE, "labels": manifest.apply(_labels)},
                spec=manifest.apply(_spec),
                opts=pulumi.ResourceOptions(parent=self, provider=self._cloud.cluster.provider, depends_on=after),
            )

    def _workflow(
        self,
        name: str,
        manifest: pulumi.Output[Manifest],
        after: pulumi.Input[Sequence[pulumi.Resource]],
        of: Sequence[pulumi.Resource] = (),
    ) -> k8s.apiextensions.CustomResource:
        return k8s.apiextensions.CustomResource(
            name,
            api_version="argoproj.io/v1alpha1",
            kind="Workflow",
            # Only name and labels may be unknown in a preview; the provider must know the namespace.
            metadata={
                "name": manifest.apply(_name),
                "namespace": NAMESPACE,
                "labels": manifest.apply(_labels),
                # While a Workflow waits for its pods to be gone, Argo takes each one that goes for an interruption
                # and starts another, up to the limit of retries: a destroy could hang for a quarter of an hour.
                "annotations": {
                    "pulumi.com/deletionPropagationPolicy": "background",
                    # One that was made when its `up` was cut off is found by the next, and Argo has written to it.
                    "pulumi.com/patchForce": "true",
                },
            },
            spec=manifest.apply(_spec),
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=self._cloud.cluster.provider,
                depends_on=after,
                # The old run of samples is told to stop before the new one writes to the same place.
                delete_before_replace=True,
                # What is made of other runs is made anew with them.
                replace_with=list(of),
                # A Workflow that has started is Argo's: it takes no changes, and those of its content are a new one.
                ignore_changes=["metadata.annotations"],
            ),
        )

    def _after(
        self,
        runs: Sequence[k8s.apiextensions.CustomResource],
        besides: Sequence[k8s.apiextensions.CustomResource] = (),
        *,
        page: bool = False,
    ) -> pulumi.Output[str]:
        """Resolves when the runs have ended well; fails with everything that went wrong otherwise. Runs of `besides`
        are not counted unless they fail. With `page` their page is written before."""
        every = [*runs, *besides]
        names = pulumi.Output.all(*map(_name_of, every))
        urns = pulumi.Output.all(*(run.urn for run in every))
        if pulumi.runtime.is_dry_run():
            return pulumi.Output.from_input("preview")
        cluster = self._cloud.cluster
        found = pulumi.Output.all(names, urns, cluster.context, cluster.kubeconfig)
        return found.apply(
            lambda values: self._follow(dict(zip(values[0], every, strict=True)), len(runs), values, page=page)
        )

    async def _follow(
        self, runs: Mapping[str, k8s.apiextensions.CustomResource], counted: int, values: Sequence[Any], *, page: bool
    ) -> str:
        names, urns, context, kubeconfig = values
        access = Runs(ClusterAccess(context, kubeconfig))
        shown = Shown()

        def report(status: RunStatus) -> None:
            if shown.is_news(status):
                pulumi.log.info(status.progress, resource=runs[status.workflow], ephemeral=True)

        ended = await follow(access, names, report)
        if page:
            pulumi.log.info(await asyncio.to_thread(self._page, ClusterAccess(context, kubeconfig)))
        by_name = dict(zip(names, urns, strict=True))
        for line in explain_edits(ended, by_name):
            pulumi.log.warn(line)
        told = {name: ended[name] for at, name in enumerate(names) if at < counted or ended[name].failed}
        problem = explain_failures(access, told, by_name)
        if problem is not None:
            raise pulumi.RunError(problem)
        return f"{sum(len(run.each) for run in told.values())} done"

    def _page(self, access: ClusterAccess) -> str:
        # Imported here: drawing takes what no other part of the program needs.
        from reports.after import page_line

        return page_line(self._settings, Path.cwd(), access)


def _manifests(settings: Settings, inputs: Inputs, cloud: Cloud, images: Mapping[str, str]) -> Manifests:
    # Imported here: what makes manifests takes most of a second to load, and a preview of new images makes none.
    from components.manifests import Manifests, platform

    return Manifests(settings, inputs, platform(settings, cloud, images))


def argo_limits(settings: Settings) -> dict[str, str]:
    """The content of the ConfigMap by which Argo knows the stack's limits."""
    most = settings.samples_at_once
    return {SAMPLES_AT_ONCE: str(most), GROUPS_AT_ONCE: str(at_once(most, settings.group_size))}


def _samples(known: Manifests, group: Sequence[Sample]) -> Manifest:
    return known.samples(group)


def _name(manifest: Manifest) -> str:
    return manifest["metadata"]["name"]


def _labels(manifest: Manifest) -> Mapping[str, str]:
    return manifest["metadata"]["labels"]


def _spec(manifest: Manifest) -> Mapping[str, Any]:
    return manifest["spec"]


def _name_of(run: k8s.apiextensions.CustomResource) -> pulumi.Output[str]:
    """The live object's name, known once it exists (the class declares its outputs at run time only)."""
    metadata: pulumi.Output[Mapping[str, str]] = pulumi.get(run, "metadata")  # pyright: ignore[reportUnknownMemberType]
    return metadata.apply(lambda found: found["name"])
