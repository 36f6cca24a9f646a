"""The API server, by way of the official client: discovery, read, server-side apply, delete."""

from __future__ import annotations

import functools
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlencode

import urllib3.exceptions
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from offline.kubernetes.errors import ApiError, UnknownKindError, UnreachableError
from offline.resource import ResourceError
from offline.values import Map

TIMEOUT = (5, 60)  # seconds to connect, and to answer


@dataclass(frozen=True)
class Kind:
    """Where the API server keeps the objects of one apiVersion and kind."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str = "") -> str:
        """The URL path of one object, or of all in the namespace."""
        root = "/api/" if "/" not in self.api_version else "/apis/"
        scope = f"/namespaces/{quote(namespace)}" if self.namespaced else ""
        return f"{root}{self.api_version}{scope}/{self.plural}" + (f"/{quote(name)}" if name else "")


@dataclass(frozen=True)
class Cluster:
    """How to reach a cluster: what a kubeconfig says, or this text of one, under one of its contexts."""

    kubeconfig: str = ""
    context: str = ""

    def file(self) -> str | None:
        """The kubeconfig as a file name; None means the usual places (KUBECONFIG, ~/.kube/config)."""
        if not self.kubeconfig:
            return None
        if "\n" not in self.kubeconfig and not self.kubeconfig.lstrip().startswith("{"):
            path = Path(self.kubeconfig).expanduser()
            if not path.is_file():
                raise ResourceError(f"kubernetes provider: kubeconfig: no file {path}")
            return str(path)
        return _in_memory(self.kubeconfig)


@functools.cache
def _in_memory(text: str) -> str:
    """The name of a file with `text` that never touches a disk, for it may hold credentials; helm can read it too."""
    descriptor = os.memfd_create("kubeconfig")
    os.write(descriptor, text.encode())
    return f"/proc/{os.getpid()}/fd/{descriptor}"


class ApiServer:
    """One API server; safe for use from many threads."""

    def __init__(self, cluster: Cluster) -> None:
        """Read the kubeconfig; nothing is sent before the first call."""
        settings = client.Configuration()
        self.namespace = "default"
        file, context = cluster.file(), cluster.context or None
        kubeconfig: Any = config  # the client's own types are incomplete here
        try:
            contexts, active = kubeconfig.list_kube_config_contexts(config_file=file)
            kubeconfig.load_kube_config(config_file=file, context=context, client_configuration=settings)
            chosen = next((item for item in contexts if item["name"] == context), active)
            self.namespace = str(chosen["context"].get("namespace") or "default")
        except (config.ConfigException, yaml.YAMLError) as error:
            raise ResourceError(
                f"kubernetes provider: cannot use the kubeconfig {file or 'of KUBECONFIG'}"
                f"{f', context {cluster.context!r}' if cluster.context else ''}: {error}. "
                "Name an existing context, or start the sandbox with `make up`."
            ) from None
        settings.retries = False  # a refused connection is told at once; waits have retries of their own
        self.host = str(settings.host)
        self._client = client.ApiClient(settings)
        self._kinds: dict[str, dict[str, Kind]] = {}
        self._lock = threading.Lock()

    def kind(self, api_version: str, kind: str) -> Kind:
        """Where objects of this kind are; asks again before saying `UnknownKindError`, for a CRD may be new."""
        with self._lock:
            known = self._kinds.get(api_version, {}).get(kind)
            if known is None:
                self._kinds[api_version] = self._discover(api_version)
                known = self._kinds[api_version].get(kind)
        if known is None:
            raise UnknownKindError(api_version, kind)
        return known

    def _discover(self, api_version: str) -> dict[str, Kind]:
        root = "/api/" if "/" not in api_version else "/apis/"
        try:
            found = self.call("GET", root + api_version, doing=f"looking up {api_version}")
        except ApiError as error:
            if error.code == 404:
                return {}
            raise
        return {
            r["kind"]: Kind(api_version, r["kind"], r["name"], r["namespaced"])
            for r in found.get("resources", [])
            if "/" not in r["name"]
        }

    def get(self, kind: Kind, namespace: str, name: str) -> Map | None:
        """The object, or None if there is none."""
        try:
            return self.call("GET", kind.path(namespace, name), doing=f"reading {kind.kind} {name}")
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(self, kind: Kind, namespace: str, **query: str) -> list[Map]:
        """The objects of a namespace that fit labelSelector and fieldSelector."""
        answer = self.call("GET", kind.path(namespace), query, doing=f"listing {kind.plural}")
        return cast(list[Map], answer.get("items") or [])

    def apply(self, kind: Kind, body: Map, manager: str, *, force: bool, dry_run: bool) -> Map:
        """Server-side apply; unknown fields are refused."""
        query = {"fieldManager": manager, "fieldValidation": "Strict", "force": str(force).lower()}
        name, namespace = body["metadata"]["name"], body["metadata"].get("namespace", "")
        return self.call(
            "PATCH",
            kind.path(namespace, name),
            query | ({"dryRun": "All"} if dry_run else {}),
            body=body,
            content_type="application/apply-patch+yaml",
            doing=f"{'previewing' if dry_run else 'applying'} {kind.kind} {name}",
        )

    def delete(self, kind: Kind, namespace: str, name: str, policy: str, uid: str | None) -> None:
        """Ask for deletion of this very object (`uid`), unless it is gone already."""
        body: Map = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy}
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            self.call("DELETE", kind.path(namespace, name), body=body, doing=f"deleting {kind.kind} {name}")
        except ApiError as error:
            # 409 here means that another object has taken the name: ours is gone.
            if error.code != 404 and not (error.code == 409 and uid and "uid" in error.message.lower()):
                raise

    def log(self, namespace: str, pod: str, container: str, lines: int) -> str:
        """The last lines of a container's log, or nothing where there is none."""
        query = urlencode({"container": container, "tailLines": lines})
        path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/log?{query}"
        code, text = self._send("GET", path, None, "application/json")
        return text if code < 400 else ""

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Map | None = None,
        content_type: str = "application/json",
        doing: str,
    ) -> Map:
        """One request. Raises `ApiError` with all that the server says, or `UnreachableError`."""
        url = path + (f"?{urlencode(query)}" if query else "")
        code, text = self._send(method, url, body, content_type)
        if code >= 400:
            raise ApiError(code, text, doing)
        return cast(Map, json.loads(text)) if text else {}

    def _send(self, method: str, url: str, body: Map | None, content_type: str) -> tuple[int, str]:
        """The client's raw interface, which returns refusals as they are; its own types say nothing."""
        http = cast(Any, self._client)
        headers = {
            "Accept": "application/json",
            "Content-Type": content_type,
            "User-Agent": "biojobs-offline",
        }
        auth = ["BearerToken"]
        message = http.param_serialize(method, url, header_params=headers, body=body, auth_settings=auth)
        try:
            response = http.call_api(*message, _request_timeout=TIMEOUT)
            return int(response.status), bytes(response.read()).decode("utf-8", "replace")
        except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
            raise UnreachableError(self.host, _cause(error)) from None

    def eventually(self, kind: tuple[str, str], seconds: float) -> Kind:
        """`kind`, waiting a little for a CRD that was applied just now."""
        until = time.monotonic() + seconds
        while True:
            try:
                return self.kind(*kind)
            except UnknownKindError:
                if time.monotonic() > until:
                    raise
                time.sleep(1)


def _cause(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = cast(BaseException, error.__cause__ or error.__context__)
    return str(error) or type(error).__name__
