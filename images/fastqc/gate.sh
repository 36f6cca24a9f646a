#!/bin/bash
# gate.sh --fastqc URI/ --pair R1NAME R2NAME ... --must-not-fail "FastQC module" ... --min-reads N --min-mean-quality Q
#   and the common options
#   Reads what the fastqc steps published for every pair. Files that are no pair are bad input (65); a sample that is
#   not good enough is stopped (77), with all the reasons at once.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
step_class=small

modules=("Basic Statistics" "Per base sequence quality" "Per tile sequence quality" "Per sequence quality scores"
  "Per base sequence content" "Per sequence GC content" "Per base N content" "Sequence Length Distribution"
  "Sequence Duplication Levels" "Overrepresented sequences" "Adapter Content" "Kmer Content")

reasons=() repeated_pair=() repeated_must_not_fail=()

step_main() {
  begin "$@"
  local index
  for ((index = 0; index < ${#repeated_pair[@]}; index += 2)); do
    fetch "${repeated_pair[index]}"
    fetch "${repeated_pair[index + 1]}"
    check_pair "${repeated_pair[index]}" "${repeated_pair[index + 1]}"
  done
  for ((index = 0; index < ${#repeated_pair[@]}; index += 2)); do
    check_amount "${repeated_pair[index]}"
    check_file "${repeated_pair[index]}"
    check_file "${repeated_pair[index + 1]}"
  done
  if ((${#reasons[@]} > 0)); then
    fail 77 "stopped by QC" "sample ${option[sample]}: $(joined '; ' "${reasons[@]}")"
  fi
  write_verdict
  printf 'gate: sample %s passes\n' "${option[sample]}"
}

# Its record is all that it makes
stub_main() {
  begin "$@"
  write_record
}

begin() {
  parse "fastqc min-reads min-mean-quality" "pair:2 must-not-fail:1" "$@"
  check_rules
  skip_if_done
}

# joined SEPARATOR WORD...
joined() {
  local separator=$1 text=$2
  shift 2
  printf '%s' "$text" "${@/#/$separator}"
}

check_rules() {
  ((${#repeated_pair[@]} > 0)) || bad_input "--pair is missing"
  check_number min-reads 0
  [[ ${option[min-mean-quality]} =~ ^[0-9]{1,3}(\.[0-9]+)?$ ]] ||
    bad_input "--min-mean-quality '$(shown "${option[min-mean-quality]}")' is no number"
  local name module
  for name in "${repeated_pair[@]}"; do check_name pair "$name"; done
  for module in "${repeated_must_not_fail[@]}"; do
    # Not in a pipe: grep is content with the first match, and the pipe then fails at times for want of a reader.
    grep -qxF -- "$module" <(printf '%s\n' "${modules[@]}") ||
      bad_input "--must-not-fail '$(shown "$module")' is no FastQC module; they are: $(joined ', ' "${modules[@]}")"
  done
}

# fetch NAME: its facts and FastQC's summary
fetch() {
  local name=$1 base=${option[fastqc]} kind uri found
  mkdir -p "$scratch/work/$name"
  for kind in reads.json fastqc.zip; do
    uri=$(within "$base" "${name}_$kind")
    found=$(store_stat "$uri")
    store_cat "$uri" > "$scratch/work/$name/$kind"
    note_input "$uri" "${found%%$'\t'*}" "${found#*$'\t'}" "$(sha256 "$scratch/work/$name/$kind")"
  done
  logged unzip rclone archive extract -- "$scratch/work/$name/fastqc.zip" "$scratch/work/$name/report" ||
    fail 70 verification "$uri is damaged: $(last_words unzip)"
  summary=$(find "$scratch/work/$name/report" -name summary.txt)
  [[ -s $summary ]] || fail 70 verification "$uri holds no summary.txt"
  cp "$summary" "$scratch/work/$name/summary.txt"
}

fact() { jq -r ".$2" "$scratch/work/$1/reads.json"; }

# called NAME -> "R1 of lane L001", for names like SAMPLE_L001_R1
called() {
  local rest=${1#"${option[sample]}_"}
  if [[ $rest =~ ^(.+)_(R[12])$ ]]; then
    printf '%s of lane %s' "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}"
  else
    printf '%s' "$1"
  fi
}

lane_of() {
  local name
  name=$(called "$1")
  printf '%s' "${name#R[12] of }"
}

# check_pair R1 R2: the same reads in the same order, and not exchanged
check_pair() {
  local one two where
  where="sample ${option[sample]}, $(lane_of "$1")"
  one=$(fact "$1" reads) two=$(fact "$2" reads)
  [[ $one == "$two" ]] || bad_input "$where: R1 has $one reads, R2 has $two"
  one=$(fact "$1" first) two=$(fact "$2" first)
  [[ $one == "$two" ]] || bad_input "$where: R1 and R2 do not belong together: R1 begins with read $one, R2 with $two"
  one=$(fact "$1" last) two=$(fact "$2" last)
  [[ $one == "$two" ]] || bad_input "$where: R1 and R2 do not belong together: R1 ends with read $one, R2 with $two"
  [[ $(fact "$1" names_sha256) == "$(fact "$2" names_sha256)" ]] ||
    bad_input "$where: R1 and R2 hold differently named or ordered reads"
  if [[ $(fact "$1" mate) == 2 && $(fact "$2" mate) == 1 ]]; then bad_input "$where: R1 and R2 are exchanged"; fi
  if [[ $(fact "$1" mate) != 0 && $(fact "$1" mate) == "$(fact "$2" mate)" ]]; then
    bad_input "$where: R1 and R2 are both read $(fact "$1" mate) of the pairs"
  fi
}

check_amount() {
  local reads
  reads=$(fact "$1" reads)
  if ((reads < option[min-reads])); then
    reasons+=("$(lane_of "$1"): $reads read pairs are fewer than biojobs:qc.minReads ${option[min-reads]}")
  fi
}

check_file() {
  local name=$1 quality module verdicts
  quality=$(fact "$name" mean_quality)
  verdicts=$(cut -f 1,2 "$scratch/work/$name/summary.txt")
  if awk -v quality="$quality" -v least="${option[min-mean-quality]}" 'BEGIN { exit !(quality < least) }'; then
    reasons+=("$(called "$name"): mean quality $quality is below biojobs:qc.minMeanQuality ${option[min-mean-quality]}")
  fi
  for module in "${repeated_must_not_fail[@]}"; do
    if grep -qxF -- $'FAIL\t'"$module" <<< "$verdicts"; then
      reasons+=("$(called "$name"): FastQC fails '$module', which biojobs:qc.mustNotFail lists")
    fi
  done
}

# write_verdict: the record is the output
write_verdict() {
  local index lane one two pairs=()
  for ((index = 0; index < ${#repeated_pair[@]}; index += 2)); do
    one=${repeated_pair[index]} two=${repeated_pair[index + 1]}
    lane=$(lane_of "$one")
    pairs+=("$(jq -nc --arg lane "${lane#lane }" --argjson pairs "$(fact "$one" reads)" \
      --argjson one "$(fact "$one" mean_quality)" --argjson two "$(fact "$two" mean_quality)" \
      '{lane: $lane, pairs: $pairs, mean_quality: [$one, $two]}')")
  done
  note_facts "$(printf '%s\n' "${pairs[@]}" | jq -sc '{passed: true, pairs: (map(.pairs) | add), lanes: .}')"
  write_record
}

run_step "$@"
