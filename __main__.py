"""The stack: settings -> cloud -> platform -> pipeline -> outputs."""

import importlib
from pathlib import Path
from typing import cast

import pulumi

from components.argo import Argo
from components.biojobs import Biojobs
from components.contracts import CloudModule
from components.controller import controller
from components.images import IMAGES, Images
from components.inputs import read_inputs, reject
from components.pipeline import Pipeline
from settings import Settings, SettingsError, from_pulumi


def cloud_of(settings: Settings) -> CloudModule:
    """The selected cloud's module; no other cloud's SDK is imported."""
    return cast(CloudModule, importlib.import_module(f"components.{settings.cloud}.cloud"))


def main(root: Path) -> None:
    """Builds the stack of the project in `root`."""
    try:
        settings = from_pulumi()
        prepared = cloud_of(settings).prepare(settings, root)
        inputs = read_inputs(settings, root, prepared.locate)
    except SettingsError as error:
        raise reject(error) from None
    cloud = prepared.build()
    stack = settings.stack
    images = Images(f"{stack}-images", IMAGES, cloud.registry, settings.base_image)
    namespace = Biojobs(f"{stack}-biojobs", stack, cloud, settings.quota, settings.notify)
    argo = Argo(f"{stack}-argo", stack, cloud, controller(settings, len(inputs.samples)))
    # How the runs ended is no output: it would differ between a preview and an up. A failure fails the program.
    pipeline = Pipeline(
        f"{stack}-pipeline",
        settings,
        cloud,
        images.refs,
        inputs,
        after=[*namespace.ready, argo.release, *cloud.cluster.ready, *cloud.store.ready],
    )
    pulumi.export("results", cloud.store.where)
    pulumi.export("runs", pipeline.runs)


main(Path.cwd())
