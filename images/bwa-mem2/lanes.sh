# shellcheck shell=bash disable=SC2154,SC2317  # lib.sh sets the rest; `logged` calls functions by name
# The reads of a sample's lanes: arguments, what is there, copies on scratch, and streams that are never cut unseen.
# Used by align (all lanes) and fetch (one). A lane is seven words: ID LIBRARY PLATFORM R1URI R2URI SUM1 SUM2.

check_lanes() {
  local at value ids=' '
  lanes=$((${#repeated_lane[@]} / 7))
  ((lanes > 0)) || bad_input "--lane is missing"
  for ((at = 0; at < lanes * 7; at += 7)); do
    # SAM allows any printable character in a read group; bwa-mem2 would take a backslash as an escape
    for value in "${repeated_lane[@]:at:3}"; do
      [[ $value != *\\* && $value =~ ^[\ -~]+$ ]] ||
        bad_input "--lane '$(shown "$value")' holds a character that a read group may not have"
    done
    value=${repeated_lane[at]}
    [[ $ids != *" $value "* && $value != *' '* ]] ||
      bad_input "--lane '$(shown "$value")' is there twice or has a space"
    ids+="$value "
    [[ ${repeated_lane[at + 3]} != "${repeated_lane[at + 4]}" ]] || bad_input "lane $value: R1 and R2 are the same file"
    for value in "${repeated_lane[@]:at + 5:2}"; do check_checksum lane "$value"; done
  done
}

# lane INDEX FIELD: 0 id, 1 library, 2 platform
lane() { printf '%s' "${repeated_lane[$1 * 7 + $2]}"; }

# reads_of INDEX MATE -> URI; checksum_of INDEX MATE; called INDEX MATE -> how messages call the file
reads_of() { lane "$1" $(($2 + 2)); }
checksum_of() { lane "$1" $(($2 + 4)); }
called() { printf 'sample %s, lane %s: R%s' "${option[sample]}" "$(lane "$1" 0)" "$2"; }

read_group() {
  printf '@RG\\tID:%s\\tSM:%s\\tLB:%s\\tPL:%s' "$(lane "$1" 0)" "${option[sample]}" "$(lane "$1" 1)" "$(lane "$1" 2)"
}

# find_reads -> read_bytes: every file is there, and has something in it
find_reads() {
  local index mate uri found
  read_bytes=0
  for ((index = 0; index < lanes; index++)); do
    for mate in 1 2; do
      uri=$(reads_of "$index" "$mate")
      found=$(store_stat "$uri")
      printf '%s\n' "$found" > "$scratch/found.$index.$mate"
      if [[ ${found%%$'\t'*} == 0 ]]; then no_reads "$index" "$mate"; fi
      if [[ $(store_head "$uri" 2 | od -An -tx1) == ' 1f 8b' ]]; then : > "$scratch/gzip.$index.$mate"; fi
      read_bytes=$((read_bytes + $(size_of "$index" "$mate")))
    done
  done
}

no_reads() { bad_input "$(called "$1" "$2") ($(reads_of "$1" "$2")) is empty: no read in it"; }

# found_of INDEX MATE -> what store_stat told; size_of INDEX MATE -> bytes
found_of() { cat "$scratch/found.$1.$2"; }
size_of() { cut -f 1 "$scratch/found.$1.$2"; }

# stage_reads FOLDER: copies of both files of every lane, checked before any work; FOLDER/INDEX.MATE
stage_reads() {
  local index mate other
  staged=$1
  for ((index = 0; index < lanes; index++)); do
    printf '%s: fetching lane %s\n' "$step" "$(lane "$index" 0)" >&2
    stage_file "$index" 1 &
    other=$!
    stage_file "$index" 2
    wait "$other"
    for mate in 1 2; do
      check_from "$index" "$mate"
      check_copy "$index" "$mate"
    done
  done
}

stage_file() {
  local part=$1.$2
  logged "from.$part" store_cat "$(reads_of "$1" "$2")" "$(found_of "$1" "$2")" |
    logged "copy.$part" measured "$part" "$(checksum_of "$1" "$2")" "$staged/$part" > /dev/null || true
}

check_copy() {
  local code
  code=$(status_of "copy.$1.$2")
  if [[ $code != 0 ]]; then explain "copy.$1.$2" "the copy to scratch" "$code"; fi
  check_bytes "$1" "$2"
}

# reader INDEX MATE: the plain reads of a file to stdout, and beside: sizes and sums, lines.I.M, and exit codes
reader() {
  local part=$1.$2 unpack=(cat)
  if [[ -e $scratch/gzip.$part ]]; then unpack=(gzip -dc); fi
  if [[ -n ${staged:-} ]]; then
    logged "gzip.$part" "${unpack[@]}" < "$staged/$part" | tee >(wc -l > "$scratch/lines.$part") || true
  else
    logged "from.$part" store_cat "$(reads_of "$1" "$2")" "$(found_of "$1" "$2")" |
      measured "$part" "$(checksum_of "$1" "$2")" |
      logged "gzip.$part" "${unpack[@]}" | tee >(wc -l > "$scratch/lines.$part") || true
  fi
  : > "$scratch/read.$part"
}

# check_reader INDEX MATE TOOL: its stream came to its end; TOOL, as logged, is who read it
check_reader() {
  local part=$1.$2 gzip tenth
  # When the tool has read to the end, its readers are about to end too
  for ((tenth = 0; tenth < 600; tenth++)); do
    if [[ -e $scratch/read.$part && -s $scratch/lines.$part ]]; then break; fi
    if [[ $(status_of "$3") != 0 && $tenth -gt 20 ]]; then break; fi
    sleep 0.1
  done
  check_from "$1" "$2"
  gzip=$(status_of "gzip.$part")
  if [[ $gzip == 1 || $gzip == 2 ]]; then
    bad_input "R$2 of lane $(lane "$1" 0) ($(reads_of "$1" "$2")): the gzip file is cut or damaged"
  fi
}

# check_from INDEX MATE: the store gave the file. 141: it was cut off by who read it, who knows why.
check_from() {
  local code
  code=$(status_of "from.$1.$2")
  if [[ $code != 0 && $code != 141 && $code != none ]]; then
    cat "$scratch/logs/from.$1.$2" >&2
    exit "$code"
  fi
}

# check_counts INDEX: as many reads in R1 as in R2, and all bytes of both; notes them as inputs. Adds to `pairs`.
check_counts() {
  local index=$1 one two mate
  one=$(cat "$scratch/lines.$index.1") two=$(cat "$scratch/lines.$index.2")
  # The tool stops reading the longer file, whose reader is then cut off
  if ((one % 4 != 0 || one != two)) || [[ $(status_of "gzip.$index.1")$(status_of "gzip.$index.2") != 00 ]]; then
    bad_input "sample ${option[sample]}, lane $(lane "$index" 0): R1 and R2 have different numbers of reads"
  fi
  if ((one == 0)); then no_reads "$index" 1; fi
  pairs=$((pairs + one / 4))
  for mate in 1 2; do
    if [[ -z ${staged:-} ]]; then check_bytes "$index" "$mate"; fi
    note_reads "$index" "$mate"
  done
}

note_reads() {
  local found
  found=$(found_of "$1" "$2")
  note_input "$(reads_of "$1" "$2")" "${found%%$'\t'*}" "${found#*$'\t'}" "$(measure "$1.$2" sha256)"
}

check_bytes() {
  check_measured "$1.$2" "$(checksum_of "$1" "$2")" "$(size_of "$1" "$2")" "$(reads_of "$1" "$2")" "$(called "$1" "$2")"
}
