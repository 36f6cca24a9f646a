#!/bin/bash
# shards.sh --bam NAME URI ... --reference URI/ --seconds N --most N --out URI/ and the common options
#   Cuts the genome where there are reads into shards that take freebayes equally long, by depth as the BAMs' indexes tell
#   it. Out: 0001.bed ... and shards.json. Output parameter `shards`: [{"shard": "0001", "key": "..."}, ...].
# shellcheck disable=SC2317,SC2329  # `logged` calls functions by name
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
# shellcheck source=images/variants/bams.sh
source "$here/bams.sh"
# shellcheck source=images/variants/primer.sh
source "$here/primer.sh"
step_class=small

step_main() {
  begin "$@"
  note_tool samtools freebayes
  fetch_fai
  find_bams
  local index
  for ((index = 0; index < bams; index++)); do read_header "$index"; done
  mkdir "$scratch/work/beds"
  weigh
  run_perl cut.pl "$scratch/work/cells" "$scratch/work/beds" '' "$pad" "${option[seconds]}" "${option[most]}" \
    > "$scratch/work/cut"
  find_primer
  list_shards
  publish_beds
  publish_blocks
  publish_primer
  publish "$scratch/work/shards.json" "$(within "${option[out]}" shards.json)"
  write_record
  output shards < "$scratch/work/shards"
  printf 'shards: %s shards of about %s s\n' "$(wc -l < "$scratch/work/cut")" \
    "$(awk '{ sum += $3 } END { printf "%.1f", sum / NR }' "$scratch/work/cut")"
}

stub_main() {
  begin "$@"
  publish_stubs "$(within "${option[out]}" 0001.bed)" "$(within "${option[out]}" shards.json)"
  printf '[{"shard":"0001","key":"%s"}]\n' "$(shard_key /dev/null)" > "$scratch/work/shards"
  note_facts "$(jq -c '{shards: .}' "$scratch/work/shards")"
  write_record
  output shards < "$scratch/work/shards"
}

begin() {
  parse "reference seconds most out" "bam:2" "$@"
  count_bams 2
  [[ ${option[seconds]} =~ ^[0-9]{1,9}(\.[0-9]{1,6})?$ && ${option[seconds]} =~ [1-9] ]] ||
    bad_input "--seconds '$(shown "${option[seconds]}")' is no number above 0"
  check_number most 1
  base_key=${option[key]}
  resume shards cut_for_these
}

# cut_for_these: the BAMs are still the files that the shards were cut for. One that was lost and made again has the same
# reads, but calls take only the very files that the shards' list tells of.
cut_for_these() {
  local index found before code
  for ((index = 0; index < bams; index++)); do
    code=0
    found=$(store_find "$(bam_uri "$index")") || code=$?
    if ((code > 1)); then exit "$code"; fi
    before=$(jq -r --argjson index "$index" '.facts.bams // [] | .[$index] // empty | "\(.size)\t\(.modified)"' \
      "$scratch/old-record")
    if [[ -z $before ]] || is_same_file "$found" "$before"; then continue; fi
    printf 'shards: %s was written since, doing the step again\n' "$(bam_uri "$index")" >&2
    return 1
  done
}

