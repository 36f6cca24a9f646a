"""All of the recorded Google Cloud in one value."""

from __future__ import annotations

from typing import Final

from offline.recording.gcp import rules, rules_data
from offline.recording.gcp.invokes import ANSWERS
from offline.recording.gcp.limits import limits
from offline.recording.gcp.place import Place, computed
from offline.recording.gcp.world import World
from offline.recording.strict.cloud import Cloud

GCP: Final = Cloud[Place](
    name="Google Cloud",
    folder="offline/recording/gcp",
    world=World,
    limits=limits,
    computed=computed,
    always=rules.always,
    making=rules.MAKING,
    changing=rules.CHANGING,
    removing=rules.REMOVING,
    forbids=rules.forbids,
    abandons=rules.abandons,
    after_making=rules_data.after_making,
    after_removing=rules_data.after_removing,
    answers=ANSWERS,
)
