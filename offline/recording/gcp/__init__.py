"""A Google Cloud project that is written down: computed outputs, limits, references, and the order Google insists on.

    kinds_*    what is known of each resource type
    machines   machine types, as far as names, disks and local SSDs go
    roles      IAM roles and who may be given them
    limits     what is refused by looking at a request alone
    rules*     what is checked when something is made or taken away, type by type
    invokes    the functions; cloud ties all together; provider is for the engine

A project begins with almost nothing: an API that is off refuses everything, and so do its look-ups. Sections of the
recording that this package reads or writes besides those of `offline.recording.strict`:

    apis       names of the APIs that are on; until it is there, the two that a person must turn on beforehand
    machines   region -> machine types, where not all of them
    zones      region -> names of its zones, where not Google's own
    contents   "gs://<bucket>" or a repository's address -> what is in it
    asked      accounts of Google's own that come into being when somebody asks for them
    taken      names that stay taken when what had them is gone: key rings, keys, roles, identity pools, log buckets
"""
