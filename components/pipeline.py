"""The pipeline: one Workflow resource for the reference and one for every sample of the sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.contracts import Cloud
from components.inputs import Inputs
from components.names import NAMESPACE, RUNNER, STORE_ACCESS_KEY, STORE_SECRET, STORE_SECRET_KEY
from components.runs import ClusterAccess, Runs, Shown, explain_failures, follow
from settings import Settings
from workflows.status import RunStatus
from workflows.types import Manifest, Platform, Size, SizeName, StoreAccess

_SIZES: tuple[SizeName, ...] = ("small", "large", "huge")


class Pipeline(pulumi.ComponentResource):
    """Runs a sheet: the reference's index first, then all samples at once.

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
        self._name, self._cloud = name, cloud
        known = pulumi.Output.all(**images).apply(lambda refs: platform(settings, cloud, refs))
        reference = self._workflow("reference", known.apply(inputs.reference_manifest), after)
        indexed = self._after([reference])
        samples = {
            sample.name: self._workflow(
                sample.name,
                known.apply(inputs.sample_manifest(sample, settings)),
                indexed.apply(lambda _: [reference]),
            )
            for sample in inputs.samples
        }
        followed = list(samples.values()) if settings.wait else []
        self.ended = self._after(followed) if followed else pulumi.Output.from_input("not followed")
        self.runs = pulumi.Output.all(**{sample: _name_of(run) for sample, run in samples.items()})
        self.register_outputs({"runs": self.runs})

    def _workflow(
        self, role: str, manifest: pulumi.Output[Manifest], after: pulumi.Input[Sequence[pulumi.Resource]]
    ) -> k8s.apiextensions.CustomResource:
        return k8s.apiextensions.CustomResource(
            f"{self._name}-{role}",
            api_version="argoproj.io/v1alpha1",
            kind="Workflow",
            # Only name and labels may be unknown in a preview; the provider must know the namespace.
            metadata={
                "name": manifest.apply(_name),
                "namespace": NAMESPACE,
                "labels": manifest.apply(_labels),
                # While a Workflow waits for its pods to be gone, Argo takes each one that goes for an interruption
                # and starts another, up to the limit of retries: a destroy could hang for a quarter of an hour.
                "annotations": {"pulumi.com/deletionPropagationPolicy": "background"},
            },
            spec=manifest.apply(_spec),
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=self._cloud.cluster.provider,
                depends_on=after,
                # The old run of a sample is told to stop before the new one writes to the same place.
                delete_before_replace=True,
                # A Workflow that has started is Argo's: it takes no changes, and those of its content are a new one.
                ignore_changes=["metadata.annotations"],
            ),
        )

    def _after(self, runs: Sequence[k8s.apiextensions.CustomResource]) -> pulumi.Output[str]:
        """Resolves when the runs have ended well; fails with everything that went wrong otherwise."""
        names = pulumi.Output.all(*map(_name_of, runs))
        urns = pulumi.Output.all(*(run.urn for run in runs))
        if pulumi.runtime.is_dry_run():
            return pulumi.Output.from_input("preview")
        cluster = self._cloud.cluster
        found = pulumi.Output.all(names, urns, cluster.context, cluster.kubeconfig)
        return found.apply(lambda values: self._follow(dict(zip(values[0], runs, strict=True)), values))

    async def _follow(self, runs: Mapping[str, k8s.apiextensions.CustomResource], values: Sequence[Any]) -> str:
        names, urns, context, kubeconfig = values
        access = Runs(ClusterAccess(context, kubeconfig))
        shown = Shown()

        def report(status: RunStatus) -> None:
            if shown.is_news(status):
                pulumi.log.info(status.progress, resource=runs[status.workflow], ephemeral=True)

        ended = await follow(access, names, report)
        problem = explain_failures(access, ended, dict(zip(names, urns, strict=True)))
        if problem is not None:
            raise pulumi.RunError(problem)
        return f"{len(ended)} done"


def platform(settings: Settings, cloud: Cloud, images: Mapping[str, str]) -> Platform:
    """What manifests need to know of this stack."""
    secret_env = {
        "AWS_ACCESS_KEY_ID": (STORE_SECRET, STORE_ACCESS_KEY),
        "AWS_SECRET_ACCESS_KEY": (STORE_SECRET, STORE_SECRET_KEY),
    }
    return Platform(
        namespace=NAMESPACE,
        stack=settings.stack,
        service_account=RUNNER,
        images=images,
        sizes={name: _size(settings, name) for name in _SIZES},
        placements=cloud.cluster.placements,
        store=cloud.store.uris,
        access=StoreAccess(cloud.store.env, secret_env if cloud.store.endpoint else {}),
    )


def _size(settings: Settings, name: SizeName) -> Size:
    size = getattr(settings.classes, name)
    return Size(size.cpu, size.threads, size.memory_mib, size.scratch)


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
