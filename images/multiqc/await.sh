#!/bin/bash
# await.sh --kind KIND --sheet NAME and the common options
#   Waits until no Workflow of this kind is going in the namespace any more, however it ended. It writes no record: who
#   asks again, waits again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
# shellcheck disable=SC2034
step_class=small

step_main() {
  parse "kind sheet" "" "$@"
  [[ ${option[kind]} =~ ^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$ ]] ||
    bad_input "--kind '$(shown "${option[kind]}")' must be a label's value: letters, digits, '.', '_' or '-'"
  local code=0
  # Its progress is for the log, its last words for the message
  logged await python3 "$here/await.py" "${option[kind]}" || code=$?
  case $code in
    0) ;;
    74) fail 74 store "$(last_words await)" ;;
    *) explain await await.py "$code" ;;
  esac
}

stub_main() { step_main "$@"; }

run_step "$@"
