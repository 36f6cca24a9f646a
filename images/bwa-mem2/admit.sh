#!/bin/bash
# admit.sh --budget USD --ledger URI --finished RECORD --finished-key KEY and the common options
#   May this sample begin? Not when LEDGER (of await.sh) says that the sheet's runs have used up the budget: it ends
#   with 78 then, which is never tried again. A sample that is finished, as RECORD with KEY tells, has nothing to spend.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
# shellcheck disable=SC2034
step_class=small

step_main() {
  parse "budget ledger finished finished-key" "" "$@"
  [[ ${option[budget]} =~ ^[0-9]{1,9}(\.[0-9]{1,12})?$ ]] ||
    bad_input "--budget '$(shown "${option[budget]}")' is no amount of USD"
  local ledger=$scratch/work/budget.json used
  if ! store_find "${option[ledger]}" > /dev/null; then
    admitted "nothing has been spent yet"
  fi
  store_cat "${option[ledger]}" > "$ledger"
  used=$(spent "$ledger") || admitted "the ledger ${option[ledger]} cannot be read"
  if [[ -z $used ]]; then admitted "the budget is not used up"; fi
  if is_finished; then admitted "it is finished"; fi
  fail 78 budget "$used: not started; raise biojobs:budget and run \`up\` again"
}

admitted() {
  printf 'admit: %s may go on: %s\n' "${option[sample]}" "$1"
  exit 0
}

# spent LEDGER -> why nothing more may be spent, or nothing. What an await with another budget decided is void.
spent() {
  jq -er --argjson budget "${option[budget]}" '
    def usd: (. * 100 | round | tostring) | if length < 3 then ("00" + .)[-3:] else . end | "\(.[:-2]).\(.[-2:])";
    (.modelled | numbers) as $modelled | (.prices | strings) as $prices | (.stopped | booleans) as $stopped
    | if $modelled > $budget or ($stopped and .budget == $budget)
      then "\($budget | usd) USD are used up (modelled \($modelled | usd) USD, \($prices))" else "" end' "$1" 2> /dev/null
}

# is_finished: the sample's run has been recorded, as it would be now
is_finished() {
  local record=$scratch/work/finished
  store_find "${option[finished]}" > /dev/null || return 1
  store_cat "${option[finished]}" > "$record"
  jq -e --arg key "${option[finished-key]}" '.key == $key' "$record" > /dev/null 2>&1
}

stub_main() { step_main "$@"; }

run_step "$@"
