"""`biojobs why`: for each step of a sample whether it would run, and why."""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import typer

from cli import stack
from cli.errors import USAGE, CommandError, say
from cli.shelves import Shelf, shelf_of
from components.contracts import Cloud, Cluster, Identity, Locate, Registry, Store
from components.inputs import Inputs
from components.local.folder import Workspace
from components.manifests import Manifests, platform, sheet_name
from settings import Settings
from workflows.changes import digest, shown
from workflows.reference import reference_steps
from workflows.samples import Sample, SheetError, parse
from workflows.steps import Step
from workflows.types import Placement, SizeName, StoreUris
from workflows.why import Evidence, Verdict, last_failures, verdicts
from workflows.why import parse as parse_record

_TEMPLATES: Final = {"fastqc": "fastqc", "align": "bwa-mem2", "variants": "variants"}
"""The WorkflowTemplates of single jobs, and the image whose digest each tells."""
_NEAR: Final = 5


@dataclass(frozen=True)
class Images:
    """Images by name, and where they are known from; `live` where that is the cluster."""

    refs: Mapping[str, str]
    told: str
    live: bool = False


def why(name: str, stack_name: str, *, as_json: bool, deep: bool) -> None:
    """Prints the table. Raises `CommandError` where the sample, its files or the store cannot be looked up."""
    root = stack.root()
    settings = stack.read(stack_name, root)
    sample = sample_of(name, settings, root)
    locate, uris = places(settings, root)
    inputs = located(sample, settings, locate)
    shelf = shelf_of(settings, root)
    blank = steps_of(settings, inputs, uris, {})
    images = _images(settings, blank, shelf)
    evidence = Evidence(
        record=shelf.read,
        find=shelf.find,
        sources={source.uri: source for source in (*inputs.sources.values(), inputs.fasta)},
        images=images.refs,
        checksum=shelf.checksum if deep else None,
    )
    reference, steps = steps_of(settings, inputs, uris, images.refs)
    found = verdicts(steps, evidence, name)
    if images.live and any(verdict.runs for verdict in found):
        found = verdicts(steps, replace(evidence, failed=_failed(settings, name)), name)
    found = [*verdicts(reference, evidence, ""), *found]
    if as_json:
        document = {"sample": name, "stack": stack_name, "images": asdict(images), "steps": list(map(asdict, found))}
        typer.echo(json.dumps(document, indent=2))
        return
    say(f"{name} on stack {stack_name}; {images.told}")
    for line in table(found):
        typer.echo(line)
    say(_summary(found, settings))


def table(found: Sequence[Verdict]) -> Iterator[str]:
    """A line for each step, and one more for every further reason."""
    wide = max((len(verdict.name) for verdict in found), default=0)
    for verdict in found:
        state = "would run" if verdict.runs else "done"
        first, *others = verdict.reasons or ("",)
        yield f"{shown(verdict.name):<{wide}}  {state:<9}  {first}".rstrip()
        for reason in others:
            yield f"{'':<{wide}}  {'':<9}  {reason}"


def _summary(found: Sequence[Verdict], settings: Settings) -> str:
    count = sum(verdict.runs for verdict in found)
    if not count:
        return "nothing would run"
    return (
        f"{count} of {len(found)} would run. `{stack.remedy(settings)}` starts a run where its content changed; what "
        "is missing in the store alone is made by `pulumi up --replace` of the run"
    )


def sample_of(name: str, settings: Settings, root: Path) -> Sample:
    """A sample of the stack's sheet. Raises `CommandError` that names those that it may have been meant for."""
    try:
        samples = parse((root / settings.sheet).read_bytes(), settings.sheet)
    except (SheetError, OSError) as error:
        raise CommandError(f"biojobs:sheet: {error}") from None
    found = next((sample for sample in samples if sample.name == name), None)
    if found is not None:
        return found
    names = [sample.name for sample in samples]
    near = difflib.get_close_matches(name, names, _NEAR, 0.5) or names[:_NEAR]
    told = ", ".join(near) + (", ..." if len(names) > len(near) else "")
    raise CommandError(f"{shown(name)}: is no sample of {settings.sheet}; it has {told}", USAGE)


