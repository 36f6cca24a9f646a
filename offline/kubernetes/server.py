"""The provider: its settings, and which handler serves which type."""

from __future__ import annotations

import json
import re
from typing import Any

from offline.kubernetes.api import ApiServer, Cluster
from offline.kubernetes.helm import ReleaseHandler
from offline.kubernetes.objecthandler import ObjectHandler
from offline.kubernetes.waiting import Waiting
from offline.provider import Provider
from offline.resource import Handler, InvalidInputsError, ResourceError
from offline.values import Map, reveal

VERSION = "4.34.2"
_SETTINGS = {
    "kubeconfig",
    "context",
    "namespace",
    "enableServerSideApply",
    "enableConfigMapMutable",
    "enableSecretMutable",
    "deleteUnreachable",
    "version",
}
RELEASE = "kubernetes:helm.sh/v3:Release"
_OBJECT = re.compile(r"kubernetes:[a-z0-9.-]+/v\w+:[A-Z]\w*")
_UNSUPPORTED = re.compile(r"kubernetes:(helm\.sh|yaml|kustomize|index|pulumi)\b")


class KubernetesProvider(Provider):
    """Kubernetes objects and Helm releases of one cluster."""

    version = VERSION

    def __init__(self, engine_address: str = "") -> None:
        """See `Provider`."""
        super().__init__(engine_address)
        self._handlers: tuple[ObjectHandler, ReleaseHandler] | None = None

    def check_config(self, config: Map) -> None:
        """Refuse settings that are not understood."""
        problems = [
            (
                key,
                f"this setting is not understood by the stand-in provider; known: {', '.join(sorted(_SETTINGS))}",
            )
            for key in config
            if key not in _SETTINGS
        ]
        if _flag(config, "enableServerSideApply", True) is False:
            problems.append(("enableServerSideApply", "the stand-in provider has server-side apply only: leave it on"))
        if problems:
            raise InvalidInputsError(problems)

    def configure(self, config: Map) -> None:
        """Read the kubeconfig; the cluster itself is asked when a resource needs it."""
        self.check_config(config)
        settings: Map = reveal(config)
        kubeconfig: Any = settings.get("kubeconfig") or ""
        if not isinstance(kubeconfig, str):
            kubeconfig = json.dumps(kubeconfig)
        cluster = Cluster(kubeconfig, str(settings.get("context") or ""))
        api = ApiServer(cluster)
        namespace = str(settings.get("namespace") or api.namespace)
        mutable = {kind for kind in ("ConfigMap", "Secret") if _flag(settings, f"enable{kind}Mutable", False)}
        waiting = Waiting(api, self.engine, self.cancelled)
        forget = _flag(settings, "deleteUnreachable", False)
        self._handlers = (
            ObjectHandler(api, namespace, waiting, frozenset(mutable), forget),
            ReleaseHandler(cluster, namespace, self.engine, self.cancelled),
        )

    def handler(self, token: str) -> Handler:
        """The handler of `token`."""
        if self._handlers is None:
            raise ResourceError("the kubernetes provider has not been configured: its kubeconfig is not known yet")
        of_objects, of_releases = self._handlers
        if token == RELEASE:
            return of_releases
        if _UNSUPPORTED.match(token) or not _OBJECT.fullmatch(token) or token.endswith(("List", "Patch")):
            raise ResourceError(
                f"{token} is not understood by the stand-in kubernetes provider; with internet, use the official"
            )
        return of_objects


def _flag(config: Map, key: str, default: bool) -> bool:
    """A setting that arrives as a bool, or as JSON text of one."""
    value = config.get(key)
    return default if value is None else value is True or str(value).lower() == "true"
