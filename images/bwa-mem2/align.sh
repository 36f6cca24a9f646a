#!/bin/bash
# align.sh --reference URI/ --lane ID LIBRARY PLATFORM R1URI R2URI ... --batch-bases N --out URI/ and the common options
#   Reads of all lanes -> bwa-mem2 -> one samtools sort, in one stream.
#   Out: SAMPLE.bam, SAMPLE.bam.bai, SAMPLE.flagstat.txt, SAMPLE.stats.txt.
# shellcheck disable=SC2317  # `logged` calls functions by name
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
step_class=large

step_main() {
  parse "reference out batch-bases" "lane:5" "$@"
  check_lanes
  skip_if_done
  find_reads
  stage_reference
  plan_memory
  align
  check_streams
  inspect
  local ending sample=${option[sample]}
  for ending in flagstat.txt stats.txt bam.bai bam; do
    publish "$scratch/work/$sample.$ending" "$(within "${option[out]}" "$sample.$ending")"
  done
  write_record
  printf 'align: sample %s: %s pairs, %s%% mapped\n' "$sample" "$pairs" "$mapped_percent"
}

check_lanes() {
  local at value ids=' '
  lanes=$((${#repeated_lane[@]} / 5))
  ((lanes > 0)) || bad_input "--lane is missing"
  check_number batch-bases 1
  for ((at = 0; at < lanes * 5; at += 5)); do
    # SAM allows any printable character in a read group; bwa-mem2 would take a backslash as an escape
    for value in "${repeated_lane[@]:at:3}"; do
      [[ $value != *\\* && $value =~ ^[\ -~]+$ ]] ||
        bad_input "--lane '$(shown "$value")' holds a character that a read group may not have"
    done
    value=${repeated_lane[at]}
    [[ $ids != *" $value "* && $value != *' '* ]] ||
      bad_input "--lane '$(shown "$value")' is there twice or has a space"
    ids+="$value "
    [[ ${repeated_lane[at + 3]} != "${repeated_lane[at + 4]}" ]] || bad_input "lane $value: R1 and R2 are the same file"
  done
}

# lane INDEX FIELD: 0 id, 1 library, 2 platform, 3 R1, 4 R2
lane() { printf '%s' "${repeated_lane[$1 * 5 + $2]}"; }

# find_reads: everything is there and fits, before the work begins
find_reads() {
  local index mate uri found sizes=0
  for ((index = 0; index < lanes; index++)); do
    for mate in 1 2; do
      uri=$(lane "$index" $((mate + 2)))
      found=$(store_stat "$uri")
      printf '%s\n' "$found" > "$scratch/found.$index.$mate"
      if [[ $(store_head "$uri" 2 | od -An -tx1) == ' 1f 8b' ]]; then : > "$scratch/gzip.$index.$mate"; fi
      sizes=$((sizes + ${found%%$'\t'*}))
    done
  done
  # Sorting keeps the records twice for a while, about as big as the gzipped reads each
  need_scratch $((sizes * 3 / 2)) "sorting ${option[sample]}"
}

# stage_reference: bwa-mem2 wants its index as files; those of a path are used where they are
stage_reference() {
  local base=${option[reference]} ending uri found size total=0
  reference=$scratch/work/reference.fa
  if [[ $base != *://* ]]; then reference=$(realpath -ms -- "$base")/reference.fa; fi
  note_tool bwa-mem2 samtools
  for ending in 0123 amb ann bwt.2bit.64 pac; do
    uri=$(within "$base" "reference.fa.$ending")
    found=$(store_stat "$uri")
    size=${found%%$'\t'*}
    total=$((total + size))
    if [[ $base == *://* ]]; then
      need_scratch "$size" "the index"
      store_get "$uri" "$reference.$ending"
      [[ $(stat -c %s "$reference.$ending") == "$size" ]] || fail 74 store "$uri arrived incomplete"
    fi
  done
  index_mib=$((total / 1048576 + 1))
  [[ $(stat -c %s "$reference.0123") == "$(awk 'NR == 1 { print 2 * $1 }' "$reference.ann")" ]] ||
    fail 70 verification "the index in $base is damaged: build it anew"
  note_facts "$(jq -nc --arg reference "$base" '{reference: $reference}')"
}

# plan_memory: what bwa-mem2 leaves goes to the sort.
#   bwa-mem2: the index, 12 bytes a base of a batch (two batches of reads and their SAM are on the way), and a
#     gibibyte a thread with big references; 100 MiB a thread is the least
#   sort -m, a thread: 4/5 of the rest (it has buffers besides), up to 2 GiB; where memory is scarce 32 to 64 MiB
plan_memory() {
  local threads=${option[threads]} left
  left=$((option[memory] - 128 - index_mib - 12 * option[batch-bases] / 1048576))
  ((left >= 140 * threads)) ||
    too_small memory "aligning with $threads threads needs $((option[memory] - left + 140 * threads)) MiB of memory,\
 the step has ${option[memory]}"
  sort_mib=$(((left - 1024 * threads) * 4 / 5 / threads))
  if ((sort_mib > 2048)); then sort_mib=2048; fi
  if ((sort_mib < 64)); then
    sort_mib=$(((left - 100 * threads) * 4 / 5 / threads))
    if ((sort_mib > 64)); then sort_mib=64; fi
  fi
}

read_group() {
  printf '@RG\\tID:%s\\tSM:%s\\tLB:%s\\tPL:%s' "$(lane "$1" 0)" "${option[sample]}" "$(lane "$1" 1)" "$(lane "$1" 2)"
}

# reader INDEX MATE: the plain reads of a file to stdout, and beside: sum.I.M (SHA-256), lines.I.M, and exit codes
reader() {
  local part=$1.$2 uri unpack=(cat)
  uri=$(lane "$1" $(($2 + 2)))
  if [[ -e $scratch/gzip.$part ]]; then unpack=(gzip -dc); fi
  logged "from.$part" store_cat "$uri" | tee >(sha256sum > "$scratch/sum.$part") |
    logged "gzip.$part" "${unpack[@]}" | tee >(wc -l > "$scratch/lines.$part") || true
  : > "$scratch/read.$part"
}

# lane_records INDEX: SAM of one lane. The header comes from the first lane alone, with the read groups of all.
lane_records() {
  local index=$1 other command code=0
  command=(bwa-mem2 mem -t "${option[threads]}" -K "${option[batch-bases]}" -R "$(read_group "$index")")
  if ((index == 0)); then
    for ((other = 1; other < lanes; other++)); do command+=(-H "$(read_group "$other")"); done
  fi
  note_command "${command[@]}" reference.fa "$(lane "$index" 3)" "$(lane "$index" 4)"
  if ((index == 0)); then
    logged "bwa.$index" "${command[@]}" "$reference" <(reader "$index" 1) <(reader "$index" 2) || code=$?
  else
    logged "bwa.$index" "${command[@]}" "$reference" <(reader "$index" 1) <(reader "$index" 2) |
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

align() {
  local command bam=$scratch/work/${option[sample]}.bam
  command=(samtools sort -@ "${option[threads]}" -m "${sort_mib}M" -T "$scratch/work/sort"
    --write-index -o "$bam##idx##$bam.bai" -)
  note_command "${command[@]}"
  # The exit codes lie in status/, and check_streams reads them
  logged lanes all_lanes | logged sort "${command[@]}" > "$scratch/logs/sort.out" || true
}

# check_streams: every part of the pipe went well. A part that was cut off (141) is never the cause, and sort, which
# is the last, only when it says why; else it complains of what came before it.
check_streams() {
  local index mate code sort
  sort=$(status_of sort)
  if [[ $sort == 137 ]] || grep -qs 'No space left on device' "$scratch/logs/sort"; then
    explain sort "samtools sort" "$sort"
  fi
  pairs=0
  for ((index = 0; index < lanes; index++)); do
    for mate in 1 2; do check_reader "$index" "$mate"; done
    code=$(status_of "bwa.$index")
    if grep -qsE 'paired reads have different names' "$scratch/logs/bwa.$index"; then
      bad_input "sample ${option[sample]}, lane $(lane "$index" 0): R1 and R2 hold differently named reads"
    fi
    if [[ $code != 0 ]]; then explain "bwa.$index" "bwa-mem2 mem" "$code"; fi
    check_counts "$index"
  done
  if [[ $sort != 0 ]]; then explain sort "samtools sort" "$sort"; fi
  code=$(status_of lanes)
  if [[ $code != 0 ]]; then fail "$code" tool "the stream of alignments broke off (exit code $code)"; fi
}

check_reader() {
  local part=$1.$2 uri from gzip tenth
  uri=$(lane "$1" $(($2 + 2)))
  # When bwa-mem2 has read to the end, its readers are about to end too
  for ((tenth = 0; tenth < 600; tenth++)); do
    if [[ -e $scratch/read.$part && -s $scratch/sum.$part && -s $scratch/lines.$part ]]; then break; fi
    if [[ $(status_of "bwa.$1") != 0 && $tenth -gt 20 ]]; then break; fi
    sleep 0.1
  done
  from=$(status_of "from.$part") gzip=$(status_of "gzip.$part")
  if [[ $from != 0 && $from != 141 && $from != none ]]; then
    cat "$scratch/logs/from.$part" >&2
    exit "$from"
  fi
  if [[ $gzip == 1 || $gzip == 2 ]]; then
    bad_input "R$2 of lane $(lane "$1" 0) ($uri): the gzip file is cut or damaged"
  fi
}

check_counts() {
  local index=$1 one two found mate
  one=$(cat "$scratch/lines.$index.1") two=$(cat "$scratch/lines.$index.2")
  # bwa-mem2 stops reading the longer file, whose reader is then cut off
  if ((one % 4 != 0 || one != two)) || [[ $(status_of "gzip.$index.1")$(status_of "gzip.$index.2") != 00 ]]; then
    bad_input "sample ${option[sample]}, lane $(lane "$index" 0): R1 and R2 have different numbers of reads"
  fi
  pairs=$((pairs + one / 4))
  for mate in 1 2; do
    found=$(cat "$scratch/found.$index.$mate")
    note_input "$(lane "$index" $((mate + 2)))" "${found%%$'\t'*}" "${found#*$'\t'}" \
      "$(cut -d ' ' -f 1 "$scratch/sum.$index.$mate")"
  done
}

# inspect: the BAM is whole, sorted, and has every read once as primary record
inspect() {
  local bam=$scratch/work/${option[sample]}.bam flagstat=$scratch/work/${option[sample]}.flagstat.txt
  local stats=$scratch/work/${option[sample]}.stats.txt code=0 primary mapped other
  logged quickcheck samtools quickcheck -v "$bam" ||
    fail 70 verification "samtools quickcheck refuses the BAM: $(last_words quickcheck)"
  [[ -s $bam.bai ]] || fail 70 verification "samtools sort wrote no index"
  note_command samtools flagstat "${option[sample]}.bam"
  note_command samtools stats "${option[sample]}.bam"
  logged flagstat samtools flagstat "$bam" > "$flagstat" &
  other=$!
  logged stats samtools stats "$bam" > "$stats" || code=$?
  if ((code != 0)); then explain stats "samtools stats" "$code"; fi
  wait "$other" || explain flagstat "samtools flagstat" "$(status_of flagstat)"
  primary=$(awk '$4 == "primary" && NF == 4 { print $1 + $3 }' "$flagstat")
  ((primary == 2 * pairs)) ||
    fail 70 verification "the BAM has $primary primary records, not $((2 * pairs)) for $pairs pairs"
  [[ $(stat_value "is sorted:") == 1 ]] || fail 70 verification "the BAM is not sorted"
  mapped=$(stat_value "reads mapped:")
  mapped_percent=$(awk -v mapped="$mapped" -v all="$primary" 'BEGIN { printf "%.2f", 100 * mapped / all }')
  note_facts "$(jq -nc --argjson pairs "$pairs" --argjson primary "$primary" --argjson mapped "$mapped" \
    --argjson percent "$mapped_percent" --argjson proper "$(stat_value "reads properly paired:")" \
    --argjson insert "$(stat_value "insert size average:")" --argjson error "$(stat_value "error rate:")" \
    '{pairs: $pairs, primary_records: $primary, mapped: $mapped, mapped_percent: $percent, properly_paired: $proper,
      mean_insert_size: $insert, error_rate: $error}')"
}

# stat_value NAME: of the summary of samtools stats
stat_value() {
  awk -F '\t' -v name="$1" '$1 == "SN" && $2 == name { print $3 }' "$scratch/work/${option[sample]}.stats.txt"
}

run_step "$@"
