# shellcheck shell=bash disable=SC2154,SC2317  # lib.sh and the step set the rest; `logged` calls functions by name
# From a stream of alignments, grouped by read name, to the sample's BAM: sorted, duplicates marked, indexed, checked
# and described. Used by align and sort, so that both make the same of the same alignments.

# shellcheck source=images/bwa-mem2/sizing.sh
source "$here/sizing.sh"

check_duplicates() {
  [[ ${option[duplicates]} == mark || ${option[duplicates]} == keep ]] ||
    bad_input "--duplicates '$(shown "${option[duplicates]}")' is neither mark nor keep"
}

marks() { [[ ${option[duplicates]} == mark ]]; }

# bam_endings -> what follows SAMPLE. in the results' names; the BAM is last, for it is what others wait for
bam_endings() {
  if marks; then printf 'markdup.txt '; fi
  printf 'flagstat.txt stats.txt coverage.txt bam.bai bam'
}

bam_stubs() {
  local ending uris=()
  for ending in $(bam_endings); do uris+=("$(within "${option[out]}" "${option[sample]}.$ending")"); done
  publish_stubs "${uris[@]}"
}

publish_bam() {
  local ending name
  for ending in $(bam_endings); do
    name=${option[sample]}.$ending
    publish "$scratch/work/$name" "$(within "${option[out]}" "$name")"
  done
  # What an earlier run with other settings told would be believed of this BAM
  if ! marks; then store_delete "$(within "${option[out]}" "${option[sample]}.markdup.txt")"; fi
}

# plan_sort OTHERS BASES: what the other parts of the step leave of its memory goes to the sort of BASES
plan_sort() {
  local threads=${option[threads]} need
  need=$(($1 + $(sort_memory_mib "$threads" "$least_sort_mib" "$2")))
  ((need <= option[memory])) ||
    too_small memory "step $step with $threads threads needs $need MiB of memory, it has ${option[memory]}"
  sort_mib=$(sort_mib "${option[memory]}" "$threads" "$1")
  plan_tools
}

# in_work COMMAND...: tools write their command line into the BAM: without the folder's name it is the same every time
in_work() {
  cd "$scratch/work" || return
  "$@"
}

# plan_tools: what to_bam runs
plan_tools() {
  local name=${option[sample]} threads=${option[threads]}
  local last=(--write-index "$name.bam##idx##$name.bam.bai")
  fixing=(samtools fixmate -m -u - -)
  sorting=(samtools sort -@ "$threads" -m "${sort_mib}M" -T sort)
  marking=(samtools markdup -@ "$threads" -f "$name.markdup.txt" "${marking_by[@]}" "${last[0]}" - "${last[1]}")
  if marks; then sorting+=(-u -); else sorting+=("${last[0]}" -o "${last[1]}" -); fi
}

# plan_marking LIBRARY...: of every lane. Duplicates are copies that were made in one library, on whatever lanes they
# were read; markdup knows nothing of libraries, only of tags.
plan_marking() {
  libraries=$(printf '%s\n' "$@" | sort -u | wc -l)
  marking_by=()
  if ((libraries > 1)); then marking_by=(--barcode-tag LB); fi
}

# with_library < SAM_OR_BAM: the library as a tag of every record, where markdup needs that
with_library() {
  samtools view -h - | perl -e 'my %tag; while (<STDIN>) {
    if (/^\@/) { $tag{$1} = $2 if /^\@RG\tID:([^\t\n]*).*\tLB:([^\t\n]*)/; print or exit 1; next }
    chomp; print $_, /\tRG:Z:([^\t\n]*)/ ? "\tLB:Z:$tag{$1}\n" : "\n" or exit 1 }
    close STDOUT or exit 1'
}

# to_bam < ALIGNMENTS: the exit codes lie in status/, and check_parts reads them
to_bam() {
  if marks && ((libraries > 1)); then
    logged library with_library | marked_bam
  elif marks; then
    marked_bam
  else
    logged sort in_work "${sorting[@]}" > "$scratch/logs/last.out"
  fi
}

marked_bam() {
  logged fixmate in_work "${fixing[@]}" |
    logged sort in_work "${sorting[@]}" |
    logged markdup in_work "${marking[@]}" > "$scratch/logs/last.out"
}

parts() {
  if marks && ((libraries > 1)); then printf 'library '; fi
  if marks; then printf 'fixmate sort markdup'; else printf 'sort'; fi
}

# check_cut_off SOURCE...: a part that was cut off (141) is never the cause: the one that went away is, and it is told
# before what comes earlier in the pipe is looked at. A part that got a cut stream complains too, but was not cut off.
check_cut_off() {
  local part code cut=
  for part in "$@" $(parts); do
    code=$(status_of "$part")
    if [[ $code == 137 ]] || grep -qs 'No space left on device' "$scratch/logs/$part"; then
      explain "$part" "$(tool_of "$part")" "$code"
    fi
    if [[ -n $cut && $code != 0 && $code != 141 && $code != none ]]; then
      explain "$part" "$(tool_of "$part")" "$code"
    fi
    if [[ $code == 141 ]]; then cut=1; fi
  done
}

