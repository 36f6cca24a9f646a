# shellcheck shell=bash disable=SC2154  # lib.sh sets the rest
# The step record: what was read, run and made. It is written last, and a record with the same key whose outputs are
# all in the store means that the step is done.

# sha256 FILE
sha256() { sha256sum < "$1" | cut -d ' ' -f 1; }

note_input() { # URI SIZE MODIFIED SHA256
  jq -nc --arg uri "$1" --argjson size "$2" --arg modified "$3" --arg sha256 "$4" \
    '{uri: $uri, size: $size, modified: $modified, sha256: $sha256}' >> "$scratch/inputs"
}

note_output() { # URI SIZE SHA256
  jq -nc --arg uri "$1" --argjson size "$2" --arg sha256 "$3" \
    '{uri: $uri, size: $size, sha256: $sha256}' >> "$scratch/outputs"
}

note_command() { # WORD..., as one could type it in the step's work folder
  local line
  line=$(printf '%q ' "$@")
  jq -nc --arg line "${line//"$scratch/work/"/}" '$line | rtrimstr(" ")' >> "$scratch/commands"
}

# run_tool LOG COMMAND...: a tool whose results are files, noted; it ends the step where it fails
run_tool() {
  local log=$1 code=0
  shift
  note_command "$@"
  logged "$log" "$@" > "$scratch/logs/$log.out" || code=$?
  if ((code != 0)); then explain "$log" "$1 $2" "$code"; fi
}

# note_tool NAME...: the version of a tool, as its package says (bwa-mem2 2.3 calls itself 2.2.1)
note_tool() {
  local name version
  for name in "$@"; do
    version=
    if [[ -r /biojobs/versions ]]; then version=$(sed -n "s/^$name=//p" /biojobs/versions); fi
    if [[ -z $version ]]; then version=$(dpkg-query -W -f '${Version}' "$name" 2> /dev/null || true); fi
    if [[ -z $version && $name == rclone ]]; then version=$(rclone version | sed -n '1s/^rclone v//p'); fi
    jq -nc --arg name "$name" --arg version "${version:-unknown}" '{($name): $version}' >> "$scratch/tools"
  done
}

# note_facts JSON: merged into the facts of the record
note_facts() { printf '%s\n' "$1" >> "$scratch/facts"; }

# work_is_done: the record says that this very work is done, and its outputs are there with their sizes. What the record
# itself may have wrong is left in `undone`.
work_is_done() {
  local record=$scratch/old-record uri size found code
  undone=
  store_find "${option[record]}" > /dev/null || return 1
  store_cat "${option[record]}" > "$record"
  undone="its record is of other work"
  jq -e --arg key "${option[key]}" '.key == $key and (.outputs | type == "array")' "$record" > /dev/null 2>&1 || return 1
  while IFS=$'\t' read -r size uri; do
    code=0
    found=$(store_find "$uri") || code=$?
    if ((code > 1)); then exit "$code"; fi
    if [[ ${found%%$'\t'*} != "$size" ]]; then
      undone="$uri is not as recorded"
      return 1
    fi
  done < <(jq -r '.outputs[] | "\(.size)\t\(.uri)"' "$record")
  undone=
}

# skip_if_done: ends the step when its work is done. A record that does not hold goes before the work begins.
skip_if_done() {
  if work_is_done; then
    printf '%s: already done\n' "$step"
    exit 0
  fi
  if [[ -n $undone ]]; then
    printf '%s: %s, doing the step again\n' "$step" "$undone" >&2
    store_delete "${option[record]}"
  fi
}

# publish FILE URI: into the store, whole, and noted
publish() {
  local size found sum
  size=$(stat -c %s "$1")
  sha256sum < "$1" > "$scratch/sum.put" &
  sum=$!
  store_put "$1" "$2"
  wait "$sum"
  found=$(store_stat "$2")
  [[ ${found%%$'\t'*} == "$size" ]] ||
    fail 70 verification "$2 has ${found%%$'\t'*} bytes in the store, $size were sent"
  note_output "$2" "$size" "$(cut -d ' ' -f 1 "$scratch/sum.put")"
}

