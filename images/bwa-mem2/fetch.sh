#!/bin/bash
# fetch.sh --lane ID --library L --platform P --reads-1 URI --reads-2 URI --checksum-1 C --checksum-2 C --reference URI/
#   --out URI/ and the common options
#   The reads of one lane and the reference to where an aligner of the user's own finds them: in/R1.fastq[.gz],
#   in/R2.fastq[.gz], in/reference/reference.fa and all beside it, in/lane.json, and in/done where deliver has nothing
#   left to do. Writes no record: deliver does.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
# shellcheck source=images/bwa-mem2/lanes.sh
source "$here/lanes.sh"
# shellcheck source=images/bwa-mem2/courier.sh
source "$here/courier.sh"
# shellcheck source=images/bwa-mem2/reference.sh
source "$here/reference.sh"
step_class=large

step_main() {
  begin "$@"
  make_folders
  if work_is_done; then : > "$in/done"; fi
  find_reads
  find_reference
  need_scratch $((read_bytes + reference_bytes)) "a copy of the reads and the reference"
  fetch_reference
  fetch_reads
  write_lane
  printf 'fetch: sample %s, lane %s: %s pairs\n' "${option[sample]}" "${option[lane]}" "$pairs"
}

stub_main() {
  begin "$@"
  make_folders
}

# make_folders: the aligner may run as another user
make_folders() {
  rm -rf -- "$in" "$out"
  mkdir -p "$in/reference" "$out"
  chmod 0777 "$out"
}

find_reference() {
  local file found
  reference_bytes=0
  for file in "${reference_files[@]}"; do
    found=$(store_stat "$(within "${option[reference]}" "$file")")
    reference_bytes=$((reference_bytes + ${found%%$'\t'*}))
    printf '%s\t%s\n' "${found%%$'\t'*}" "$file" >> "$scratch/reference"
  done
}

fetch_reference() {
  local size file
  while IFS=$'\t' read -r size file; do
    store_get "$(within "${option[reference]}" "$file")" "$in/reference/$file"
    [[ $(stat -c %s "$in/reference/$file") == "$size" ]] ||
      fail 74 store "$(within "${option[reference]}" "$file") arrived incomplete"
  done < "$scratch/reference"
}

# fetch_reads: both files at once; each is copied, checked and its reads counted in one pass
fetch_reads() {
  local other mate
  fetch_file 1 &
  other=$!
  fetch_file 2
  wait "$other"
  for mate in 1 2; do check_file "$mate"; done
  [[ $(cat "$scratch/names.1") == "$(cat "$scratch/names.2")" ]] || no_pair
  read -r pairs names < "$scratch/names.1"
  if ((pairs == 0)); then no_reads 0 1; fi
}

fetch_file() {
  local part=0.$1 unpack=(cat)
  if [[ -e $scratch/gzip.$part ]]; then unpack=(gzip -dc); fi
  logged "from.$part" store_cat "$(reads_of 0 "$1")" "$(found_of 0 "$1")" |
    logged "copy.$part" measured "$part" "$(checksum_of 0 "$1")" "$(file_of "$1")" |
    logged "gzip.$part" "${unpack[@]}" |
    logged "names.$part" perl "$here/check_reads.pl" fastq > "$scratch/names.$1" || true
}

# file_of MATE: aligners go by the ending of the name
file_of() {
  local ending=
  if [[ -e $scratch/gzip.0.$1 ]]; then ending=.gz; fi
  printf '%s/R%s.fastq%s' "$in" "$1" "$ending"
}

check_file() {
  local part=0.$1 where gzip code
  where="$(called 0 "$1") ($(reads_of 0 "$1"))"
  check_from 0 "$1"
  code=$(status_of "copy.$part")
  if [[ $code != 0 && $code != 141 ]]; then explain "copy.$part" "the copy to scratch" "$code"; fi
  gzip=$(status_of "gzip.$part")
  if [[ $gzip == 1 || $gzip == 2 ]]; then bad_input "$where: the gzip file is cut or damaged"; fi
  code=$(status_of "names.$part")
  if [[ $code == 65 ]]; then bad_input "$where $(last_words "names.$part")"; fi
  if [[ $code != 0 ]]; then explain "names.$part" check_reads.pl "$code"; fi
  check_bytes 0 "$1"
  note_reads 0 "$1"
}

no_pair() {
  local one two where
  where="sample ${option[sample]}, lane ${option[lane]}: R1 and R2 hold"
  read -r one _ < "$scratch/names.1"
  read -r two _ < "$scratch/names.2"
  if ((one != two)); then bad_input "$where different numbers of reads: $one and $two"; fi
  bad_input "$where differently named reads"
}

# write_lane: what deliver must know, and an aligner may want to
write_lane() {
  jq -n --arg sample "${option[sample]}" --arg id "${option[lane]}" --arg library "${option[library]}" \
    --arg platform "${option[platform]}" --arg group "$(read_group 0)" --argjson pairs "$pairs" --arg names "$names" \
    --slurpfile inputs "$scratch/inputs" \
    '{sample: $sample, lane: $id, library: $library, platform: $platform, read_group: $group, pairs: $pairs,
      names: $names, inputs: $inputs}' > "$in/lane.json"
}

run_step "$@"
