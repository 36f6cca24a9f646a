#!/bin/bash
# call.sh --bam NAME URI ... --reference URI/ --shards URI/ --shard 0001 --deadline SECONDS --ploidy N --out URI/
#   and the common options
#   freebayes on one shard. Out: 0001.vcf.gz, with the variants that begin in the shard's own regions. Output parameter
#   `rest`: []; when the deadline passes nothing is called, the shard's halves (0001.1, 0001.2) are put beside the other
#   shards, and `rest` tells of them as shards.sh tells of the shards.
# shellcheck disable=SC2317,SC2329  # `logged` calls functions by name
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
# shellcheck source=images/variants/bams.sh
source "$here/bams.sh"
step_class=small

step_main() {
  begin "$@"
  note_tool freebayes bcftools samtools
  fetch_fai
  fetch_shard
  find_bams
  same_bams
  fetch_reads
  cut -f 1 "$scratch/work/targets.bed" | sort -u > "$scratch/work/chosen"
  fetch_contigs "$scratch/work/chosen"
  call
  if [[ -e $scratch/late ]]; then
    split_shard
  else
    keep_own
    publish "$scratch/work/own.vcf.gz" "$(within "${option[out]}" "${option[shard]}.vcf.gz")"
    printf '[]\n' > "$scratch/work/rest"
  fi
  finish
}

stub_main() {
  begin "$@"
  publish_stubs "$(within "${option[out]}" "${option[shard]}.vcf.gz")"
  printf '[]\n' > "$scratch/work/rest"
  note_facts '{"rest":[]}'
  write_record
  output rest < "$scratch/work/rest"
}

begin() {
  parse "reference shards shard deadline ploidy out" "bam:2" "$@"
  count_bams 2
  [[ ${option[shard]} =~ ^[0-9]{4,6}(\.[12])*$ ]] ||
    bad_input "--shard '$(shown "${option[shard]}")' must be four digits, with .1 or .2 for a half"
  [[ ${option[deadline]} =~ ^[0-9]{1,9}(\.[0-9]{1,6})?$ && ${option[deadline]} =~ [1-9] ]] ||
    bad_input "--deadline '$(shown "${option[deadline]}")' is no number above 0"
  check_number ploidy 1
  resume rest
}

# fetch_shard -> own.bed and padded.bed; they are what the key stands for
fetch_shard() {
  local uri list bed=$scratch/work/own.bed
  uri=$(within "${option[shards]}" "${option[shard]}.bed")
  list=$(within "${option[shards]}" shards.json)
  store_cat "$uri" > "$bed"
  store_cat "$list" > "$scratch/work/shards.json"
  base_key=$(jq -er .key "$scratch/work/shards.json" 2> /dev/null) || fail 70 verification "$list is damaged"
  [[ $(shard_key "$bed") == "${option[key]}" ]] ||
    fail 70 verification "$uri does not hold the regions of key ${option[key]}: start the run again"
  padded "$bed" > "$scratch/work/padded.bed" || bad_input "$uri holds regions that the reference lacks"
  cp "$scratch/work/padded.bed" "$scratch/work/targets.bed"
  plan_primer
}

# plan_primer -> targets.bed with the primer (primer.sh says what it is) in front; `apart` when it lies far from the shard,
# and its reads come from the file that shards.sh has put beside the shards
plan_primer() {
  local work=$scratch/work
  jq -r '.primer // empty | @tsv' "$work/shards.json" > "$work/primer.bed"
  if [[ ! -s $work/primer.bed ]]; then return; fi
  if awk -F '\t' -v far=50000 'NR == FNR { contig = $1; end = $3; next }
    $1 == contig && $2 < end + far { near = 1 } END { exit near }' "$work/primer.bed" "$work/padded.bed"; then
    : > "$scratch/apart"
    cat "$work/primer.bed" "$work/padded.bed" > "$work/targets.bed"
  else
    # Both in the order of the genome, of which the primer is the first
    cat "$work/primer.bed" "$work/padded.bed" | awk 'BEGIN { FS = OFS = "\t" }
      $1 == contig && $2 <= end { if ($3 > end) end = $3; next }
      contig != "" { print contig, begin, end }
      { contig = $1; begin = $2; end = $3 }
      END { print contig, begin, end }' > "$work/targets.bed"
  fi
}

# fetch_reads -> slice.I.bam: of the shard, and of the primer
fetch_reads() {
  local index uri work=$scratch/work
  if [[ ! -e $scratch/apart ]]; then
    fetch_slices "$work/targets.bed"
    return
  fi
  fetch_slices "$work/padded.bed"
  for ((index = 0; index < bams; index++)); do
    uri=$(within "${option[shards]}" "primer.$((index + 1)).bam")
    store_get "$uri" "$work/primer.bam"
    stat -c %s "$work/primer.bam" >> "$scratch/moved"
    logged cat samtools cat --no-PG -o "$work/both.bam" "$work/primer.bam" "$work/slice.$index.bam" ||
      explain cat "samtools cat" "$(status_of cat)"
    mv "$work/both.bam" "$work/slice.$index.bam"
    logged index samtools index "$work/slice.$index.bam" || explain index "samtools index" "$(status_of index)"
  done
}

