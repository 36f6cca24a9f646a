# shellcheck shell=bash disable=SC2154  # lib.sh sets the rest
# The BAMs that are called together: what they are, and their slices straight from the store.
# A slice is the bytes that the index tells of, at their places in a file with holes. samtools reads it through an index
# of those bytes alone; a byte that is missing is an error there, never a read less. Over HTTP samtools asks for "all from
# here on", and what is on its way when it has enough is many times the slice.

# Bases that freebayes sees on both sides of a region, so that a cut changes no variant.
# shellcheck disable=SC2034  # the steps use it
pad=300

end_of_bam='1f8b08040000000000ff0600424302001b0003000000000000000000'

# count_bams -> bams, the number; bam_name and bam_uri of each
count_bams() {
  local at names=' '
  bams=$((${#repeated_bam[@]} / $1))
  ((bams > 0)) || bad_input "--bam is missing"
  for ((at = 0; at < bams; at++)); do
    check_name bam "${repeated_bam[at * $1]}"
    [[ $names != *" ${repeated_bam[at * $1]} "* ]] || bad_input "--bam ${repeated_bam[at * $1]} is there twice"
    names+="${repeated_bam[at * $1]} "
  done
}

bam_name() { printf '%s' "${repeated_bam[$1 * 2]}"; }
bam_uri() { printf '%s' "${repeated_bam[$1 * 2 + 1]}"; }

# find_bams: BAMs and indexes are there and whole; found.I has size and time, I.bai the index
find_bams() {
  local index uri found size
  : > "$scratch/moved"
  for ((index = 0; index < bams; index++)); do
    uri=$(bam_uri "$index")
    found=$(store_stat "$uri")
    printf '%s\n' "$found" > "$scratch/found.$index"
    size=${found%%$'\t'*}
    ((size >= 28)) || bad_bam "$index" "is no BAM: it has $size bytes"
    [[ $(store_head "$uri" 4 | od -An -tx1) == ' 1f 8b 08 04' ]] || bad_bam "$index" "is no BAM"
    [[ $(store_range "$uri" $((size - 28)) 28 | od -An -v -tx1 | tr -d ' \n') == "$end_of_bam" ]] ||
      bad_bam "$index" "is cut: its end is missing"
    find_index "$index"
  done
}

find_index() {
  local uri found code=0
  uri=$(bam_uri "$1").bai
  found=$(store_find "$uri") || code=$?
  if ((code > 1)); then exit "$code"; fi
  if ((code == 1)); then
    fail 66 "missing input" "$(whose "$1"): $uri is not there: index the BAM with samtools index"
  fi
  store_get "$uri" "$scratch/work/$1.bai"
  printf '%s\n' "${found%%$'\t'*}" >> "$scratch/moved"
  note_input "$uri" "${found%%$'\t'*}" "${found#*$'\t'}" "$(sha256 "$scratch/work/$1.bai")"
}

whose() { printf 'sample %s' "$(bam_name "$1")"; }

bad_bam() { bad_input "$(whose "$1"): $(bam_uri "$1") $2"; }

bad_index() { bad_input "$(whose "$1"): $(bam_uri "$1").bai is no index of this BAM: $2; make it anew with samtools index"; }

# store_range URI OFFSET COUNT: to stdout
store_range() {
  local log=range.$BASHPID remote
  remote=$(remote_of "$1") || exit
  copy_tool "$log" cat --retries 1 --low-level-retries 4 --offset "$2" --count "$3" -- "$remote" ||
    store_failed "$log" "$1"
}

# fetch_slice INDEX BED OUT: the reads of the regions as a BAM with an index
fetch_slice() {
  local index=$1 bed=$2 out=$3 size offset count needed code=0 sparse=$scratch/work/sparse closer=()
  size=$(cut -f 1 "$scratch/found.$index")
  rm -f "$sparse"
  if [[ -e $scratch/work/blocks.$index ]]; then closer=("$scratch/work/blocks.$index"); fi
  logged slice perl "$here/slice.pl" "$scratch/work/$index.bai" "$scratch/work/contigs" "$size" "$bed" "$sparse.bai" \
    "${closer[@]}" > "$scratch/ranges" || code=$?
  if ((code == 65)); then bad_index "$index" "$(last_words slice)"; fi
  if ((code != 0)); then explain slice slice.pl "$code"; fi
  needed=$(awk '{ sum += $2 } END { print sum + 0 }' "$scratch/ranges")
  printf '%s\n' "$needed" >> "$scratch/moved"
  # The slice, and its reads packed once more
  need_scratch $((2 * needed)) "a slice of $(bam_uri "$index")"
  truncate -s "$size" "$sparse"
  { while read -r offset count; do fetch_range "$index" "$offset" "$count" "$sparse"; done; } < "$scratch/ranges"
  fetch_range "$index" $((size - 28)) 28 "$sparse"
  note_command samtools view -M -L "$bed" "$(bam_uri "$index")"
  logged view samtools view --no-PG -b -X -M -L "$bed" --write-index -o "$out##idx##$out.bai" "$sparse" "$sparse.bai" ||
    code=$?
  unchanged "$index"
  if ((code == 1)); then bad_bam "$index" "cannot be read, or $(bam_uri "$index").bai is not its index: $(last_words view)"; fi
  if ((code != 0)); then explain view "samtools view" "$code"; fi
  if ((bams > 1)); then own_groups "$index" "$out"; fi
  if [[ -n ${look_closer:-} ]]; then
    logged blocks perl "$here/blocks.pl" "$sparse" "$scratch/work/$index.bai" "$scratch/work/contigs" "$bed" \
      >> "$scratch/work/closer.$index" || explain blocks blocks.pl "$(status_of blocks)"
  fi
  rm -f "$sparse" "$sparse.bai" "$sparse.blocks"
}

# own_groups INDEX FILE: read groups are named after lanes, so those of two samples have the same names, and freebayes takes
# all files for one: each sample's get its number
own_groups() {
  local number=$(($1 + 1)) code=0
  logged groups samtools view --no-PG -h "$2" |
    logged rename sed -E "/^@RG/s/\tID:/\tID:$number./; /^@/!s/\tRG:Z:/\tRG:Z:$number./" |
    logged pack samtools view --no-PG -b --write-index -o "$2.own##idx##$2.own.bai" - || code=$?
  if ((code != 0)); then explain pack "samtools view" "$(status_of pack)"; fi
  mv "$2.own" "$2"
  mv "$2.own.bai" "$2.bai"
}

# fetch_range INDEX OFFSET COUNT FILE: to its place in the file
fetch_range() {
  local got codes
  store_range "$(bam_uri "$1")" "$2" "$3" |
    dd of="$4" bs=1M conv=notrunc oflag=seek_bytes seek="$2" 2> "$scratch/logs/dd" || codes=("${PIPESTATUS[@]}")
  if ((${codes[0]:-0} != 0)); then exit "${codes[0]}"; fi
  if ((${codes[1]:-0} != 0)); then explain dd dd "${codes[1]}"; fi
  got=$(awk '/ copied/ { print $1 }' "$scratch/logs/dd")
  if [[ $got != "$3" ]]; then
    unchanged "$1"
    fail 74 store "$(bam_uri "$1"): of $3 bytes at $2 only $got arrived"
  fi
}

# unchanged INDEX: a BAM that is written anew while it is read would give a mixture
unchanged() {
  local found
  found=$(store_stat "$(bam_uri "$1")") || exit
  is_same_file "$found" "$(cat "$scratch/found.$1")" ||
    fail 70 verification "$(whose "$1"): $(bam_uri "$1") was changed while the run was going: start the run again"
}

# padded BED -> its regions with the padding on both sides, merged; fails when the reference lacks one
padded() {
  awk -v pad="$pad" 'BEGIN { FS = OFS = "\t" }
    NR == FNR { length_of[$1] = $2; next }
    !($1 in length_of) || NF != 3 || !($2 >= 0 && $2 < $3 && $3 <= length_of[$1]) { bad = 1; exit 1 }
    { from = $2 > pad ? $2 - pad : 0; to = $3 + pad < length_of[$1] ? $3 + pad : length_of[$1] }
    $1 == contig && from <= end { if (to > end) end = to; next }
    contig != "" { print contig, begin, end }
    { contig = $1; begin = from; end = to }
    END { if (!bad) print contig, begin, end }' "$scratch/work/reference.fai" "$1"
}

# fetch_slices BED -> slice.I.bam
fetch_slices() {
  local index
  for ((index = 0; index < bams; index++)); do fetch_slice "$index" "$1" "$scratch/work/slice.$index.bam"; done
}

# depths BED FILE: appends cells with their aligned bases
depths() {
  local index slices=()
  for ((index = 0; index < bams; index++)); do slices+=("$scratch/work/slice.$index.bam"); done
  logged depth samtools depth -a -b "$1" "${slices[@]}" | logged cells perl "$here/depth.pl" >> "$2" || true
  if [[ $(status_of depth) != 0 ]]; then explain depth "samtools depth" "$(status_of depth)"; fi
  if [[ $(status_of cells) != 0 ]]; then explain cells depth.pl "$(status_of cells)"; fi
}

# fetch_fai -> reference.fai
fetch_fai() {
  local uri
  uri=$(within "${option[reference]}" reference.fa.fai)
  store_cat "$uri" > "$scratch/work/reference.fai"
  [[ -s $scratch/work/reference.fai ]] || fail 70 verification "$uri is empty: build the index anew"
}

# fetch_contigs NAMES -> reference.fa: of these contigs alone, as far as there are few
fetch_contigs() {
  local uri contig bases offset line width bytes fasta=$scratch/work/reference.fa few=$scratch/work/few
  uri=$(within "${option[reference]}" reference.fa)
  awk -F '\t' 'NR == FNR { wanted[$1]; next } $1 in wanted' "$1" "$scratch/work/reference.fai" > "$few"
  if (($(wc -l < "$few") > 40)); then
    need_scratch "$(cut -f 1 <<< "$(store_stat "$uri")")" "the reference"
    store_get "$uri" "$fasta"
    cp "$scratch/work/reference.fai" "$few"
  else
    while IFS=$'\t' read -r contig bases offset line width; do
      # shellcheck disable=SC2017  # whole lines have a line end each
      bytes=$((bases / line * width + bases % line))
      need_scratch "$bytes" "contig $contig"
      printf '>%s\n' "$contig"
      store_range "$uri" "$offset" "$bytes"
      printf '\n'
    done < "$few" > "$fasta"
  fi
  logged faidx samtools faidx "$fasta" || explain faidx "samtools faidx" "$(status_of faidx)"
  cmp -s <(cut -f 1,2 "$fasta.fai") <(cut -f 1,2 "$few") ||
    fail 70 verification "$uri and its .fai do not belong together: build the index anew"
}

# shard_key BED -> 16 hex digits: the work that all shards depend on, and the regions
shard_key() {
  local sum
  sum=$({ printf '%s\n' "$base_key" && cat "$1"; } | sha256sum)
  printf '%s' "${sum:0:16}"
}

# resume NAME [CHECK]: work that is done gives its output parameter again; CHECK looks whether it still serves
resume() {
  local said
  said=$(skip_if_done) || exit
  if [[ -n $said ]] && { [[ -z ${2:-} ]] || "$2"; }; then
    jq -c ".facts.$1" "$scratch/old-record" | output "$1"
    printf '%s\n' "$said"
    exit 0
  fi
  if [[ -n $said ]]; then store_delete "${option[record]}"; fi
}

# moved -> bytes of BAMs and indexes that came from the store
moved() { awk '{ sum += $1 } END { print sum + 0 }' "$scratch/moved"; }
