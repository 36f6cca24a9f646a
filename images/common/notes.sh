# shellcheck shell=bash disable=SC2154  # lib.sh sets the rest
# The step record: what was read, run and made. It is written last, and a record with the same key whose outputs are
# all in the store means that the step is done.

# shellcheck source=images/common/resume.sh
source "$common/resume.sh"

# Goes on steadily when the clock is set
read -r up_at_start _ < /proc/uptime

# sha256 FILE
sha256() { sha256sum < "$1" | cut -d ' ' -f 1; }

note_input() { # URI SIZE MODIFIED SHA256
  jq -nc --arg uri "$1" --argjson size "$2" --arg modified "$3" --arg sha256 "$4" \
    '{uri: $uri, size: $size, modified: $modified, sha256: $sha256}' >> "$scratch/inputs"
}

note_output() { # URI SIZE SHA256 [MODIFIED], the last as the store tells it
  jq -nc --arg uri "$1" --argjson size "$2" --arg sha256 "$3" --arg modified "${4:-}" \
    '{uri: $uri, size: $size, sha256: $sha256} + if $modified == "" then {} else {modified: $modified} end' \
    >> "$scratch/outputs"
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
  note_output "$2" "$size" "$(cut -d ' ' -f 1 "$scratch/sum.put")" "${found#*$'\t'}"
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

# step_arguments -> a JSON list of the step's own options with their words, but for those that no result depends on
step_arguments() {
  local name common=" sample run record key image threads memory "
  {
    while read -r name; do
      if [[ $common != *" $name "* ]]; then printf '%s\n' "--$name" "${option[$name]}"; fi
    done < <(printf '%s\n' "${!option[@]}" | sort)
    while read -r name; do
      local -n words=$name
      name=${name#repeated_}
      if ((${#words[@]} > 0)); then printf '%s\n' "--${name//_/-}" "${words[@]}"; fi
    done < <(compgen -v repeated_ | sort)
  } | jq -Rn '[inputs]'
}

# check_published: what was published is what is there. Where a lost machine was not as lost as it seemed, two make the
# same thing at once, and a record must not tell of one's file and another's.
check_published() {
  local size modified uri found code
  # Asked for one by one: a listing may tell other times than a server tells of the file itself
  while IFS=$'\t' read -r size modified uri; do
    code=0
    found=$(store_find "$uri") || code=$?
    if ((code > 1)); then exit "$code"; fi
    is_same_file "$found" "$size"$'\t'"$modified" ||
      fail 74 store "$uri was written by another run while this one made it: it is made again"
  done < <(jq -rs 'group_by(.uri)[] | last | select(.modified) | "\(.size)\t\(.modified)\t\(.uri)"' "$scratch/outputs")
}

# clock_ahead BEFORE AFTER MODIFIED -> by how many seconds this machine's clock is ahead of the store's, which took a file
# between two times of the former. Less than a minute is nothing.
clock_ahead() {
  local at
  at=$(date -d "$3" +%s) || at=$1
  if ((at < $1 - 60)); then
    printf '%s' $(($1 - at))
  elif ((at > $2 + 60)); then
    printf '%s' $(($2 - at))
  else
    printf 0
  fi
}

# write_record: the last act of a step. Its times are the store's where this machine's clock is wrong, so that the steps
# of a run stand in the order in which they were.
write_record() {
  local before ahead found code=0
  note_tool rclone
  # By files: an argument may have no more than 128 KiB, and thousands of inputs are no rarity
  touch "$scratch/inputs" "$scratch/outputs" "$scratch/commands" "$scratch/facts" "$scratch/tries" "$scratch/copied"
  step_arguments > "$scratch/arguments"
  check_published
  before=$(date +%s)
  make_record "$before" 0
  store_put "$scratch/record.json" "${option[record]}"
  found=$(store_find "${option[record]}") || code=$?
  if ((code > 1)); then exit "$code"; fi
  ((code == 0)) || fail 74 store "${option[record]} was taken away by another run: the step is done again"
  ahead=$(clock_ahead "$before" "$(date +%s)" "${found#*$'\t'}")
  if ((ahead != 0)); then
    printf "%s: this machine's clock is %s s %s the store's: the record has the store's times\n" "$step" \
      "${ahead#-}" "$( ((ahead > 0)) && printf 'ahead of' || printf 'behind')" >&2
    make_record "$before" "$ahead"
    store_put "$scratch/record.json" "${option[record]}"
  fi
  forget_tries
}

# copied -> [BYTES, SECONDS] of all copies from and to the store; seconds only of those that nothing worked on meanwhile
copied() { awk '{ bytes += $1; hundredths += $2 } END { printf "[%.0f, %.2f]", bytes, hundredths / 100 }' "$scratch/copied"; }

# make_record NOW AHEAD -> record.json
make_record() {
  local ended=$(($1 - $2)) seconds up
  read -r up _ < /proc/uptime
  seconds=$((${up%.*} - ${up_at_start%.*}))
  jq -n --arg step "$step" --arg sample "${option[sample]}" --arg run "${option[run]}" --arg key "${option[key]}" \
    --arg image "${option[image]}" --argjson ended "$ended" --argjson seconds "$seconds" --argjson ahead "$2" \
    --argjson peak "$(peak_memory)" --argjson before "$cpu_before" --argjson after "$(cpu_seconds)" \
    --argjson threads "${option[threads]}" --argjson memory "${option[memory]}" \
    --slurpfile arguments "$scratch/arguments" --slurpfile inputs "$scratch/inputs" --slurpfile outputs "$scratch/outputs" \
    --slurpfile commands "$scratch/commands" --slurpfile tools "$scratch/tools" --slurpfile facts "$scratch/facts" \
    --slurpfile tries "$scratch/tries" --argjson moved "$(copied)" \
    '{step: $step, sample: $sample, run: $run, key: $key, image: $image, threads: $threads, memory_mib: $memory,
      arguments: $arguments[0], inputs: $inputs, outputs: $outputs, commands: $commands, tools: ($tools | add // {}),
      started: ($ended - $seconds | todate), ended: ($ended | todate), seconds: $seconds, clock_ahead_seconds: $ahead,
      tries: ($tries[0] // []), peak_memory_bytes: $peak, cpu_seconds: ((($after - $before) * 100 | round) / 100),
      moved_bytes: $moved[0], moved_seconds: $moved[1], facts: ($facts | add // {})}' > "$scratch/record.json"
}
