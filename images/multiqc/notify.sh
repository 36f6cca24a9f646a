#!/bin/bash
# notify.sh --about sample|sheet --sheet NAME --stack NAME --causes JSON and the common options
#   Tells the webhook of BIOJOBS_WEBHOOK how the run (--run) or its sheet has ended. Argo takes a failed exit handler
#   for a failed run, so this step ends well whatever becomes of the message. It writes no record.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
# shellcheck disable=SC2034
step_class=small

step_main() {
  parse "about sheet stack causes" "" "$@"
  [[ ${option[about]} =~ ^(sample|sheet)$ ]] || bad_input "--about '$(shown "${option[about]}")' must be sample or sheet"
  logged notify python3 "$here/notify.py" "${option[about]}" "${option[run]}" \
    --stack "${option[stack]}" --sheet "${option[sheet]}" --causes "${option[causes]}" ||
    # Not its own words: they might hold the address
    printf 'notify: it broke off with exit code %s; the run stays as it is\n' "$(status_of notify)"
}

stub_main() { step_main "$@"; }

run_step "$@"
