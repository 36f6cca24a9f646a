# shellcheck shell=bash disable=SC2154  # lib.sh sets the rest
# freebayes keeps its prior of allele frequencies by allele counts, though it depends on the length of the haplotype too:
# the first site that a process looks at decides the prior of all (Ewens.cpp, 1.3.9), and with it QUAL and ODDS. So every
# shard begins with the bases up to the genome's first variant, the primer: then all decide as one serial run does.

# find_primer -> primer.bed, and slice.I.bam with its reads; empty when there is no variant early in the genome
find_primer() {
  local work=$scratch/work windows end
  : > "$work/primer.bed"
  for windows in 1 16 256; do
    head -n "$windows" "$work/windows" | cut -f 1-3 > "$work/early.bed"
    if [[ ! -s $work/early.bed ]]; then return; fi
    fetch_slices "$work/early.bed"
    cut -f 1 "$work/early.bed" | sort -u > "$work/chosen"
    fetch_contigs "$work/chosen"
    first_variant
    if [[ -s $work/first ]]; then break; fi
  done
  if [[ ! -s $work/first ]]; then return; fi
  # All contigs before the variant's are without one
  end=$(awk -F '\t' '{ print $2 + length($4) }' "$work/first")
  awk -v contig="$(cut -f 1 "$work/first")" -v end="$end" -v pad="$pad" 'BEGIN { FS = OFS = "\t" }
    $1 == contig && !done { print $1, $2, (end + pad < $3 ? end + pad : $3); done = end + pad < $3 }' "$work/early.bed" |
    primer_region > "$work/primer.bed"
  fetch_slices "$work/primer.bed"
}

# primer_region: one region from the first to the last
primer_region() { awk 'BEGIN { FS = OFS = "\t" } NR == 1 { contig = $1; from = $2 } { to = $3 } END { print contig, from, to }'; }

# first_variant -> first: the first record that freebayes tells of, if any
first_variant() {
  local index work=$scratch/work slices=()
  for ((index = 0; index < bams; index++)); do slices+=("$work/slice.$index.bam"); done
  # It is read no further than that, which ends freebayes
  logged primer freebayes -f "$work/reference.fa" -t "$work/early.bed" "${slices[@]}" |
    awk '!/^#/ { print; exit }' > "$work/first" || true
  if [[ ! -s $work/first && $(status_of primer) != 0 ]]; then explain primer freebayes "$(status_of primer)"; fi
}

# publish_primer: its reads, a file a BAM, for the shards that lie far from it
publish_primer() {
  local index
  if [[ ! -s $scratch/work/primer.bed ]]; then return; fi
  for ((index = 0; index < bams; index++)); do
    publish "$scratch/work/slice.$index.bam" "$(within "${option[out]}" "primer.$((index + 1)).bam")"
  done
}
