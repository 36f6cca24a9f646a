#!/bin/bash
# await.sh --kind KIND --sheet NAME and the common options
#   Waits until no Workflow of this kind is going in the namespace any more, however it ended. It writes no record: who
#   asks again, waits again.
#   --budget USD STACK LEDGER SOURCE with a --price STEP USD MILLICPU MIB for every step: meanwhile it models what the
#   runs of the sheet cost, and keeps LEDGER, which says whether new samples may still begin (admit.sh reads it).
# shellcheck disable=SC2154  # parse sets repeated_budget and repeated_price
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
# shellcheck disable=SC2034
step_class=small

step_main() {
  parse "kind sheet" "budget:4 price:4" "$@"
  check_label kind "${option[kind]}"
  check_label sheet "${option[sheet]}"
  local words=("${option[kind]}") uri=
  if ((${#repeated_budget[@]})); then with_budget; fi
  until question; do
    # There is news for those that have not begun yet
    store_put "$ledger" "$uri"
  done
  if [[ -n $uri ]]; then store_put "$ledger" "$uri"; fi
}

# question: asks until nothing is going; returns 1 when the ledger is to be saved first
question() {
  local code=0
  # Its progress is for the log, its last words for the message
  logged await python3 "$here/await.py" "${words[@]}" || code=$?
  case $code in
    0) ;;
    10) return 1 ;;
    74) fail 74 store "$(last_words await)" ;;
    *) explain await await.py "$code" ;;
  esac
}

# with_budget: what earlier runs cost counts as well
with_budget() {
  local usd=${repeated_budget[0]} stack=${repeated_budget[1]} labels
  check_amount budget "$usd"
  check_label budget "$stack"
  check_prices
  uri=${repeated_budget[2]} ledger=$scratch/work/budget.json
  if store_find "$uri" > /dev/null; then store_cat "$uri" > "$ledger"; fi
  labels="biojobs/kind=${option[kind]},biojobs/sheet=${option[sheet]},biojobs/stack=$stack"
  words+=(--ledger "$ledger" --runs "$labels" --budget "$usd" --prices "${repeated_budget[3]}" "${prices[@]}")
}

# check_prices -> prices, the words of await.py
check_prices() {
  local at
  prices=()
  ((${#repeated_price[@]})) || bad_input "--price is missing"
  for ((at = 0; at < ${#repeated_price[@]}; at += 4)); do
    check_amount price "${repeated_price[at + 1]}"
    [[ "${repeated_price[*]:at+2:2}" =~ ^[1-9][0-9]{0,8}\ [1-9][0-9]{0,8}$ ]] ||
      bad_input "--price '$(shown "${repeated_price[*]:at:4}")' must end with CPU and memory, whole numbers"
    prices+=(--price "${repeated_price[@]:at:4}")
  done
}

check_label() {
  [[ $2 =~ ^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$ ]] ||
    bad_input "--$1 '$(shown "$2")' must be a label's value: letters, digits, '.', '_' or '-'"
}

check_amount() {
  [[ $2 =~ ^[0-9]{1,9}(\.[0-9]{1,12})?$ ]] || bad_input "--$1 '$(shown "$2")' is no amount of USD"
}

stub_main() { step_main "$@"; }

run_step "$@"
