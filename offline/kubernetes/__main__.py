"""`python -m offline.kubernetes`: the plugin's process."""

from offline.kubernetes.server import KubernetesProvider
from offline.provider import run

run(KubernetesProvider)
