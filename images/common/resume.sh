# shellcheck shell=bash disable=SC2154  # lib.sh sets the rest
# Whether a step's work is done already: what its record must say, and what must be in the store.

# Steps of thousands of results have records of a few megabytes; one that is longer is none, and would take all memory.
record_most=8388608

# work_is_done: the record says that this very work is done, and its outputs are there as it tells of them. What the
# record itself may have wrong is left in `undone`.
work_is_done() {
  local record=$scratch/old-record size modified sum uri
  undone=
  read_record || return 1
  check_record
  if [[ -n $undone ]]; then return 1; fi
  while IFS=$'\t' read -r size modified sum uri; do
    is_as_recorded "$uri" "$size" "$modified" "$sum" || return 1
  done < <(jq -r '.outputs[] | "\(.size)\t\(.modified // "-")\t\(.sha256 // "-")\t\(.uri)"' "$record")
}

# read_record -> old-record, or as much of it as a record may have; returns 1 when there is none
read_record() {
  local remote code=0
  store_find "${option[record]}" > /dev/null || return 1
  remote=$(remote_of "${option[record]}") || exit
  ask record "$scratch/old-record" cat --count "$((record_most + 1))" -- "$remote" || code=$?
  if ((code == 0)); then return; fi
  # Another run of the same work may just have taken it away
  if store_says_missing "$scratch/logs/record"; then return 1; fi
  store_failed record "${option[record]}"
}

# check_record -> undone: what is wrong with old-record, empty when nothing is
check_record() {
  local record=$scratch/old-record
  if (($(stat -c %s "$record") > record_most)); then
    undone="its record is longer than $record_most bytes"
    return
  fi
  undone=$(jq -rs --arg key "${option[key]}" --arg sample "${option[sample]}" '
    def told: type == "object" and (.uri | type == "string" and (test("[[:cntrl:]]") | not))
      and (.size | type == "number");
    if length != 1 or (.[0] | type) != "object" then "its record is cut, or no record"
    else .[0] | if .key != $key then "its record is of other work"
      elif (.sample // $sample) != $sample then "its record is of another sample"
      elif (.outputs | type) != "array" or (.outputs | all(told) | not) then "its record does not tell of its results"
      else "" end end' "$record" 2> /dev/null) || undone="its record is cut, or no record"
}

# is_same_file FOUND BEFORE, both as store_find tells: as long, and not written later. A store that was started anew may tell
# of an earlier time: the workspace's does.
is_same_file() { [[ ${1%%$'\t'*} == "${2%%$'\t'*}" && ! ${1#*$'\t'} > ${2#*$'\t'} ]]; }

# is_as_recorded URI SIZE MODIFIED SHA256: an output has its size, and was not written since; where it was, its bytes
# are still the same. Leaves in `undone` what is not so.
is_as_recorded() {
  local uri=$1 found code=0 sum
  found=$(store_find "$uri") || code=$?
  if ((code > 1)); then exit "$code"; fi
  if ((code == 1)); then
    undone="$uri is not there any more"
  elif [[ ${found%%$'\t'*} != "$2" ]]; then
    undone="$uri has ${found%%$'\t'*} bytes, its record tells of $2"
  elif [[ $3 != - ]] && ! is_same_file "$found" "$2"$'\t'"$3"; then
    printf '%s: %s was written since its record, looking at all its bytes\n' "$step" "$uri" >&2
    sum=$(store_cat "$uri" "$found" | sha256sum) || exit
    if [[ ${sum%% *} != "$4" ]]; then undone="$uri has other bytes than its record tells of"; fi
  fi
  [[ -z $undone ]]
}

# skip_if_done: ends the step when its work is done. A record that does not hold goes before the work begins.
skip_if_done() {
  if work_is_done; then
    printf '%s: already done\n' "$step"
    exit 0
  fi
  if [[ -n $undone ]]; then
    printf '%s: %s, doing the step again\n' "$step" "$undone" >&2
    store_delete "${option[record]}"
  fi
  judge_tries
}
