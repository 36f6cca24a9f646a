"""How big Argo's controller is made: all that is sized there, from how much a stack runs.

Sizes go in steps: another size restarts the controller, and a row more in a sheet must not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from settings import Settings

_PODS_A_SAMPLE: Final = 4
"""Pods of a sample at once, on average: two of FastQC, one that aligns, dozens for a while that call variants."""
_POD_SECONDS: Final = 30
"""How long a pod lasts, among many: the short ones make the requests."""
_REQUESTS_A_POD: Final = 3
"""Requests that a pod takes from the controller, to make it, to delete it and to update its Workflow: 2.2 in
`python -m bench scale`."""
_MANY: Final = 1000
"""Samples from which on the controller has more than a laptop's work."""


@dataclass(frozen=True)
class Controller:
    """`qps` and `burst` are requests a second to the API server; memory is in MiB."""

    qps: int
    burst: int
    workflow_workers: int
    pod_cleanup_workers: int
    cpu: str
    memory_mib: int
    most_memory_mib: int
    requeue_seconds: int
    """A step starts up to this long after the one before it."""

    def values(self) -> dict[str, Any]:
        """The chart's values, under the official chart's names."""
        return {
            "workflowWorkers": self.workflow_workers,
            "podCleanupWorkers": self.pod_cleanup_workers,
            "extraArgs": [f"--qps={self.qps}", f"--burst={self.burst}"],
            "extraEnv": [
                {"name": "DEFAULT_REQUEUE_TIME", "value": f"{self.requeue_seconds}s"},
                # An API server that restarts is away for more than Argo's third of a second, and then refuses for a
                # moment what it should allow: no reason to end a run that has just begun.
                {"name": "RETRY_BACKOFF_STEPS", "value": "13"},
                {"name": "TRANSIENT_ERROR_PATTERN", "value": "artifact-repositories.* is forbidden"},
                # A pod that was killed leaves no report, and its step would be tried again, or its run end, only after
                # ten minutes, or two where the pod is gone.
                {"name": "TASK_RESULT_TIMEOUT_DURATION", "value": "1m"},
                {"name": "RECENTLY_DELETED_POD_DURATION", "value": "1m"},
                # Go would let the heap grow to twice what is in use, and past the limit.
                {"name": "GOMEMLIMIT", "value": f"{self.most_memory_mib * 9 // 10}MiB"},
            ],
            "resources": {
                "requests": {"cpu": self.cpu, "memory": f"{self.memory_mib}Mi"},
                "limits": {"memory": f"{self.most_memory_mib}Mi"},
            },
        }


def controller(settings: Settings, samples: int) -> Controller:
    """The controller of a stack whose sheet has so many samples."""
    pods = min(settings.quota.pods, _PODS_A_SAMPLE * min(samples, settings.samples_at_once))
    # Never less than Argo's own defaults.
    qps = max(20, _step(pods * _REQUESTS_A_POD // _POD_SECONDS))
    many = samples > _MANY
    return Controller(
        qps=qps,
        burst=max(30, 2 * qps),
        workflow_workers=32,
        pod_cleanup_workers=min(32, max(4, qps // 10)),
        cpu="500m" if many else "100m",
        memory_mib=512 if many else 256,
        most_memory_mib=2048 if many else 1024,
        requeue_seconds=10 if many else 2,
    )


def _step(amount: int) -> int:
    """The next of 20, 40, 80, ...; 320 at most, which a managed API server takes from one client."""
    step = 20
    while step < min(amount, 320):
        step *= 2
    return step
