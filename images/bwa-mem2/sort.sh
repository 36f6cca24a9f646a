#!/bin/bash
# sort.sh --lane-bam LANE URI ... --reference URI/ --duplicates mark|keep --out URI/ and the common options
#   What deliver left of every lane -> fixmate -> sort -> markdup, in one stream: all that align does after bwa-mem2.
#   Out: what align makes. The BAMs of the lanes are deleted at the end.
# shellcheck disable=SC2317  # `logged` calls functions by name
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
# shellcheck source=images/bwa-mem2/bam.sh
source "$here/bam.sh"
step_class=large
repeated_lane_bam=()

step_main() {
  begin "$@"
  find_bams
  read_headers
  plan_sort "$(streams_mib 1 "$bytes")" "$(usual_bases "$bytes")"
  open_lanes
  logged cat in_work samtools cat --no-PG -h header -o - "${pipes[@]}" | to_bam || true
  check_lanes_read
  inspect
  publish_bam
  write_record
  delete_lanes
  printf 'sort: sample %s: %s pairs, %s%% mapped\n' "${option[sample]}" "$pairs" "$mapped_percent"
}

stub_main() {
  begin "$@"
  bam_stubs
  write_record
  delete_lanes
}

begin() {
  local index
  parse "reference out duplicates" "lane-bam:2" "$@"
  names=() bams=()
  for ((index = 0; index < ${#repeated_lane_bam[@]}; index += 2)); do
    check_name lane-bam "${repeated_lane_bam[index]}"
    names+=("${repeated_lane_bam[index]}") bams+=("${repeated_lane_bam[index + 1]}")
  done
  ((${#bams[@]} > 0)) || bad_input "--lane-bam is missing"
  check_duplicates
  skip_if_done
}

find_bams() {
  local index found
  bytes=0
  for index in "${!bams[@]}"; do
    found=$(store_stat "${bams[index]}")
    printf '%s\n' "$found" > "$scratch/found.$index"
    bytes=$((bytes + ${found%%$'\t'*}))
  done
  need_scratch "$(align_scratch_bytes 0 "$bytes" stream)" "sorting ${option[sample]}"
  note_tool samtools
  note_facts "$(jq -nc --arg reference "${option[reference]}" '{reference: $reference}')"
}

# read_headers -> header: the first lane's, with the read groups of all; pairs: of all lanes together
read_headers() {
  local index uri one library=()
  pairs=0
  for index in "${!bams[@]}"; do
    uri=${bams[index]} one=$scratch/work/header.$index
    # A header has a few hundred thousand bytes
    store_head "$uri" 8388608 > "$scratch/work/head"
    logged header samtools view -H --no-PG "$scratch/work/head" > "$one" || not_delivered "$uri"
    [[ $(grep '^@SQ' "$one") == "$(grep '^@SQ' "$scratch/work/header.0")" ]] ||
      fail 70 verification "$uri has other contigs than ${bams[0]}: align all lanes with one reference"
    [[ $(grep -c '^@RG' "$one") == 1 ]] || not_delivered "$uri"
    library+=("$(sed -n 's/^@RG.*\tLB:\([^\t]*\).*/\1/p' "$one")")
    pairs=$((pairs + $(pairs_of "$one" "$uri")))
  done
  rm "$scratch/work/head"
  plan_marking "${library[@]}"
  join_headers
}

not_delivered() { fail 70 verification "$1 is no BAM that deliver made: delete it and start the run again"; }

pairs_of() {
  local count
  count=$(sed -n 's/^@CO\tbiojobs:pairs://p' "$1")
  [[ $count =~ ^[1-9][0-9]*$ ]] || not_delivered "$2"
  printf '%s' "$count"
}

join_headers() {
  local index header=$scratch/work/header
  {
    grep -E '^@(HD|SQ)' "$header.0"
    for index in "${!bams[@]}"; do grep '^@RG' "$header.$index"; done
    grep -vE '^@(HD|SQ|RG)|^@CO.biojobs:' "$header.0" || true
  } > "$header"
}

# open_lanes -> pipes: a lane is read from the store when samtools comes to it, not before
open_lanes() {
  local index
  pipes=()
  for index in "${!bams[@]}"; do
    mkfifo "$scratch/work/lane.$index"
    pipes+=("lane.$index")
    lane_stream "$index" > "$scratch/work/lane.$index" &
  done
}

lane_stream() {
  logged "from.$1" store_cat "${bams[$1]}" "$(cat "$scratch/found.$1")" | measured "$1" none || true
}

check_lanes_read() {
  local index code found uri
  check_cut_off cat
  for index in "${!bams[@]}"; do
    uri=${bams[index]}
    code=$(status_of "from.$index")
    if [[ $code != 0 && $code != 141 && $code != none ]]; then
      cat "$scratch/logs/from.$index" >&2
      exit "$code"
    fi
    if [[ $(status_of cat) != 0 ]]; then explain cat "samtools cat" "$(status_of cat)"; fi
    found=$(cat "$scratch/found.$index")
    check_measured "$index" none "${found%%$'\t'*}" "$uri" "lane ${names[index]}"
    note_input "$uri" "$(measure "$index" size)" "${found#*$'\t'}" "$(measure "$index" sha256)"
  done
  check_parts
}

# delete_lanes: they are as big as the result, and of no use beside it
delete_lanes() {
  local uri
  for uri in "${bams[@]}"; do
    (store_delete "$uri") || printf '%s: %s could not be deleted; nothing needs it any more\n' "$step" "$uri" >&2
  done
}

run_step "$@"
