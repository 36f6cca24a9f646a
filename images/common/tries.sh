# shellcheck shell=bash disable=SC2154  # lib.sh sets the rest
# What a step knows of its earlier tries. Argo knows of the last one only: its cause, and the memory that it told of.
# The rest is kept beside the record, in a list of the tries that began; every cause has its own budget. See
# workflows/failures.py, which tells causes apart and sets the variables:
#   BIOJOBS_TRY how often it was tried before, BIOJOBS_BEFORE why the last try ended, BIOJOBS_MEMORY and
#   BIOJOBS_MOST_MEMORY in MiB, BIOJOBS_BUDGETS "interruption=5 store=3 memory=1". By hand there is none of them.
#
# Exit codes: 75 asks for more memory, which an earlier try had; 76 a budget is used up. Nothing is tried again after 76.

try=${BIOJOBS_TRY:-0}
last_cause=${BIOJOBS_BEFORE:-}

# budget CAUSE -> how often a step is tried again for it
budget() {
  local pair
  for pair in ${BIOJOBS_BUDGETS:-}; do
    if [[ $pair == "$1="* ]]; then printf '%s' "${pair#*=}"; fi
  done
}

# running_with: where Kubernetes finds it when the step is killed. A message of a try that ends by itself takes its place.
running_with() { last_word "running with ${option[memory]} MiB"; }

# in_this_try -> with how much memory, for the last word: the next try gets as much, or twice that
in_this_try() {
  if [[ -n ${BIOJOBS_MEMORY:-} ]]; then printf ' in try %s with %s MiB' $((try + 1)) "$BIOJOBS_MEMORY"; fi
}

# judge_tries: counts the tries before this one; ends the step where a budget is used up, or where it was given less
# memory than before. It is one GET and one PUT, for steps that are tried again only.
judge_tries() {
  # A step may look twice whether its work is done
  if ((try == 0)) || [[ -e $scratch/tries ]]; then return; fi
  local list=$scratch/tries uri=${option[record]%.json}.tries had most interrupted
  read_tries "$uri" > "$list"
  jq -c --argjson try "$try" --arg cause "$last_cause" --argjson memory "${option[memory]}" \
    '. + [{try: $try, before: $cause, memory: $memory}]' "$list" > "$list.new"
  mv "$list.new" "$list"
  had=$(jq 'map(.memory) | max' "$list")
  jq -nc --arg run "${option[run]}" --slurpfile tries "$list" '{run: $run, tries: $tries[0]}' > "$scratch/tries.json"
  store_put "$scratch/tries.json" "$uri"
  if (($(tries_for memory) > $(budget memory))); then
    fail 76 tool "$step ran out of memory (with $had MiB, and it may have ${BIOJOBS_MOST_MEMORY:-no more}): $(more_memory)"
  fi
  interrupted=$(tries_for interruption) most=$(budget interruption)
  if ((interrupted > most)); then used_up "$interrupted"; fi
  if ((option[memory] < had)); then fail 75 tool "again, with $had MiB: an earlier try had that much"; fi
}

# read_tries URI -> a JSON list of this run's tries, empty where there is none that can be read
read_tries() {
  local found=$scratch/tries.old
  if store_find "$1" > /dev/null; then
    store_cat "$1" > "$found"
    jq -ce --arg run "${option[run]}" 'select(.run == $run) | .tries | map(select(.try and (.memory | numbers)))' "$found" \
      2> /dev/null && return
  fi
  echo '[]'
}

# tries_for CAUSE -> how many tries ended for it. A try that never came to its list was interrupted before.
tries_for() {
  local list=$scratch/tries
  if [[ ! -s $list ]]; then
    # A store that does not even give the list has failed all tries before, as far as one can tell
    if [[ $1 == store ]]; then echo "$try"; else echo 0; fi
  elif [[ $1 == interruption ]]; then
    jq --argjson try "$try" '(map(.try) | unique | length) as $listed
      | (map(select(.before == "interruption" or .before == "executor")) | length) + $try - $listed' "$list"
  else
    jq --arg cause "$1" 'map(select(.before == $cause)) | length' "$list"
  fi
}

used_up() { fail 76 interruption "$step was interrupted $1 times, and is not tried again by itself: run \`up\` again"; }

# is_last CAUSE: another try that ends for this cause would be one too many
is_last() {
  local most
  most=$(budget "$1")
  [[ -n $most ]] && (($(tries_for "$1") >= most))
}

# forget_tries: the step is done, and its record has them
forget_tries() {
  if ((try > 0)); then store_delete "${option[record]%.json}.tries"; fi
}
