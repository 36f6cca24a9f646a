#!/bin/bash
# record.sh --steps URI ... --out URI_OF_run.json and the common options
#   Gathers the records of a sample's steps into its run record. It is written last: where it is, the run is complete.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
step_class=small
repeated_steps=()

# What one step made for another is no input of the run, and what goes when the next has used it is no output.
# shellcheck disable=SC2016
gather='[.[].outputs[].uri] as $made
  | { sample: $sample, run: $run, complete: true,
      started: (map(.started) | min), ended: (map(.ended) | max),
      seconds: (map(.seconds) | add), cpu_seconds: (map(.cpu_seconds) | add | . * 100 | round / 100),
      peak_memory_bytes: (map(.peak_memory_bytes // 0) | max),
      images: (map({(.step): .image}) | add), tools: (map(.tools) | add),
      inputs: ([.[].inputs[] | select(.uri as $uri | $made | index([$uri]) | not)] | unique_by(.uri)),
      outputs: map(select(.facts.intermediate | not) | .outputs[]), steps: . }'

step_main() {
  begin "$@"
  check_inputs
  check_outputs
  jq -s --arg sample "${option[sample]}" --arg run "${option[run]}" "$gather" \
    "$scratch/work/steps" > "$scratch/work/run.json"
  publish "$scratch/work/run.json" "${option[out]}"
  write_record
  printf 'record: sample %s: %s steps\n' "${option[sample]}" "${#repeated_steps[@]}"
}

stub_main() {
  begin "$@"
  publish_stubs "${option[out]}"
  write_record
}

begin() {
  parse "out" "steps:1" "$@"
  ((${#repeated_steps[@]} > 0)) || bad_input "--steps is missing"
  skip_if_done
  local uri
  while read -r uri; do add_step "$uri"; done < <(printf '%s\n' "${repeated_steps[@]}" | awk '!seen[$0]++')
}

# add_step URI: a step record, whole and of this sample
add_step() {
  local found
  found=$(store_stat "$1")
  store_cat "$1" > "$scratch/work/one"
  jq -e '.step and .sample and .key and .ended and (.outputs | type == "array")' "$scratch/work/one" > /dev/null 2>&1 ||
    fail 70 verification "$1 is no step record"
  # The reference index is made once and belongs to no sample
  jq -e --arg sample "${option[sample]}" '.sample == $sample or .step == "index"' "$scratch/work/one" > /dev/null ||
    fail 70 verification "$1 is the record of sample $(jq -r .sample "$scratch/work/one"), not of ${option[sample]}"
  jq -c --arg uri "$1" '. + {record: $uri}' "$scratch/work/one" >> "$scratch/work/steps"
  note_input "$1" "${found%%$'\t'*}" "${found#*$'\t'}" "$(sha256 "$scratch/work/one")"
}

# check_inputs: all steps read the same bytes under the same name
check_inputs() {
  local changed
  changed=$(jq -rs '[.[].inputs[]] | group_by(.uri)
    | map(select((map(.sha256) | unique | length) > 1)) | .[0][0].uri // empty' "$scratch/work/steps")
  [[ -z $changed ]] || fail 70 verification "$changed was changed while the run was going: start the run again"
}

# check_outputs: everything the steps made to stay is there
check_outputs() {
  local size uri found
  while IFS=$'\t' read -r size uri; do
    found=$(store_stat "$uri")
    [[ ${found%%$'\t'*} == "$size" ]] || fail 70 verification "$uri has ${found%%$'\t'*} bytes, its record says $size"
  done < <(jq -r 'select(.facts.intermediate | not) | .outputs[] | "\(.size)\t\(.uri)"' "$scratch/work/steps")
}

run_step "$@"
