"""All of the recorded AWS in one value."""

from __future__ import annotations

from typing import Final

from offline.recording.aws import rules, rules_data
from offline.recording.aws.invokes import ANSWERS
from offline.recording.aws.limits import limits
from offline.recording.aws.place import Place, computed
from offline.recording.aws.world import World
from offline.recording.strict.cloud import Cloud

AWS: Final = Cloud[Place](
    name="AWS",
    folder="offline/recording/aws",
    world=World,
    limits=limits,
    computed=computed,
    making=rules.MAKING,
    changing=rules.CHANGING,
    removing=rules.REMOVING,
    after_making=rules_data.after_making,
    after_removing=rules_data.after_removing,
    answers=ANSWERS,
)
