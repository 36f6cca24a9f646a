#!/bin/bash
# multiqc.sh --samples NAME ... --results URI/ --title T --out URI and the common options
#   One page over all samples of a sheet, of what is in the results: FastQC, samtools, bcftools. A sample that failed or
#   was stopped shows what it has. Beside OUT, files NAME.vcf.stats.txt (variants called jointly) are taken too.
# shellcheck disable=SC2154  # parse sets repeated_samples
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
step_class=small
config=$here/config.yaml
export PYTHONPATH=/opt/multiqc

arguments() {
  parse "results title out" "samples:1" "$@"
  ((${#repeated_samples[@]} > 0)) || bad_input "--samples is missing"
  local name twice
  for name in "${repeated_samples[@]}"; do check_name samples "$name"; done
  printf '%s\n' "${repeated_samples[@]}" > "$scratch/samples"
  twice=$(sort "$scratch/samples" | uniq -d | sed -n 1p)
  [[ -z $twice ]] || bad_input "--samples $twice is given twice"
}

step_main() {
  arguments "$@"
  find_results
  # What is there is part of the key: a run that was mended makes another page.
  option[key]+=-$(sha256 "$scratch/found" | cut -c 1-16)
  skip_if_done
  fetch
  stage
  make_page
  publish "$scratch/work/out/page.html" "${option[out]}"
  note_input "${option[results]}" "$(awk -F '\t' '{ sum += $1 } END { print sum }' "$scratch/found")" \
    "$(cut -f 2 "$scratch/found" | sort | tail -n 1)" "$(sha256 "$scratch/found")"
  note_tool multiqc python numpy
  write_record
  jq -r '"multiqc: \(.samples) samples, \(.files) files; incomplete: \(.incomplete | length)"' "$scratch/work/facts.json"
}

stub_main() {
  arguments "$@"
  skip_if_done
  publish_stubs "${option[out]}"
  write_record
}

# find_results -> $scratch/found: "SIZE<tab>MODIFIED<tab>PATH" of every file to read, in order
find_results() {
  local remote
  {
    sed 's|.*|+ /&/fastqc/*_fastqc.zip\n+ /&/&.{flagstat,stats,markdup,coverage,vcf.stats}.txt|' "$scratch/samples"
    beside_the_page
    printf -- '- *\n'
  } > "$scratch/filter"
  remote=$(results_remote) || exit
  if ! copy_tool list lsjson -R --files-only --no-mimetype --checkers 8 --filter-from "$scratch/filter" -- "$remote" \
    > "$scratch/listed"; then
    store_says_missing "$scratch/logs/list" || store_failed list "${option[results]}"
    echo '[]' > "$scratch/listed"
  fi
  jq -r 'sort_by(.Path)[] | "\(.Size)\t\(.ModTime)\t\(.Path)"' "$scratch/listed" > "$scratch/found"
  [[ -s $scratch/found ]] ||
    fail 66 "missing input" "none of the $(wc -l < "$scratch/samples") samples has anything under ${option[results]}"
}

# results_remote -> what rclone calls the results, which may be a whole bucket
results_remote() {
  local remote
  remote=$(remote_of "$(within "${option[results]}" x)") || exit
  printf '%s' "${remote%x}"
}

# beside_the_page: the rule for what lies in the same folder as the page, if that is under the results
beside_the_page() {
  local folder=${option[out]%/*} results=${option[results]%/}
  if [[ $folder == "$results"/* ]]; then printf '+ /%s/*.vcf.stats.txt\n' "${folder#"$results"/}"; fi
}

fetch() {
  local remote
  need_scratch $((2 * $(awk -F '\t' '{ sum += $1 } END { print sum }' "$scratch/found") + 67108864)) "the results"
  cut -f 3 "$scratch/found" > "$scratch/paths"
  remote=$(results_remote) || exit
  # Many small files: several at once, without the memory for large ones
  copy_tool fetch copy --no-traverse --files-from-raw "$scratch/paths" --transfers 8 --checkers 8 --buffer-size 1Mi \
    -- "$remote" ":local:$scratch/work/fetched" || store_failed fetch "${option[results]}"
}

# stage -> work/in: the files under the names that the page shows; work/facts.json
stage() {
  local code=0
  mkdir "$scratch/work/in"
  logged stage python3 "$here/stage.py" "$scratch/work/fetched" "$scratch/work/in" "$scratch/found" \
    "$scratch/samples" "${option[title]}" > "$scratch/work/facts.json" || code=$?
  case $code in
    0) ;;
    70) fail 70 verification "$(last_words stage)" ;;
    *) explain stage stage.py "$code" ;;
  esac
  note_facts "$(jq -c 'del(.staged) | .incomplete |= .[:500]' "$scratch/work/facts.json")"
}

make_page() {
  local code=0
  local command=(python3 -m multiqc --config "$config" --config "$scratch/work/in/title.yaml" --no-ansi
    -m fastqc -m samtools -m bcftools -m custom_content --filename page.html --outdir "$scratch/work/out" "$scratch/work/in")
  note_command "${command[@]}"
  logged multiqc "${command[@]}" > "$scratch/logs/multiqc.out" || code=$?
  ((code == 0)) || explain multiqc MultiQC "$code"
  logged check python3 "$here/check_page.py" "$scratch/work/out/page.html" "$scratch/work/out/page_data" \
    "$scratch/work/facts.json" > "$scratch/work/modules.json" ||
    fail 70 verification "$(last_words check); MultiQC said: $(last_words multiqc)"
  note_facts "$(cat "$scratch/work/modules.json")"
}

run_step "$@"
