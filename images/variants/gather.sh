#!/bin/bash
# gather.sh --bam NAME ... --shards URI/ --calls URI/ --reference URI/ --ploidy N --out PREFIX and the common options
#   One normalised, sorted, indexed VCF of all shards. Out: PREFIX.vcf.gz, PREFIX.vcf.gz.tbi, PREFIX.vcf.stats.txt.
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
  note_tool bcftools samtools
  read_list
  fetch_records
  local shard key bases
  : > "$work/leaves"
  while IFS=$'\t' read -r shard key bases; do
    add_shard "$shard" "$key"
    [[ $(total "$shard" bases) == "$bases" ]] ||
      fail 70 verification "the halves of shard $shard are not the whole of it: start the run again"
  done < <(jq -r '.shards[] | [.shard, .key, .bases] | @tsv' "$work/shards.json")
  fetch_calls
  join
  inspect
  local ending
  for ending in vcf.stats.txt vcf.gz.tbi vcf.gz; do publish "$work/$name.$ending" "${option[out]}.$ending"; done
  write_record
  printf 'gather: %s: %s records of %s shards\n' "${option[sample]}" "$records" "$(wc -l < "$work/leaves")"
}

stub_main() {
  begin "$@"
  publish_stubs "${option[out]}.vcf.stats.txt" "${option[out]}.vcf.gz.tbi" "${option[out]}.vcf.gz"
  write_record
}

