"""Clouds that only write down what they are asked, for tests of the real engine without any cloud.

`python -m offline.recording PACKAGE` is a provider of that package. What exists is in the JSON file that
`BIOJOBS_RECORDING` names, and so is how it should behave:

    objects    what exists: "Kind/namespace/name" for Kubernetes, the URN for all others
    failures   "Kind/name", or the resource's name -> message: making or changing it fails
    delays     the same keys -> seconds that it takes, unless the entry is struck out before
    status     "Kind/name" -> status of a Kubernetes object, in place of that of a healthy one
    outputs    type token -> outputs that a resource of another package has besides its inputs
    calls      what was done, in order: [operation, key]
    fail_first true: everything fails the first time that it is made; those that have are in `survived`

The packages `aws`, `gcp` and `docker` are strict about what they are asked: see `offline.recording.strict`, and
those of their names.
"""
