"""What all strict clouds share: a recording that computes, links, and refuses as the cloud itself would.

    schema    properties of each resource type, from the installed package
    kind      what is known of a type, as values, and where a provider works
    limits    names, enumerations and ranges, before anything is made
    world     what exists, who refers to whom, and what a change or a deletion would break
    zones     zones of regions
    cloud     all that one cloud adds: its types, its rules, its answers
    handler   one resource's operations
    provider  the cloud, for the engine

`offline.recording.aws`, `.gcp` and `.docker` are the clouds.
"""