def places(settings: Settings, root: Path) -> tuple[Locate, StoreUris]:
    """How locations of the sheet become what steps read, and where results are."""
    if settings.cloud != "local":
        from cli.clouds import cloud_sheet

        return cloud_sheet(settings, root)
    workspace = Workspace(
        path=(root / settings.local.workspace).resolve(),
        beside=((root / settings.sheet).parent, root),
        dry_run=True,
        archives=settings.archives,
    )
    return workspace.locate, StoreUris("s3://reads", "s3://reference", "s3://results")


def located(sample: Sample, settings: Settings, locate: Locate) -> Inputs:
    """The files of one sample alone: a sheet may have thousands."""
    locations = [*dict.fromkeys(read for lane in sample.lanes for read in lane.reads), settings.reference]
    problems: list[str] = []
    sources: dict[str, Any] = {}
    for location in locations:
        try:
            sources[location] = locate(location)
        except LookupError as error:
            problems.append(str(error.args[0]))
    if problems:
        raise CommandError("`up` would refuse to start:\n  " + "\n  ".join(problems))
    fasta = replace(sources[settings.reference], checksum=settings.reference_checksum)
    return Inputs((sample,), sources, fasta)


def steps_of(
    settings: Settings, inputs: Inputs, uris: StoreUris, images: Mapping[str, str]
) -> tuple[list[Step], list[Step]]:
    """The steps of the reference, and those of the sample."""
    names: tuple[SizeName, ...] = ("small", "large", "huge", "gpu")
    # Of a cloud only what results depend on: nothing is made there
    nothing = cast(Any, None)
    cluster = Cluster(provider=nothing, placements=dict.fromkeys(names, Placement()), api_ports=(), context=nothing)
    cloud = Cloud(cluster, Registry(""), Identity(), Store(uris, ""))
    known = {name: images.get(name, "") for name in ("fastqc", "bwa-mem2", "variants", "multiqc")}
    made = Manifests(settings, inputs, platform(settings, cloud, known))
    return reference_steps(inputs.fasta, made.platform), made.steps(inputs.samples[0])


def _images(settings: Settings, steps: tuple[list[Step], list[Step]], shelf: Shelf) -> Images:
    """The images of the cluster's templates; where it does not answer, those that the records tell of."""
    recorded = _recorded(itertools.chain(*steps), shelf)
    try:
        refs = _in_cluster(settings)
    except CommandError as error:
        told = f"the cluster does not tell which images it has, so they are taken for those of the records ({error})"
        return Images(recorded, told)
    if not refs:
        return Images(recorded, "the stack is not up: images are taken for those of the records")
    return Images({**recorded, **refs}, "images as they are in the cluster (`up` builds what changed in images/)", True)


def _failed(settings: Settings, sample: str) -> Mapping[str, str]:
    """What the last run said of steps that failed, where the cluster still has it."""
    from cli.report import runs_of

    runs, missing = runs_of(settings, sheet_name(settings))
    if missing:
        say(f"what failed last time is not known: {missing}")
    return last_failures(runs, sample)


def _in_cluster(settings: Settings) -> dict[str, str]:
    from cli.cluster import Jobs

    jobs = Jobs(settings)
    found: dict[str, str] = {}
    for template, name in _TEMPLATES.items():
        manifest = jobs.find_template(template)
        refs = list(_containers(manifest.get("spec"))) if manifest else []
        # Of an aligner of one's own ours is the image of the container beside it
        ours = [ref for ref in refs if ref.rpartition("@")[0].rsplit("/", 1)[-1] == name]
        found |= {name: ours[0]} if ours else {}
    return found


def _containers(value: object) -> Iterator[str]:
    """Every image of a manifest."""
    if isinstance(value, dict):
        for name, inner in cast(Mapping[str, object], value).items():
            if name == "image" and isinstance(inner, str):
                yield inner
            yield from _containers(inner)
    elif isinstance(value, list):
        for inner in cast(Sequence[object], value):
            yield from _containers(inner)


def _recorded(steps: Iterable[Step], shelf: Shelf) -> dict[str, str]:
    """The image that each name had when a record was last written."""
    latest: dict[str, tuple[str, str]] = {}
    for name, uri in ((step.image, uri) for step in steps if not step.each for uri in step.records):
        record, _ = parse_record(shelf.read(uri), "")
        image, ended = (str((record or {}).get(told, "")) for told in ("image", "ended"))
        # Their times are all written alike, so that the later one is the greater
        if digest(image) and ended >= latest.get(name, ("", ""))[0]:
            latest[name] = ended, image
    return {name: image for name, (_, image) in latest.items()}