begin() {
  parse "shards calls reference ploidy out" "bam:1" "$@"
  count_bams 1
  check_number ploidy 1
  skip_if_done
  work=$scratch/work
  # It stands in the statistics, by which reports name it
  name=${option[out]##*/}
  check_name out "$name"
}

# read_list -> shards.json, of these samples
read_list() {
  local uri
  uri=$(within "${option[shards]}" shards.json)
  store_cat "$uri" > "$work/shards.json"
  jq -e '.key and (.bams | type == "array") and (.shards | type == "array" and length > 0)' "$work/shards.json" \
    > /dev/null 2>&1 || fail 70 verification "$uri is damaged"
  [[ $(jq -r '.bams[].name' "$work/shards.json") == "$(printf '%s\n' "${repeated_bam[@]}")" ]] ||
    bad_input "--bam names other samples than $uri: $(jq -r '.bams | map(.name) | join(", ")' "$work/shards.json")"
}

# fetch_records -> calls/SHARD.json
fetch_records() {
  local remote
  mkdir "$work/calls"
  remote=$(remote_of "${option[calls]%/}/") || exit
  copy_tool records copy --no-traverse --max-depth 1 --transfers 8 --include '*.json' -- "$remote" ":local:$work/calls" ||
    store_failed records "${option[calls]}"
}

# add_shard NAME KEY: it was called, or all that it was split into
add_shard() {
  local record=$work/calls/$1.json uri shard key
  uri=$(within "${option[calls]}" "$1.json")
  [[ -s $record ]] || fail 66 "missing input" "shard $1 was not called: $uri is not there"
  jq -e --arg shard "$1" '.step == "call" and .facts.shard == $shard and (.facts.rest | type == "array")' "$record" \
    > /dev/null 2>&1 || fail 70 verification "$uri is not the record of shard $1"
  [[ $(jq -r .key "$record") == "$2" ]] || fail 70 verification "$uri is of another run: start the run again"
  if jq -e '.facts.rest == []' "$record" > /dev/null; then
    printf '%s\n' "$1" >> "$work/leaves"
    return
  fi
  while IFS=$'\t' read -r shard key; do
    [[ $shard == "$1".[12] ]] || fail 70 verification "$uri names $(shown "$shard") as a half of $1"
    add_shard "$shard" "$key"
  done < <(jq -r '.facts.rest[] | [.shard, .key] | @tsv' "$record")
}

# total SHARD FACT: of the shard, or of the leaves that it was split into
total() {
  awk -v shard="$1" 'index($1 ".", shard ".") == 1' "$work/leaves" |
    while read -r leaf; do jq ".facts.$2" "$work/calls/$leaf.json"; done | jq -s add
}

# fetch_calls: every leaf's VCF as its record tells of it, with the columns that are wanted
fetch_calls() {
  local leaf uri file remote
  remote=$(remote_of "${option[calls]%/}/") || exit
  sed 's/$/.vcf.gz/' "$work/leaves" > "$work/files"
  copy_tool calls copy --no-traverse --transfers 8 --files-from-raw "$work/files" -- "$remote" ":local:$work/calls" ||
    store_failed calls "${option[calls]}"
  printf '%s\n' "${repeated_bam[@]}" | sort > "$work/samples"
  while read -r leaf; do
    file=$work/calls/$leaf.vcf.gz
    uri=$(within "${option[calls]}" "$leaf.vcf.gz")
    [[ -e $file ]] || fail 66 "missing input" "shard $leaf: $uri is not there"
    jq -e --arg sum "$(sha256 "$file")" 'any(.outputs[]; .sha256 == $sum)' "$work/calls/$leaf.json" > /dev/null ||
      fail 70 verification "shard $leaf: $uri is not what its record tells of: start the run again"
    [[ $(bcftools query -l "$file" | sort) == "$(cat "$work/samples")" ]] ||
      fail 70 verification "shard $leaf: $uri has the columns $(bcftools query -l "$file" | paste -sd ' ')"
    printf '%s\n' "$file" >> "$work/list"
  done < "$work/leaves"
}

# join -> NAME.vcf.gz: concat, norm (left-aligned, an allele a record), sort, each record once
join() {
  local samples
  samples=$(IFS=, && printf '%s' "${repeated_bam[*]}")
  run_tool concat bcftools concat --no-version -f "$work/list" -Ou -o "$work/concat.bcf"
  fetch_fai
  bcftools query -f '%CHROM\n' "$work/concat.bcf" | uniq | sort -u > "$work/chosen"
  if [[ ! -s $work/chosen ]]; then cut -f 1 <(head -n 1 "$work/reference.fai") > "$work/chosen"; fi
  fetch_contigs "$work/chosen"
  run_tool norm bcftools norm --no-version -f "$work/reference.fa" -m -any -Ou -o "$work/norm.bcf" "$work/concat.bcf"
  run_tool sort bcftools sort -m "$((option[memory] / 2))M" -T "$work/sort" -Ou -o "$work/sorted.bcf" "$work/norm.bcf"
  run_tool once bcftools norm --no-version -d exact -Ou -o "$work/once.bcf" "$work/sorted.bcf"
  # All contigs of the reference, whatever shards there were
  run_tool header bcftools reheader -f "$work/reference.fai" -o "$work/whole.bcf" "$work/once.bcf"
  run_tool view bcftools view --no-version -s "$samples" -Oz --write-index=tbi -o "$work/$name.vcf.gz" "$work/whole.bcf"
}

# inspect: no record was lost, the index knows them all; statistics
inspect() {
  local called
  called=$(while read -r leaf; do jq .facts.records "$work/calls/$leaf.json"; done < "$work/leaves" | jq -s add)
  [[ $(bcftools view -H "$work/concat.bcf" | wc -l) == "$called" ]] ||
    fail 70 verification "the shards have $called records, together they have another number"
  records=$(bcftools index --nrecords "$work/$name.vcf.gz")
  [[ $(bcftools view -H "$work/$name.vcf.gz" | wc -l) == "$records" ]] ||
    fail 70 verification "the index of $name.vcf.gz does not tell of all records"
  cd "$work"
  note_command bcftools stats "$name.vcf.gz"
  logged stats bcftools stats "$name.vcf.gz" > "$name.vcf.stats.txt" || explain stats "bcftools stats" "$(status_of stats)"
  note_facts "$(while read -r leaf; do cat "calls/$leaf.json"; done < leaves | jq -sc --argjson records "$records" \
    'map(.facts) | {records: $records, shards: length, bytes_moved: (map(.bytes_moved) | add),
      bam_bytes: .[0].bam_bytes,
      freebayes_cpu_seconds: (map(.freebayes_cpu_seconds) | add | . * 100 | round / 100),
      slowest_to_mean: (map(.freebayes_cpu_seconds) | max / ([add, 0.01] | max) * length * 100 | round / 100)}')"
}

run_step "$@"
