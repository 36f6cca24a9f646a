"""Google Cloud: the contract of a cloud on GKE Standard or Autopilot, in a project of the user's."""
