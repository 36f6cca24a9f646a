#!/bin/bash
# lookup.sh --out URI/ --wait SECONDS and the common options
#   Is there already in OUT what the record (--record) of another step tells, such as index.sh's of a reference? When
#   another run builds it, it waits for that as long as it may, so that no huge machine has to.
#   Output parameter: needed = true | false. It writes no record of its own.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
# shellcheck source=images/bwa-mem2/lease.sh
source "$here/lease.sh"
step_class=small

step_main() {
  begin "$@"
  if others_build "${option[wait]}"; then printf 'lookup: still being built after %s s\n' "${option[wait]}"; fi
  answer
}

stub_main() {
  begin "$@"
  answer
}

# begin: ends the step when there is nothing to look for any more
begin() {
  parse "out wait" "" "$@"
  check_number wait 0
  if work_is_done; then needed false; fi
}

answer() {
  if work_is_done; then needed false; fi
  needed true
}

# needed true|false: the end of the step
needed() {
  if [[ $1 == true ]]; then
    printf 'lookup: %s is still to be made%s\n' "${option[out]}" "${undone:+ ($undone)}"
  else
    printf 'lookup: %s is done\n' "${option[out]}"
  fi
  printf '%s' "$1" | output needed
  exit 0
}

run_step "$@"
