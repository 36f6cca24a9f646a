"""The Argo chart for a machine without a chart repository: ours, with the CRDs of Argo's own module."""

import shutil
from pathlib import Path

import yaml

from sandbox import tools
from sandbox.cache import obtain, recipe_hash
from sandbox.errors import SandboxError
from sandbox.layout import Layout

SOURCE = Path(__file__).resolve().parent.parent / "offline" / "charts" / "argo-workflows"


def crds(folder: Path) -> list[Path]:
    """The manifests that kustomization.yaml lists, in its order."""
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    return [folder / name for name in listed]


def ensure(layout: Layout) -> Path | None:
    """The folder of the chart, complete with CRDs; None when the repository has no chart of its own."""
    if not (SOURCE / "Chart.yaml").exists():
        return None
    metadata = yaml.safe_load((SOURCE / "Chart.yaml").read_text())
    files = sorted(path for path in SOURCE.rglob("*") if path.is_file())
    manifests = crds(tools.ensure("argo").parent / "crds")
    parts = [part for path in files for part in (str(path.relative_to(SOURCE)), path.read_bytes())]
    key = recipe_hash(*parts, *(path.read_bytes() for path in manifests))
    name = f"{metadata['name']}-{metadata['version']}"
    made = obtain(layout.charts / f".{name}-{key}", lambda target: _make(target, manifests), f"the chart {name}")
    return _point(layout.charts / name, made / "chart")


def _make(target: Path, manifests: list[Path]) -> None:
    chart = target / "chart"
    shutil.copytree(SOURCE, chart)
    # Not in crds/: Helm would install those whatever the values say, and the template could not leave them out.
    folder = chart / "files" / "crds"
    folder.mkdir(parents=True, exist_ok=True)
    for path in manifests:
        shutil.copyfile(path, folder / path.name)


def _point(link: Path, folder: Path) -> Path:
    """A link, replaced in one step, so that helm never sees half a chart."""
    if link.exists() and not link.is_symlink():
        raise SandboxError(f"{link} is not ours (it is no link): move it away")
    partial = link.with_name(f".{link.name}.link")
    partial.unlink(missing_ok=True)
    partial.symlink_to(folder, target_is_directory=True)
    partial.replace(link)
    return link