# check_parts: when all before them went well
check_parts() {
  local part code
  for part in $(parts); do
    code=$(status_of "$part")
    if [[ $code != 0 ]]; then explain "$part" "$(tool_of "$part")" "$code"; fi
  done
  if marks; then note_command "${fixing[@]}"; fi
  note_command "${sorting[@]}"
  if marks; then note_command "${marking[@]}"; fi
}

tool_of() {
  case $1 in
    bwa.*) printf 'bwa-mem2 mem' ;;
    library) printf 'the naming of libraries' ;;
    *) printf 'samtools %s' "${1%%.*}" ;;
  esac
}

# inspect: the BAM is whole, sorted, and has every read of `pairs` once as primary record; what it is like
inspect() {
  local name=${option[sample]} code=0 others=() tool primary
  logged quickcheck in_work samtools quickcheck -v "$name.bam" ||
    fail 70 verification "samtools quickcheck refuses the BAM: $(last_words quickcheck)"
  [[ -s $scratch/work/$name.bam.bai ]] || fail 70 verification "$name.bam was not indexed"
  for tool in flagstat stats coverage; do
    note_command samtools "$tool" "$name.bam"
    logged "$tool" in_work samtools "$tool" "$name.bam" > "$scratch/work/$name.$tool.txt" &
    others+=("$tool:$!")
  done
  for tool in "${others[@]}"; do
    wait "${tool##*:}" || code=$?
    if ((code != 0)); then explain "${tool%%:*}" "samtools ${tool%%:*}" "$code"; fi
  done
  primary=$(flagstat primary)
  ((primary == 2 * pairs)) ||
    fail 70 verification "the BAM has $primary primary records, not $((2 * pairs)) for $pairs pairs"
  [[ $(stat_value "is sorted:") == 1 ]] || fail 70 verification "the BAM is not sorted"
  describe "$primary"
  if marks; then describe_duplicates; fi
}

# flagstat NAME -> count, of a line `COUNT + COUNT NAME`
flagstat() { awk -v name="$1" '$4 == name && NF == 4 { print $1 + $3 }' "$scratch/work/${option[sample]}.flagstat.txt"; }

# stat_value NAME: of the summary of samtools stats
stat_value() {
  awk -F '\t' -v name="$1" '$1 == "SN" && $2 == name { print $3 }' "$scratch/work/${option[sample]}.stats.txt"
}

describe() {
  local mapped
  mapped=$(stat_value "reads mapped:")
  mapped_percent=$(percent "$mapped" "$1")
  note_facts "$(jq -nc --argjson pairs "$pairs" --argjson primary "$1" --argjson mapped "$mapped" \
    --argjson percent "$mapped_percent" --argjson proper "$(stat_value "reads properly paired:")" \
    --argjson insert "$(stat_value "insert size average:")" --argjson error "$(stat_value "error rate:")" \
    '{pairs: $pairs, primary_records: $primary, mapped: $mapped, mapped_percent: $percent, properly_paired: $proper,
      mean_insert_size: $insert, error_rate: $error}')"
  # Of all contigs together; without duplicates, as samtools coverage counts
  note_facts "$(awk -F '\t' '!/^#/ { bases += $3; covered += $5; depth += $7 * $3 }
    END { printf "{\"mean_depth\": %.3f, \"covered_percent\": %.3f}", depth / bases, 100 * covered / bases }' \
    "$scratch/work/${option[sample]}.coverage.txt")"
}

percent() { awk -v part="$1" -v all="$2" 'BEGIN { printf "%.2f", all ? 100 * part / all : 0 }'; }

# describe_duplicates: samtools markdup saw every record, and marked as many as the BAM has marked
describe_duplicates() {
  local read written marked library
  library=$(markdup_value ESTIMATED_LIBRARY_SIZE)
  read=$(markdup_value READ) written=$(markdup_value WRITTEN) marked=$(markdup_value "DUPLICATE TOTAL")
  [[ -n $read && $read == "$written" && $read == "$(flagstat_line 'in total')" ]] ||
    fail 70 verification "samtools markdup read ${read:-no} records and wrote ${written:-none}: not those of the BAM"
  [[ $marked == "$(flagstat duplicates)" ]] ||
    fail 70 verification "samtools markdup tells of $marked duplicates, the BAM has $(flagstat duplicates)"
  note_facts "$(jq -nc --argjson duplicates "$marked" --argjson percent "$(percent "$marked" "$read")" \
    --argjson library "${library:-null}" \
    '{duplicates: $duplicates, duplicate_percent: $percent, estimated_library_size: $library}')"
}

markdup_value() { sed -n "s/^$1: //p" "$scratch/work/${option[sample]}.markdup.txt"; }

flagstat_line() { awk -v words="$1" 'index($0, words) { print $1 + $3; exit }' "$scratch/work/${option[sample]}.flagstat.txt"; }
