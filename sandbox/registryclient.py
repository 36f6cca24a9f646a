"""Pushes images made of a few files straight into the sandbox's registry, without a builder."""

import hashlib
import io
import json
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sandbox.cache import known_sha256, recipe_hash
from sandbox.errors import SandboxError
from sandbox.layout import REGISTRY

_RECIPE = "dev.biojobs.recipe"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
# Not compressed: it never leaves this machine.
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class FilesImage:
    """An image of files alone: path in the image -> content (bytes) or a file to copy, made executable."""

    repository: str
    tag: str
    files: Mapping[str, bytes | Path]
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def recipe(self) -> str:
        """A hash over everything that decides the image."""
        parts: list[str | bytes] = [json.dumps(self.config, sort_keys=True)]
        for path, content in sorted(self.files.items()):
            parts += [path, content if isinstance(content, bytes) else known_sha256(content)]
        return recipe_hash(*parts)


def ensure_pushed(image: FilesImage) -> bool:
    """Push the image unless the registry has exactly this one; whether it was pushed."""
    recipe = image.recipe
    found = _manifest(image)
    if found and found.get("annotations", {}).get(_RECIPE) == recipe and _has_blobs(image, found):
        return False
    with tempfile.TemporaryFile() as stream:
        layer = _write_layer(image, stream)
        _push_blob(image.repository, layer, stream)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": dict(image.config),
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    }
    body = json.dumps(config, sort_keys=True).encode()
    descriptor = _describe(_CONFIG, body)
    _push_blob(image.repository, descriptor, io.BytesIO(body))
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": descriptor,
        "layers": [layer],
        "annotations": {_RECIPE: recipe},
    }
    url = f"/v2/{image.repository}/manifests/{image.tag}"
    _request("PUT", url, json.dumps(manifest).encode(), {"Content-Type": _MANIFEST})
    return True


def _write_layer(image: FilesImage, stream: IO[bytes]) -> dict[str, Any]:
    """A tar with the same bytes for the same files, whenever and by whom it is made."""
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        folders = {str(parent) for path in image.files for parent in Path(path).parents if str(parent) != "."}
        for name in sorted(folders | {"tmp"}):
            member = tarfile.TarInfo(name)
            member.type, member.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            archive.addfile(member)
        for name, content in sorted(image.files.items()):
            member = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                member.size, member.mode = len(content), 0o644
                archive.addfile(member, io.BytesIO(content))
            else:
                member.size, member.mode = content.stat().st_size, 0o755
                with content.open("rb") as source:
                    archive.addfile(member, source)
    stream.seek(0)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()  # pyright: ignore[reportArgumentType]
    return {"mediaType": _LAYER, "digest": f"sha256:{digest}", "size": stream.tell()}


def _describe(media_type: str, body: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{hashlib.sha256(body).hexdigest()}", "size": len(body)}


def _manifest(image: FilesImage) -> dict[str, Any] | None:
    try:
        return json.loads(_request("GET", f"/v2/{image.repository}/manifests/{image.tag}", accept=_MANIFEST)[1])
    except FileNotFoundError:
        return None


def _has_blobs(image: FilesImage, manifest: dict[str, Any]) -> bool:
    """A registry folder that lost a blob still lists the tag."""
    return all(_has_blob(image.repository, item["digest"]) for item in (manifest["config"], *manifest["layers"]))


def _has_blob(repository: str, digest: str) -> bool:
    try:
        _request("HEAD", f"/v2/{repository}/blobs/{digest}")
    except FileNotFoundError:
        return False
    return True


def _push_blob(repository: str, descriptor: dict[str, Any], stream: IO[bytes]) -> None:
    if _has_blob(repository, descriptor["digest"]):
        return
    location, _ = _request("POST", f"/v2/{repository}/blobs/uploads/", b"")
    joint = "&" if "?" in location else "?"
    stream.seek(0)
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(descriptor["size"])}
    _request("PUT", f"{location}{joint}digest={descriptor['digest']}", stream, headers)


def _request(
    method: str,
    url: str,
    body: bytes | IO[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    accept: str = "*/*",
) -> tuple[str, bytes]:
    """The Location header and the body of an answer; FileNotFoundError when there is no such thing."""
    full = url if url.startswith("http") else f"http://{REGISTRY}{url}"
    request = urllib.request.Request(full, body, {"Accept": accept, **(headers or {})}, method=method)
    try:
        with _OPENER.open(request, timeout=120) as answer:
            return answer.headers.get("Location", ""), answer.read()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise FileNotFoundError(url) from error
        said = error.read().decode("utf-8", "replace")[:300]
        raise SandboxError(f"the registry answers {method} {url} with {error.code}: {said}") from error
    except OSError as error:
        raise SandboxError(f"the registry does not answer {method} {url}: {error}") from error
