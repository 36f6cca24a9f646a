#!/bin/bash
# fastqc.sh --name NAME --reads URI --checksum none|md5:HEX|sha256:HEX --out URI/ and the common options
#   One file of reads: is it whole and sound, what does FastQC say of it.
#   Out: NAME_fastqc.html, NAME_fastqc.zip, NAME_reads.json (read count, mean quality, identity of the read names).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -e $here/lib.sh ]]; then lib=$here/lib.sh; else lib=$here/../common/lib.sh; fi
# shellcheck source=images/common/lib.sh
source "$lib"
step_class=small
kinds=(fastqc.html fastqc.zip reads.json)

step_main() {
  begin "$@"
  stage_reads
  run_fastqc
  check_report
  local name=${option[name]} kind
  for kind in "${kinds[@]}"; do
    publish "$scratch/work/${name}_$kind" "$(within "${option[out]}" "${name}_$kind")"
  done
  write_record
  printf '%s: %s: %s reads, mean quality %s\n' "$step" "$name" "$(fact reads)" "$(fact mean_quality)"
}

stub_main() {
  begin "$@"
  publish_stubs "${kinds[@]/#/"${option[out]%/}/${option[name]}_"}"
  write_record
}

begin() {
  parse "name reads checksum out" "" "$@"
  check_name name "${option[name]}"
  check_checksum checksum "${option[checksum]}"
  skip_if_done
}

fact() { jq -r ".$1" "$scratch/work/${option[name]}_reads.json"; }

# bad_reads REASON: names the file
bad_reads() { bad_input "${option[name]} (${option[reads]}) $1"; }

# stage_reads: one pass over the stream: copy to scratch, size, checksums, gzip and FASTQ checks
stage_reads() {
  local uri=${option[reads]} checksum=${option[checksum]} found size code=0
  found=$(store_stat "$uri")
  size=${found%%$'\t'*}
  if ((size == 0)); then bad_reads "line 1: the file is empty: no read in it"; fi
  # FastQC's own files are small
  need_scratch $((size + 67108864)) "a copy of $uri"
  # FastQC goes by the ending of the name
  reads=$scratch/work/${option[name]}.fastq
  unpack=(cat)
  if [[ $(store_head "$uri" 2 | od -An -tx1) == ' 1f 8b' ]]; then reads+=.gz unpack=(gzip -dc); fi
  logged from store_cat "$uri" "$found" |
    logged tee measured reads "$checksum" "$reads" |
    logged gzip "${unpack[@]}" |
    logged check perl "$here/check_fastq.pl" > "$scratch/checked" 3> "$scratch/names" || code=$?
  if ((code != 0)); then reads_failed; fi
  check_measured reads "$checksum" "$size" "$uri" "${option[name]}"
  note_input "$uri" "$(stat -c %s "$reads")" "${found#*$'\t'}" "$(measure reads sha256)"
  jq -c --arg name "${option[name]}" --arg names "$(cut -d ' ' -f 1 "$scratch/names")" \
    '{name: $name} + . + {names_sha256: $names}' "$scratch/checked" > "$scratch/work/${option[name]}_reads.json"
  note_facts "$(cat "$scratch/work/${option[name]}_reads.json")"
}

# reads_failed: which part of the pipe failed first. 141: it was cut off by a later one, which is then the cause.
reads_failed() {
  local from tee gzip check line
  from=$(status_of from) tee=$(status_of tee) gzip=$(status_of gzip) check=$(status_of check)
  if [[ $from != 0 && $from != 141 ]]; then
    cat "$scratch/logs/from" >&2
    exit "$from"
  fi
  if [[ $tee != 0 && $tee != 141 ]]; then explain tee "the copy to scratch" "$tee"; fi
  line=$(tail -n 1 "$scratch/logs/check")
  if [[ $gzip == 1 || $gzip == 2 ]]; then
    line=${line#line }
    bad_reads "line ${line%%:*}: the gzip file is cut or damaged here ($(gzip_words))"
  fi
  if [[ $check == 65 ]]; then bad_reads "$line"; fi
  explain check check_fastq.pl "$check"
}

gzip_words() { last_words gzip | sed 's/^ *gzip: stdin: //; s/^ *//; s/ *$//'; }

run_fastqc() {
  local memory=${option[memory]} heap seconds jars=/opt/fastqc classes code=0
  # The rest is the Java machine's own: code, threads, plots
  heap=$((memory - (memory / 4 > 200 ? memory / 4 : 200)))
  ((heap >= 200)) || too_small memory "FastQC needs 400 MiB, the step has $memory"
  if [[ ! -d $jars ]]; then jars=/usr/share/java; fi
  classes=$jars/fastqc.jar:$jars/commons-math3.jar:$jars/htsjdk.jar:$jars/jbzip2.jar
  # It does not end by itself when it has no fonts. A second a mebibyte is ten times what it takes.
  seconds=$((600 + $(stat -c %s "$reads") / 1048576))
  local command=(java "-Xmx${heap}m" -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true
    "-Djava.io.tmpdir=$scratch/work" "-Duser.home=$scratch/work" "-Dfastqc.output_dir=$scratch/work"
    -Dfastqc.threads=1 -Dfastqc.quiet=true -Dfastqc.unzip=false -cp "$classes"
    uk.ac.babraham.FastQC.FastQCApplication "$reads")
  note_command "${command[@]}"
  note_tool fastqc
  logged fastqc timeout --kill-after=10 "$seconds" "${command[@]}" > "$scratch/logs/fastqc.out" || code=$?
  case $code in
    0) ;;
    124) fail 124 tool "FastQC did not end within $seconds s on ${option[name]}" ;;
    3) out_of_memory 73 FastQC ;;
    *) explain fastqc FastQC "$code" ;;
  esac
}

# check_report: FastQC ends with 0 whatever happened, so its results must show that it read every read
check_report() {
  local name=${option[name]} folder=$scratch/work/report counted
  local html=$scratch/work/${name}_fastqc.html zip=$scratch/work/${name}_fastqc.zip
  if [[ ! -s $html || ! -s $zip ]]; then
    if grep -qsF 'No space left on device' "$scratch/logs/fastqc"; then scratch_full; fi
    fail 70 verification "FastQC left no report of $name: $(last_words fastqc)"
  fi
  [[ $(tail -c 200 "$html") == *'</html>'* ]] || fail 70 verification "the report ${name}_fastqc.html is cut"
  unzip_report "$zip" "$folder" || fail 70 verification "${name}_fastqc.zip is damaged: $(last_words unzip)"
  counted=$(awk -F '\t' '$1 == "Total Sequences" { print $2 }' "$folder/${name}_fastqc/fastqc_data.txt")
  [[ $counted == "$(fact reads)" ]] ||
    fail 70 verification "FastQC counted ${counted:-no} reads in $name, $(fact reads) are there"
  note_facts "$(jq -Rn '{verdicts: ([inputs | split("\t") | {(.[1]): .[0]}] | add)}' \
    "$folder/${name}_fastqc/summary.txt")"
}

# unzip_report ZIP FOLDER: rclone reads archives and checks their sums
unzip_report() { logged unzip rclone archive extract -- "$1" "$2"; }

run_step "$@"