# publish_stubs URI...: files with a word in the place of results (not every store takes an empty one)
publish_stubs() {
  local uri
  printf 'stub\n' > "$scratch/work/stub"
  for uri in "$@"; do publish "$scratch/work/stub" "$uri"; done
}

# ---- what came through a pipe -----------------------------------------------------------------------------------

# check_checksum OPTION VALUE: `none`, `md5:` with 32 or `sha256:` with 64 hexadecimal digits in lower case
check_checksum() {
  [[ $2 =~ ^(none|md5:[0-9a-f]{32}|sha256:[0-9a-f]{64})$ ]] ||
    bad_input "--$1 '$(shown "$2")' must be none, md5:<32 hex digits> or sha256:<64 hex digits>"
}

# measured NAME CHECKSUM [FILE]: stdin to stdout (and to a file), and beside: size and sums of all that came through
measured() {
  local to=$scratch/measured.$1 checksum=$2
  shift 2
  if [[ $checksum == md5:* ]]; then
    tee -- "$@" >(wc -c > "$to.size") >(sha256sum > "$to.sha256") >(md5sum > "$to.md5")
  else
    tee -- "$@" >(wc -c > "$to.size") >(sha256sum > "$to.sha256")
  fi
}

# measure NAME KIND -> size, sha256 or md5; tee does not wait for the readers of its copies
measure() {
  local file=$scratch/measured.$1.$2 tenth word
  for ((tenth = 0; tenth < 600; tenth++)); do
    if [[ -s $file ]]; then break; fi
    sleep 0.1
  done
  read -r word _ < "$file" || fail 70 verification "$1: what came through was not measured"
  printf '%s' "$word"
}

# check_measured NAME CHECKSUM SIZE URI CALLED [WHO]: every byte came that the store told of, and they are
# those that WHO (the sheet) promised
check_measured() {
  local name=$1 kind=${2%%:*} size found
  size=$(measure "$name" size)
  if ((size != $3)); then
    fail 74 store "$4: $size bytes came, the store told of $3: the connection was cut, or the file is being changed"
  fi
  if [[ $kind != none ]]; then
    found=$(measure "$name" "$kind")
    [[ $found == "${2#*:}" ]] || bad_input "$5 ($4) has $kind $found, ${6:-the sheet} says ${2#*:}"
  fi
}

# ---- the record -----------------------------------------------------------------------------------------------

# write_record: the last act of a step
write_record() {
  local now began ended
  note_tool rclone
  # By files: an argument may have no more than 128 KiB, and thousands of inputs are no rarity
  touch "$scratch/inputs" "$scratch/outputs" "$scratch/commands" "$scratch/facts"
  ended=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  began=$(date -d "$started" +%s)
  now=$(date -d "$ended" +%s)
  jq -n --arg step "$step" --arg sample "${option[sample]}" --arg run "${option[run]}" --arg key "${option[key]}" \
    --arg image "${option[image]}" --arg started "$started" --arg ended "$ended" --argjson seconds "$((now - began))" \
    --argjson peak "$(peak_memory)" --argjson before "$cpu_before" --argjson after "$(cpu_seconds)" \
    --argjson threads "${option[threads]}" --argjson memory "${option[memory]}" \
    --slurpfile inputs "$scratch/inputs" --slurpfile outputs "$scratch/outputs" \
    --slurpfile commands "$scratch/commands" --slurpfile tools "$scratch/tools" --slurpfile facts "$scratch/facts" \
    '{step: $step, sample: $sample, run: $run, key: $key, image: $image, threads: $threads, memory_mib: $memory,
      inputs: $inputs, outputs: $outputs, commands: $commands, tools: ($tools | add // {}), started: $started, ended: $ended,
      seconds: $seconds, peak_memory_bytes: $peak, cpu_seconds: ((($after - $before) * 100 | round) / 100),
      facts: ($facts | add // {})}' > "$scratch/record.json"
  store_put "$scratch/record.json" "${option[record]}"
}
