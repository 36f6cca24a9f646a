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

# skip_if_done: ends the step when its record says that this very work is done and its outputs are there
skip_if_done() {
  local record=$scratch/old-record uri size found code
  if store_find "${option[record]}" > /dev/null; then
    store_cat "${option[record]}" > "$record"
    if jq -e --arg key "${option[key]}" '.key == $key and (.outputs | type == "array")' "$record" > /dev/null 2>&1; then
      while IFS=$'\t' read -r size uri; do
        code=0
        found=$(store_find "$uri") || code=$?
        if ((code > 1)); then exit "$code"; fi
        if [[ ${found%%$'\t'*} != "$size" ]]; then
          printf '%s: %s is not as recorded, doing the step again\n' "$step" "$uri" >&2
          store_delete "${option[record]}"
          return
        fi
      done < <(jq -r '.outputs[] | "\(.size)\t\(.uri)"' "$record")
      printf '%s: already done\n' "$step"
      exit 0
    fi
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

lines_as_array() { if [[ -e $1 ]]; then jq -s . "$1"; else echo '[]'; fi; }
lines_as_object() { if [[ -e $1 ]]; then jq -s 'add // {}' "$1"; else echo '{}'; fi; }

# write_record: the last act of a step
write_record() {
  local now began ended
  note_tool rclone
  ended=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  began=$(date -d "$started" +%s)
  now=$(date -d "$ended" +%s)
  jq -n --arg step "$step" --arg sample "${option[sample]}" --arg run "${option[run]}" --arg key "${option[key]}" \
    --arg image "${option[image]}" --arg started "$started" --arg ended "$ended" --argjson seconds "$((now - began))" \
    --argjson peak "$(peak_memory)" --argjson before "$cpu_before" --argjson after "$(cpu_seconds)" \
    --argjson threads "${option[threads]}" --argjson memory "${option[memory]}" \
    --argjson inputs "$(lines_as_array "$scratch/inputs")" --argjson outputs "$(lines_as_array "$scratch/outputs")" \
    --argjson commands "$(lines_as_array "$scratch/commands")" --argjson tools "$(lines_as_object "$scratch/tools")" \
    --argjson facts "$(lines_as_object "$scratch/facts")" \
    '{step: $step, sample: $sample, run: $run, key: $key, image: $image, threads: $threads, memory_mib: $memory,
      inputs: $inputs, outputs: $outputs, commands: $commands, tools: $tools, started: $started, ended: $ended,
      seconds: $seconds, peak_memory_bytes: $peak, cpu_seconds: ((($after - $before) * 100 | round) / 100),
      facts: $facts}' > "$scratch/record.json"
  store_put "$scratch/record.json" "${option[record]}"
}
