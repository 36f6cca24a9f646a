#!/bin/bash
# index.sh --fasta URI --checksum none|md5:HEX|sha256:HEX --out URI/ and the common options
#   Out, beside each other: reference.fa, reference.fa.fai, reference.dict and the files of bwa-mem2.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
# shellcheck source=images/bwa-mem2/lease.sh
source "$here/lease.sh"
# shellcheck source=images/bwa-mem2/sizing.sh
source "$here/sizing.sh"
# shellcheck source=images/bwa-mem2/reference.sh
source "$here/reference.sh"
step_class=huge

step_main() {
  begin "$@"
  take_lease
  stage_fasta
  check_room
  build
  check_index
  local file
  for file in "${reference_files[@]}"; do publish "$scratch/work/$file" "$(within "${option[out]}" "$file")"; done
  write_record
  printf 'index: %s contigs, %s bases\n' "$contigs" "$bases"
}

stub_main() {
  begin "$@"
  local file uris=()
  for file in "${reference_files[@]}"; do uris+=("$(within "${option[out]}" "$file")"); done
  publish_stubs "${uris[@]}"
  write_record
}

begin() {
  parse "fasta checksum out" "" "$@"
  check_checksum checksum "${option[checksum]}"
  skip_if_done
}

bad_fasta() { bad_input "${option[fasta]} $1"; }

# stage_fasta: one pass over the stream: checksums, gzip and FASTA checks, the plain file to scratch
stage_fasta() {
  local uri=${option[fasta]} found size code=0 unpack=(cat)
  found=$(store_stat "$uri")
  size=${found%%$'\t'*}
  if ((size == 0)); then bad_fasta "line 1: the file is empty: no contig in it"; fi
  if [[ $(store_head "$uri" 2 | od -An -tx1) == ' 1f 8b' ]]; then unpack=(gzip -dc); fi
  logged from store_cat "$uri" |
    logged measured measured fasta "${option[checksum]}" |
    logged gzip "${unpack[@]}" |
    logged check perl "$here/check_fasta.pl" "$scratch/work/reference.fa" > "$scratch/checked" || code=$?
  if ((code != 0)); then fasta_failed; fi
  check_measured fasta "${option[checksum]}" "$size" "$uri" "the reference" "--checksum (biojobs:referenceChecksum)"
  note_input "$uri" "$size" "${found#*$'\t'}" "$(measure fasta sha256)"
  note_facts "$(cat "$scratch/checked")"
  contigs=$(jq .contigs "$scratch/checked")
  bases=$(jq .bases "$scratch/checked")
}

# fasta_failed: 141 is a part of the pipe that was cut off by a later one
fasta_failed() {
  local from gzip check line
  from=$(status_of from) gzip=$(status_of gzip) check=$(status_of check)
  if [[ $from != 0 && $from != 141 ]]; then
    cat "$scratch/logs/from" >&2
    exit "$from"
  fi
  line=$(tail -n 1 "$scratch/logs/check")
  if [[ $gzip == 1 || $gzip == 2 ]]; then bad_fasta "the gzip file is cut or damaged ($(last_words gzip))"; fi
  if [[ $check == 65 ]]; then bad_fasta "$line"; fi
  explain check check_fasta.pl "$check"
}

# check_room: the FASTA is on scratch already
check_room() {
  local need
  need=$(index_memory_mib "$bases")
  ((need <= option[memory])) ||
    too_small memory "the index of $bases bases needs $need MiB of memory, the step has ${option[memory]}"
  need_scratch $(($(index_scratch_bytes "$bases") - bases)) "the index of ${option[fasta]}"
}

build() {
  cd "$scratch/work"
  note_tool bwa-mem2 samtools
  run_tool faidx samtools faidx reference.fa
  run_tool dict samtools dict --uri "${option[fasta]}" --output reference.dict reference.fa
  run_tool bwa bwa-mem2 index reference.fa
}

# check_index: every file is there and tells of all the bases
check_index() {
  local file seen
  for file in "${reference_files[@]}"; do [[ -s $file ]] || fail 70 verification "$file was not made: $(last_words bwa)"; done
  seen=$(awk '{ contigs++; bases += $2 } END { printf "%d %d", contigs, bases }' reference.fa.fai)
  [[ $seen == "$contigs $bases" ]] ||
    fail 70 verification "reference.fa.fai tells of $seen contigs and bases, not of $contigs $bases"
  seen=$(grep -c '^@SQ' reference.dict)
  [[ $seen == "$contigs" ]] || fail 70 verification "reference.dict has $seen contigs, not $contigs"
  seen=$(awk 'NR == 1 { print $2, $1 }' reference.fa.ann)
  [[ $seen == "$contigs $bases" ]] ||
    fail 70 verification "reference.fa.ann tells of $seen contigs and bases, not of $contigs $bases"
  # both strands, a byte a base
  seen=$(stat -c %s reference.fa.0123)
  ((seen == 2 * bases)) || fail 70 verification "reference.fa.0123 has $seen bytes, not $((2 * bases))"
}

run_step "$@"
