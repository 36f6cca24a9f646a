"""The registry's own interface: is the image still there, and away with it."""

from __future__ import annotations

import base64
import ipaddress
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence

from offline.dockerbuild.reference import Reference

_TYPES = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
_SECONDS = 10


def digest_of(reference: Reference, registries: Sequence[Mapping[str, str]]) -> str | None:
    """The digest that a tag or digest has in its registry; None if it is not there.

    Raises `OSError` if the registry does not answer or does not let us look.
    """
    try:
        with _send("HEAD", reference, registries) as response:
            return str(response.headers["Docker-Content-Digest"] or reference.version)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise


def delete(reference: Reference, registries: Sequence[Mapping[str, str]]) -> None:
    """Take the manifest away if the registry is there and lets us: a leftover image harms nobody."""
    try:
        _send("DELETE", reference, registries).close()
    except OSError:
        return


def _send(method: str, reference: Reference, registries: Sequence[Mapping[str, str]]):
    scheme = "http" if _is_local(reference.host) else "https"
    url = f"{scheme}://{reference.host}/v2/{reference.path}/manifests/{reference.version}"
    request = urllib.request.Request(url, method=method, headers={"Accept": _TYPES})
    login = next((item for item in registries if item.get("address", "").split("/")[0] == reference.host), None)
    if login and login.get("username"):
        words = f"{login['username']}:{login.get('password', '')}".encode()
        request.add_header("Authorization", f"Basic {base64.b64encode(words).decode()}")
    return urllib.request.urlopen(request, timeout=_SECONDS)


def _is_local(host: str) -> bool:
    """As docker has it: a registry of this machine speaks plain http."""
    name = host.rsplit(":", 1)[0]
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