# same_bams: the regions were cut for these files
same_bams() {
  local index before
  for ((index = 0; index < bams; index++)); do
    before=$(jq -r --argjson index "$index" --arg name "$(bam_name "$index")" \
      '.bams[$index] | select(.name == $name) | "\(.size)\t\(.modified)"' "$scratch/work/shards.json")
    is_same_file "$(cat "$scratch/found.$index")" "$before" ||
      fail 70 verification "$(whose "$index"): $(bam_uri "$index") was changed while the run was going: start the run again"
  done
  jq -r '.contigs[] | @tsv' "$scratch/work/shards.json" > "$scratch/work/contigs"
  if jq -e .blocks "$scratch/work/shards.json" > /dev/null; then
    for ((index = 0; index < bams; index++)); do
      store_get "$(within "${option[shards]}" "blocks.$((index + 1)).tsv")" "$scratch/work/blocks.$index"
    done
  fi
}

# call -> raw.vcf, or `late` when the deadline passed
call() {
  local index code=0 slices=() times
  for ((index = 0; index < bams; index++)); do slices+=("$scratch/work/slice.$index.bam"); done
  local command=(freebayes -f "$scratch/work/reference.fa" --ploidy "${option[ploidy]}" -t "$scratch/work/targets.bed"
    "${slices[@]}")
  note_command "${command[@]}"
  # The processor's seconds too: those of the wall tell how busy the machine was
  local TIMEFORMAT='%R %U'
  { time logged freebayes timeout "${option[deadline]}" "${command[@]}" > "$scratch/work/raw.vcf" || code=$?; } \
    2> "$scratch/times"
  times=$(tail -n 1 "$scratch/times")
  note_facts "$(jq -nc --argjson wall "${times% *}" --argjson cpu "${times#* }" \
    '{freebayes_seconds: $wall, freebayes_cpu_seconds: $cpu}')"
  if ((code == 124)); then
    : > "$scratch/late"
  elif ((code != 0)); then
    explain freebayes freebayes "$code"
  fi
}

# keep_own -> own.vcf.gz: the variants that begin in the shard's own regions, without what differs from run to run
keep_own() {
  local work=$scratch/work code=0
  sed -E '/^##(fileDate|commandline|reference)=/d' "$work/raw.vcf" > "$work/plain.vcf"
  logged view bcftools view --no-version --targets-file "$work/own.bed" --targets-overlap 0 -Oz -o "$work/own.vcf.gz" \
    "$work/plain.vcf" || code=$?
  if ((code != 0)); then explain view "bcftools view" "$code"; fi
  note_facts "$(jq -nc --argjson records "$(bcftools view -H "$work/own.vcf.gz" | wc -l)" '{records: $records}')"
}

# split_shard: into halves that take equally long
split_shard() {
  local work=$scratch/work half
  mkdir "$work/halves"
  : > "$work/cells"
  depths "$work/own.bed" "$work/cells"
  logged cut perl "$here/cut.pl" "$work/cells" "$work/halves" "${option[shard]}." "$pad" 0 2 > "$work/cut" ||
    explain cut cut.pl "$(status_of cut)"
  if (($(wc -l < "$work/cut") != 2)) || (($(awk '$2 < 200 { short++ } END { print short + 0 }' "$work/cut") > 0)); then
    fail 124 tool "freebayes did not end in ${option[deadline]} s on $(regions), which is too short to be cut again:\
 raise biojobs:variants.shardMinutes, or take the region's reads out of the BAM"
  fi
  while read -r half _; do
    publish "$work/halves/$half.bed" "$(within "${option[shards]}" "$half.bed")"
    jq -nc --arg shard "$half" --arg key "$(shard_key "$work/halves/$half.bed")" '{shard: $shard, key: $key}'
  done < "$work/cut" | jq -sc . > "$work/rest"
}

# regions -> the shard's own, in words
regions() {
  awk -F '\t' 'NR <= 3 { printf "%s%s:%d-%d", (NR > 1 ? ", " : ""), $1, $2 + 1, $3 } END { if (NR > 3) printf " ..." }' \
    "$scratch/work/own.bed"
}

finish() {
  local rest
  rest=$(cat "$scratch/work/rest")
  note_facts "$(jq -nc --argjson moved "$(moved)" --argjson rest "$rest" --arg shard "${option[shard]}" \
    --argjson bases "$(awk '{ sum += $3 - $2 } END { print sum }' "$scratch/work/own.bed")" \
    --argjson size "$(cut -f 1 "$scratch"/found.* | jq -s add)" \
    '{shard: $shard, rest: $rest, bases: $bases, bytes_moved: $moved, bam_bytes: $size}')"
  write_record
  output rest <<< "$rest"
  if [[ $rest == '[]' ]]; then
    printf 'call: shard %s: %s records\n' "${option[shard]}" "$(bcftools view -H "$scratch/work/own.vcf.gz" | wc -l)"
  else
    printf 'call: shard %s took longer than %s s: its halves are called instead\n' "${option[shard]}" "${option[deadline]}"
  fi
}

run_step "$@"