# read_header INDEX: contigs are those of the reference, reads are those of the sample
read_header() {
  local index=$1 count header=$scratch/work/$1.header reason
  for count in 65536 1048576 16777216 268435456; do
    # It complains of the end that is missing; a header that is not whole it refuses
    store_head "$(bam_uri "$index")" "$count" > "$scratch/work/head.bam"
    if samtools view -H "$scratch/work/head.bam" > "$header" 2> "$scratch/logs/header"; then break; fi
    if ((count >= $(cut -f 1 "$scratch/found.$index"))); then break; fi
  done
  grep -q '^@HD.*SO:coordinate' "$header" || bad_bam "$index" "is not sorted by coordinate, or no BAM: $(last_words header)"
  sed -nE 's/^@SQ\t.*\bSN:([^\t]+).*/\1/p' "$header" > "$header.names"
  sed -nE 's/^@SQ\t(.*\t)?LN:([0-9]+).*/\2/p' "$header" | paste "$header.names" - > "$header.contigs"
  reason=$(awk -F '\t' 'NR == FNR { length_of[$1] = $2; next }
    !($1 in length_of) { print "has contig " $1 ", which the reference lacks"; exit }
    length_of[$1] != $2 { print "has contig " $1 " with " $2 " bases, in the reference it has " length_of[$1]; exit }' \
    "$scratch/work/reference.fai" "$header.contigs")
  [[ -z $reason ]] || bad_bam "$index" "$reason ($(within "${option[reference]}" reference.fa.fai)): align it to this reference"
  [[ -s $header.contigs ]] || bad_bam "$index" "names no contig"
  if ((index == 0)); then cp "$header.contigs" "$scratch/work/contigs"; fi
  cmp -s "$header.contigs" "$scratch/work/contigs" ||
    bad_bam "$index" "has other contigs, or in another order, than $(bam_uri 0)"
  check_groups "$index" "$header"
}

check_groups() {
  local name other
  name=$(bam_name "$1")
  grep -q '^@RG' "$2" || bad_bam "$1" "names no read group: nobody can tell whose reads they are"
  other=$(awk -F '\t' -v name="$name" '/^@RG/ { sample = "nobody"
    for (i = 2; i <= NF; i++) if ($i ~ /^SM:/) sample = substr($i, 4)
    if (sample "" != name "") { print sample; exit } }' "$2")
  [[ -z $other ]] || bad_bam "$1" "holds reads of sample $(shown "$other"), not of $name"
}

run_perl() {
  local code=0 script=$1
  shift
  logged "$script" perl "$here/$script" "$@" || code=$?
  if ((code != 0)); then explain "$script" "$script" "$code"; fi
}

# weigh -> cells: where may be cut, and how many aligned bases lie between. By the indexes alone where that is fine enough.
weigh() {
  local work=$scratch/work index code=0 indexes=()
  for ((index = 0; index < bams; index++)); do indexes+=("$work/$index.bai"); done
  for ((index = 0; index < bams; index++)); do
    logged windows perl "$here/windows.pl" "$work/contigs" "$work/$index.bai" > /dev/null || code=$?
    if ((code == 65)); then bad_index "$index" "$(last_words windows)"; fi
  done
  run_perl windows.pl "$work/contigs" "${indexes[@]}" > "$work/windows"
  : > "$work/fine"
  if [[ ! -s $work/windows ]]; then
    # No read at all: one base is called, which gives a VCF of nothing
    head -n 1 "$work/contigs" | awk -F '\t' '{ printf "%s\t0\t1\t0\n", $1 }' > "$work/cells"
    return
  fi
  # What is read is looked at closer, so that shards that are cut there read their own part alone
  local look_closer=yes
  for ((index = 0; index < bams; index++)); do printf '# contig window first reach offset\n' > "$work/closer.$index"; done
  run_perl cells.pl sample "$work/windows" > "$work/sample.bed"
  fetch_slices "$work/sample.bed"
  depths "$work/sample.bed" "$work/fine"
  run_perl cells.pl heavy "$work/windows" "$work/fine" "${option[seconds]}" "${option[most]}" > "$work/heavy.bed"
  if [[ -s $work/heavy.bed ]]; then
    fetch_slices "$work/heavy.bed"
    depths "$work/heavy.bed" "$work/fine"
  fi
  run_perl cells.pl all "$work/windows" "$work/fine" > "$work/cells"
}

# publish_blocks: of the windows where a shard begins or ends
publish_blocks() {
  local index work=$scratch/work
  cat "$work"/beds/*.bed | awk -F '\t' -v pad="$pad" '{ for (side = 2; side < 4; side++)
    for (at = $side - pad; at <= $side + pad; at += pad) print $1 "\t" int(at / 16384) }' > "$work/cuts"
  for ((index = 0; index < bams; index++)); do
    if [[ -e $work/closer.$index ]]; then
      awk -F '\t' 'NR == FNR { cut[$1, $2]; next } /^#/ || ($1, $2) in cut' "$work/cuts" "$work/closer.$index" \
        > "$work/blocks"
      publish "$work/blocks" "$(within "${option[out]}" "blocks.$((index + 1)).tsv")"
    fi
  done
}

# list_shards -> shards (the output parameter) and shards.json
list_shards() {
  local shard bases seconds
  while read -r shard bases seconds; do
    jq -nc --arg shard "$shard" --arg key "$(shard_key "$scratch/work/beds/$shard.bed")" --argjson bases "$bases" \
      --argjson seconds "$seconds" '{shard: $shard, key: $key, bases: $bases, seconds: $seconds}'
  done < "$scratch/work/cut" > "$scratch/work/listed"
  jq -sc 'map({shard, key})' "$scratch/work/listed" > "$scratch/work/shards"
  local index
  for ((index = 0; index < bams; index++)); do
    jq -nc --arg name "$(bam_name "$index")" --arg uri "$(bam_uri "$index")" --arg found "$(cat "$scratch/found.$index")" \
      '{name: $name, uri: $uri, size: ($found | split("\t")[0] | tonumber), modified: ($found | split("\t")[1])}'
  done > "$scratch/work/bams"
  jq -n --arg key "$base_key" --slurpfile bams "$scratch/work/bams" --slurpfile shards "$scratch/work/listed" \
    --argjson blocks "$([[ -e $scratch/work/closer.0 ]] && echo true || echo false)" \
    --rawfile contigs "$scratch/work/contigs" --rawfile primer "$scratch/work/primer.bed" \
    'def rows: rtrimstr("\n") | split("\n") | map(split("\t"));
     {key: $key, bams: $bams, blocks: $blocks, contigs: ($contigs | rows), primer: ($primer | rows[0] | if length == 3 then . else null end), shards: $shards}' \
    > "$scratch/work/shards.json"
  note_facts "$(jq -c --argjson moved "$(moved)" \
    '{shards: (.shards | map({shard, key})), bams: .bams, bytes_moved: $moved,
      bases: (.shards | map(.bases) | add), seconds: (.shards | map(.seconds) | add)}' "$scratch/work/shards.json")"
}

# publish_beds: all at once, since a file each would take minutes; whole, as every object is, and looked at afterwards
publish_beds() {
  local remote file size
  remote=$(remote_of "${option[out]%/}/") || exit
  copy_tool beds copy --ignore-times --no-check-dest --transfers 8 -- ":local:$scratch/work/beds" "$remote" ||
    store_failed beds "${option[out]}"
  copy_tool listed lsjson --files-only --no-modtime --no-mimetype -- "$remote" > "$scratch/work/there" ||
    store_failed listed "${option[out]}"
  jq -r '.[] | "\(.Name)\t\(.Size)"' "$scratch/work/there" | sort > "$scratch/work/names"
  (cd "$scratch/work/beds" && stat -c $'%n\t%s' -- *.bed | sort) > "$scratch/work/sent"
  [[ -z $(comm -13 "$scratch/work/names" "$scratch/work/sent") ]] ||
    fail 70 verification "${option[out]} does not hold all the shards that were sent"
  while IFS=$'\t' read -r file size; do
    note_output "$(within "${option[out]}" "$file")" "$size" "$(sha256 "$scratch/work/beds/$file")"
  done < "$scratch/work/sent"
}

run_step "$@"
