# shellcheck shell=bash disable=SC2034  # others read what is set here
# What steps take, in MiB: the formulas of workflows/sizing.py, which says what they rest on. A test holds both to each
# other: change both.

headroom_percent=15
least_sort_mib=32
most_sort_mib=2048

least_of() { printf '%d' $(($1 < $2 ? $1 : $2)); }
over_zero() { printf '%d' $(($1 > 0 ? $1 : 0)); }

# index_memory_mib BASES
index_memory_mib() { printf '%d' $(($1 * 101 / 4194304 + 2)); }

# index_scratch_bytes BASES
index_scratch_bytes() { printf '%d' $((7 * $1)); }

# bwa_memory_mib INDEX_BYTES THREADS BATCH_BASES BASES
bwa_memory_mib() {
  local first second thread
  first=$(least_of "$3" "$4")
  second=$(least_of "$3" "$(over_zero $(($4 - $3)))")
  thread=$((4 + $(least_of 1020 $(($(over_zero $(($1 * 2 / 11 - 100000000))) / 2900000)))))
  printf '%d' $(($1 / 1048576 + 1 + (76 * first + 39 * second) / 10485760 + 4 + $2 * thread))
}

# streams_mib COUNT BYTES
streams_mib() { printf '%d' $((8 + 14 * $1 + $(least_of $((16 * $1)) $(($2 / 1048576))))); }

# sort_memory_mib THREADS SORT_MIB BASES
sort_memory_mib() { printf '%d' $((8 + $(least_of $((9 * $1 * $2 / 8)) $((3 * $3 / 1048576))))); }

# sort_mib MEMORY_MIB THREADS OTHERS_MIB: -m of samtools sort
sort_mib() {
  local mib=$((($1 * 100 / (100 + headroom_percent) - $3) * 8 / 9 / $2))
  printf '%d' $((mib < least_sort_mib ? least_sort_mib : mib > most_sort_mib ? most_sort_mib : mib))
}

# align_others_mib INDEX_BYTES THREADS BATCH_BASES READ_BYTES: align without its sort
align_others_mib() { printf '%d' $(($(streams_mib 2 "$4") + $(bwa_memory_mib "$1" "$2" "$3" $((8 * $4))))); }

# align_scratch_bytes INDEX_BYTES READ_BYTES stream|stage
align_scratch_bytes() {
  local times=2
  if [[ $3 == stage ]]; then times=3; fi
  printf '%d' $(($1 + times * $2))
}

# usual_bases READ_BYTES
usual_bases() { printf '%d' $((4 * $1)); }
