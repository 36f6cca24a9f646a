# shellcheck shell=bash disable=SC2154,SC2034  # lib.sh sets the rest; lanes.sh reads the lane
# What fetch and deliver have in common: they run before and after an aligner of the user's own, in its pod, with the
# same arguments. The folders `in` and `out` of the pod's scratch are what the aligner sees.

in=${TMPDIR:-/tmp}/in
out=${TMPDIR:-/tmp}/out

begin() {
  parse "reference out lane library platform reads-1 reads-2 checksum-1 checksum-2" "" "$@"
  local name
  repeated_lane=()
  for name in lane library platform reads-1 reads-2 checksum-1 checksum-2; do repeated_lane+=("${option[$name]}"); done
  check_lanes
  check_name lane "${option[lane]}"
}
