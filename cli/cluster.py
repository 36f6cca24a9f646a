"""Jobs in the stack's cluster: the templates they are started from, and the Workflows that they are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast

import yaml

from cli.access import access, sign_in
from cli.errors import STOPPED, CommandError, first_line, say
from cli.orders import SUBJECT, Order
from cli.stack import remedy
from components.names import NAMESPACE
from components.runs import Runs
from settings import Settings
from workflows import status
from workflows.status import RunStatus
from workflows.types import KIND_LABEL, SAMPLE_LABEL, slug

T = TypeVar("T")
_API: Final = ("argoproj.io", "v1alpha1", NAMESPACE)
_SECONDS: Final = (5, 30)
"""For a connection, and for an answer."""


class Jobs(Runs):
    """Workflows of the runs' namespace, and the templates that single jobs are started from.

    `problem` says why the cluster does not answer just now. Raises `CommandError` where no cluster is known.
    """

    problem: str = ""

    def __init__(self, settings: Settings) -> None:
        from kubernetes.config import ConfigException

        self._settings = settings
        try:
            super().__init__(access(settings))
        except (ConfigException, yaml.YAMLError) as error:
            raise CommandError(f"stack {settings.stack}: {first_line(error)}; {sign_in(settings)}") from None

    def statuses(self, names: Sequence[str]) -> dict[str, RunStatus]:
        """See `Runs`. Asks for each by its name, and says it once when there is no answer."""
        try:
            found = {name: self._get("workflows", name) for name in names}
        except Exception as error:
            if not self.problem:
                say(f"the cluster does not answer ({reason(error)}); asking again")
            self.problem = reason(error)
            raise
        self.problem = ""
        now = datetime.now(UTC)
        return {name: status.read(run, now) for name, run in found.items() if run is not None}

    def workflow(self, name: str) -> Mapping[str, Any]:
        """A Workflow as the API server has it. Raises `CommandError` where there is none."""
        found = self._asked(lambda: self._get("workflows", name))
        if found is None:
            raise CommandError(
                f"stack {self._settings.stack} has no run {name!r}; `argo -n {NAMESPACE} list` lists those that it has"
            )
        return found

    def template(self, name: str) -> Mapping[str, Any]:
        """A WorkflowTemplate. Raises `CommandError` where there is none: then the stack is not up."""
        found = self.find_template(name)
        if found is None:
            raise CommandError(
                f"stack {self._settings.stack} is not up, or older than single jobs: its cluster has no "
                f"WorkflowTemplate {name} in the namespace {NAMESPACE}; run `{remedy(self._settings)}` first"
            )
        return found

    def find_template(self, name: str) -> Mapping[str, Any] | None:
        """A WorkflowTemplate, or None where there is none."""
        return self._asked(lambda: self._get("workflowtemplates", name))

    def submit(self, order: Order, parameters: Mapping[str, str]) -> str:
        """Starts a job. Returns the name of its Workflow."""
        body = manifest(order, parameters)
        create: Any = self._workflows.create_namespaced_custom_object
        try:
            made = self._asked(lambda: create(*_API, "workflows", body, _request_timeout=_SECONDS))
        except KeyboardInterrupt:
            raise CommandError(
                f"stopped while the job was being started; `argo -n {NAMESPACE} list` tells whether it runs", STOPPED
            ) from None
        return str(made["metadata"]["name"])

    def _get(self, plural: str, name: str) -> dict[str, Any] | None:
        from kubernetes.client.exceptions import ApiException

        get: Any = self._workflows.get_namespaced_custom_object
        try:
            return cast(dict[str, Any], get(*_API, plural, name, _request_timeout=_SECONDS))
        except ApiException as error:
            if status_of(error) == 404:
                return None
            raise

    def _asked(self, ask: Callable[[], T]) -> T:
        """The API server's answer. Raises `CommandError` where it refuses, in its own words, or does not answer."""
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        stack = f"stack {self._settings.stack}"
        try:
            return ask()
        except ApiException as error:
            if status_of(error) in (401, 403):
                raise CommandError(
                    f"{stack}: its cluster does not let you ({reason(error)}); {sign_in(self._settings)}"
                ) from None
            raise CommandError(f"{stack}: its cluster refuses: {reason(error)}") from None
        except (HTTPError, OSError) as error:
            raise CommandError(
                f"{stack} is not up: its cluster does not answer ({reason(error)}); run `{remedy(self._settings)}` "
                "first"
            ) from None


def manifest(order: Order, parameters: Mapping[str, str]) -> dict[str, Any]:
    """The Workflow of an order. What it does is the template's."""
    given = {SUBJECT: order.subject, **parameters}
    return {
        "apiVersion": "/".join(_API[:2]),
        "kind": "Workflow",
        "metadata": {
            "generateName": f"{order.template}-{slug(order.subject)}-",
            "namespace": NAMESPACE,
            "labels": {KIND_LABEL: "job", SAMPLE_LABEL: order.subject},
        },
        "spec": {
            "workflowTemplateRef": {"name": order.template},
            "arguments": {"parameters": [{"name": name, "value": value} for name, value in sorted(given.items())]},
        },
    }


def status_of(error: Exception) -> int:
    """The HTTP status of an API server's refusal; 0 where it did not answer."""
    return int(getattr(error, "status", 0) or 0)


def reason(error: Exception) -> str:
    """Why there is no answer, without the trimmings of HTTP and its libraries."""
    body: Any = getattr(error, "body", None)
    if body is not None:
        try:
            return str(json.loads(body)["message"])
        except (TypeError, ValueError, KeyError):
            return f"{status_of(error)} {getattr(error, 'reason', '')}".strip()
    text = first_line(str(getattr(error, "reason", error)))
    system = re.search(r"\[Errno -?\d+\] ([^'\")]+)", text)
    return system[1] if system else re.sub(r"^<?\w+(\.\w+)*\(?[^>]*?[>)]: ", "", text)
