#!/bin/bash
# deliver.sh, with the arguments of fetch.sh, after an aligner of the user's own
#   out/aligned.bam or out/aligned.sam -> checked, with the lane's read group -> LANE.bam in --out, not sorted.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
# shellcheck source=images/bwa-mem2/lanes.sh
source "$here/lanes.sh"
# shellcheck source=images/bwa-mem2/courier.sh
source "$here/courier.sh"
step_class=large

step_main() {
  begin "$@"
  skip_if_done
  find_aligned
  rewrite
  check_rewrite
  publish "$scratch/work/lane.bam" "$(bam_uri)"
  write_record
  printf 'deliver: sample %s, lane %s: %s pairs\n' "${option[sample]}" "${option[lane]}" "$pairs"
}

stub_main() {
  begin "$@"
  skip_if_done
  publish_stubs "$(bam_uri)"
  write_record
}

bam_uri() { within "${option[out]}" "${option[lane]}.bam"; }

# bad_result REASON: what the aligner left is not what it should be
bad_result() { fail 70 verification "sample ${option[sample]}, lane ${option[lane]}: the aligner's $1"; }

find_aligned() {
  local lane=$in/lane.json
  [[ -s $lane ]] || fail 70 verification "$lane is not there: was fetch run, and is it kept by the aligner?"
  if ! jq -c '.inputs[]' "$lane" >> "$scratch/inputs" || ! pairs=$(jq -er .pairs "$lane") ||
    ! names=$(jq -er .names "$lane"); then
    fail 70 verification "$lane was changed by the aligner"
  fi
  if [[ -e $out/aligned.bam && -e $out/aligned.sam ]]; then bad_result "folder has both aligned.bam and aligned.sam"; fi
  aligned=$out/aligned.bam
  if [[ ! -e $aligned ]]; then aligned=$out/aligned.sam; fi
  [[ -e $aligned ]] || bad_result "command left no aligned.bam and no aligned.sam in BIOJOBS_OUT"
  [[ -s $aligned ]] || bad_result "$(basename "$aligned") is empty"
  logged quickcheck samtools quickcheck -u -v "$aligned" 2> /dev/null > "$scratch/logs/quickcheck.out" ||
    bad_result "$(basename "$aligned") is not whole: samtools quickcheck refuses it"
  need_scratch "$(stat -c %s "$aligned")" "a checked copy of $(basename "$aligned")"
}

# rewrite: one pass over all records
rewrite() {
  local threads=${option[threads]}
  note_tool samtools
  logged view samtools view -h -@ "$threads" "$aligned" |
    logged check perl "$here/check_reads.pl" sam "$pairs" "$names" "$in/reference/reference.dict" \
      "${option[lane]}" "${option[sample]}" "${option[library]}" "${option[platform]}" |
    logged write samtools view -b -1 -@ "$threads" -o "$scratch/work/lane.bam" - || true
}

check_rewrite() {
  local part
  if [[ $(status_of check) == 70 ]]; then bad_result "$(basename "$aligned"): $(last_words check)"; fi
  # From the last to the first: what went away cuts off those before it
  for part in write check view; do
    case $(status_of "$part") in
      0 | 141) ;;
      *) explain "$part" "$part of $(basename "$aligned")" "$(status_of "$part")" ;;
    esac
  done
  logged quickcheck samtools quickcheck "$scratch/work/lane.bam" || fail 70 verification "the checked BAM is not whole"
  note_facts "$(jq -nc --arg lane "${option[lane]}" --argjson pairs "$pairs" \
    '{lane: $lane, pairs: $pairs, intermediate: true}')"
}

run_step "$@"
