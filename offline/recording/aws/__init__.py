"""An AWS that is written down: computed outputs, limits, references, and the order that AWS insists on.

    schema    properties of each resource type, from the installed package
    kind      what is known of a type; kinds_* list the types
    limits    names, enumerations and policies, before anything is made
    world     what exists, who refers to whom, and what a change or a deletion would break
    rules     what AWS checks when something is made or taken away, type by type
    handler   one resource's operations; invokes the functions; provider both, for the engine

Objects are kept in the recording as `<token>::<id>`: {"token", "id", "urn", "state"}; a test may put some there itself,
as what was in the account before. Other sections of the recording that this package reads or writes:

    invokes   token -> list of {"args": subset, "result": ...} or {"args": subset, "error": ...}: answers of functions
    contents  "s3://<bucket>" or a repository's URL -> what is in it; it must be empty to be deleted
    zones     region -> names of its availability zones, where not AWS's own
    left      log groups that services made for themselves, in nobody's state
"""
