#!/bin/bash
# align.sh --reference URI/ --lane ID LIBRARY PLATFORM R1URI R2URI SUM1 SUM2 ... --batch-bases N --reads stream|stage
#   --duplicates mark|keep --out URI/ and the common options
#   Reads of all lanes -> bwa-mem2 -> fixmate -> sort -> markdup, in one stream.
#   Out: SAMPLE.bam, .bam.bai, .flagstat.txt, .stats.txt, .coverage.txt, and with `mark` SAMPLE.markdup.txt.
# shellcheck disable=SC2317  # `logged` calls functions by name
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
# shellcheck source=images/bwa-mem2/lanes.sh
source "$here/lanes.sh"
# shellcheck source=images/bwa-mem2/bam.sh
source "$here/bam.sh"
step_class=large

step_main() {
  begin "$@"
  find_reads
  check_room
  stage_reference
  plan_memory
  if [[ ${option[reads]} == stage ]]; then stage_reads "$scratch/work"; fi
  # The exit codes lie in status/, and check_streams reads them
  logged lanes all_lanes | to_bam || true
  check_streams
  inspect
  publish_bam
  write_record
  printf 'align: sample %s: %s pairs, %s%% mapped\n' "${option[sample]}" "$pairs" "$mapped_percent"
}

stub_main() {
  begin "$@"
  bam_stubs
  write_record
}

begin() {
  parse "reference out batch-bases reads duplicates" "lane:7" "$@"
  check_lanes
  check_number batch-bases 1
  check_duplicates
  [[ ${option[reads]} == stream || ${option[reads]} == stage ]] ||
    bad_input "--reads '$(shown "${option[reads]}")' is neither stream nor stage"
  skip_if_done
}

# check_room: the index is looked at when it comes
check_room() {
  need_scratch "$(align_scratch_bytes 0 "$read_bytes" "${option[reads]}")" "sorting ${option[sample]}"
}

# stage_reference: bwa-mem2 wants its index as files; those of a path are used where they are
stage_reference() {
  local base=${option[reference]} ending uri found size total=0
  reference=reference.fa index=$scratch/work/reference.fa
  if [[ $base != *://* ]]; then
    reference=$(realpath -ms -- "$base")/reference.fa
    index=$reference
  fi
  note_tool bwa-mem2 samtools
  for ending in 0123 amb ann bwt.2bit.64 pac; do
    uri=$(within "$base" "reference.fa.$ending")
    found=$(store_stat "$uri")
    size=${found%%$'\t'*}
    total=$((total + size))
    if [[ $base == *://* ]]; then
      need_scratch "$size" "the index"
      store_get "$uri" "$index.$ending"
      [[ $(stat -c %s "$index.$ending") == "$size" ]] || fail 74 store "$uri arrived incomplete"
    fi
  done
  index_bytes=$total
  [[ $(stat -c %s "$index.0123") == "$(awk 'NR == 1 { print 2 * $1 }' "$index.ann")" ]] ||
    fail 70 verification "the index in $base is damaged: build it anew"
  note_facts "$(jq -nc --arg reference "$base" --arg reads "${option[reads]}" '{reference: $reference, reads: $reads}')"
}

# plan_memory: what bwa-mem2 leaves goes to the sort. Of a file whose size the store does not tell, any may come.
plan_memory() {
  local index mate library=() bytes=$read_bytes
  for ((index = 0; index < lanes; index++)); do
    library+=("$(lane "$index" 1)")
    for mate in 1 2; do
      if (($(size_of "$index" "$mate") == 0)); then bytes=$((1 << 40)); fi
    done
  done
  plan_marking "${library[@]}"
  plan_sort "$(align_others_mib "$index_bytes" "${option[threads]}" "${option[batch-bases]}" "$bytes")" \
    "$(usual_bases "$bytes")"
}

# lane_records INDEX: SAM of one lane. The header comes from the first lane alone, with the read groups of all.
lane_records() {
  local index=$1 other command code=0
  command=(bwa-mem2 mem -t "${option[threads]}" -K "${option[batch-bases]}" -R "$(read_group "$index")")
  if ((index == 0)); then
    for ((other = 1; other < lanes; other++)); do command+=(-H "$(read_group "$other")"); done
  fi
  note_command "${command[@]}" reference.fa "$(reads_of "$index" 1)" "$(reads_of "$index" 2)"
  if ((index == 0)); then
    logged "bwa.$index" in_work "${command[@]}" "$reference" <(reader "$index" 1) <(reader "$index" 2) || code=$?
  else
    logged "bwa.$index" in_work "${command[@]}" "$reference" <(reader "$index" 1) <(reader "$index" 2) |
      logged "body.$index" without_header || code=$?
  fi
  return "$code"
}

# without_header: looks at lines up to the first record, then only copies
without_header() {
  perl -e 'while (<STDIN>) { next if /^\@/; print or exit 1; last }
    while (read STDIN, my $block, 1 << 20) { print $block or exit 1 } close STDOUT or exit 1'
}

all_lanes() {
  local index
  for ((index = 0; index < lanes; index++)); do lane_records "$index" || return; done
}

# check_streams: every part of the pipe went well, and if not, which one is the cause
check_streams() {
  local index mate code sources=()
  for ((index = 0; index < lanes; index++)); do sources+=("bwa.$index"); done
  check_cut_off "${sources[@]}"
  pairs=0
  for ((index = 0; index < lanes; index++)); do
    for mate in 1 2; do check_reader "$index" "$mate" "bwa.$index"; done
    code=$(status_of "bwa.$index")
    if grep -qsE 'paired reads have different names' "$scratch/logs/bwa.$index"; then
      bad_input "sample ${option[sample]}, lane $(lane "$index" 0): R1 and R2 hold differently named reads"
    fi
    if [[ $code != 0 ]]; then explain "bwa.$index" "bwa-mem2 mem" "$code"; fi
    check_counts "$index"
  done
  check_parts
  code=$(status_of lanes)
  if [[ $code != 0 ]]; then fail "$code" tool "the stream of alignments broke off (exit code $code)"; fi
}

run_step "$@"
