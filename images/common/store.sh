# shellcheck shell=bash disable=SC2154  # lib.sh sets the rest
# The store, through rclone: s3://bucket/key, gs://bucket/key, https://host/path (read only) and plain paths.

# shellcheck source=images/common/remotes.sh
source "$common/remotes.sh"

# Bounded: with 2 a store that is away is told after 15 seconds, with 4 after a minute, with 10 after many; the
# workflow tries the step again. A stream under way may be opened anew more often (store_cat).
export RCLONE_RETRIES=2 RCLONE_RETRIES_SLEEP=2s RCLONE_LOW_LEVEL_RETRIES=2 RCLONE_CONTIMEOUT=10s RCLONE_TIMEOUT=5m
export RCLONE_STATS=0 RCLONE_LOG_LEVEL=NOTICE RCLONE_BUFFER_SIZE=16Mi RCLONE_TRANSFERS=1 RCLONE_CHECKERS=1
export RCLONE_USE_SERVER_MODTIME=true RCLONE_COPY_LINKS=true
# Else `cat` lists the folder that a file is in, which an archive may not allow.
export RCLONE_NO_TRAVERSE=true
# Else a packed file that a server calls packed would be unpacked on its way, and its length be unknown.
export RCLONE_NO_GZIP_ENCODING=true

# within URI NAME -> the address of NAME in the folder URI
within() { printf '%s/%s' "${1%/}" "$2"; }

# copy_tool LOG ARGUMENT...: rclone with its complaints in logs/LOG; returns its exit code
copy_tool() {
  local log=$scratch/logs/$1 code=0
  shift
  rclone "$@" 2> "$log" || code=$?
  if ((code == 137)); then killed rclone; fi
  return "$code"
}

# ask LOG FILE ARGUMENT...: copy_tool with its answer in FILE. rclone asks a web server only once, which then may just
# be busy: it is asked again for half a minute.
ask() {
  local log=$1 file=$2 pause code=0
  shift 2
  for pause in 1 2 4 8 16 0; do
    code=0
    copy_tool "$log" "$@" > "$file" || code=$?
    if ((code == 0 || pause == 0)) || [[ ${!#} != :http,* ]] || is_final "$log"; then break; fi
    sleep "$pause"
  done
  return "$code"
}

# is_final LOG: a complaint that trying again will not change
is_final() {
  store_says_missing "$scratch/logs/$1" ||
    grep -qE '(HTTP Error:|StatusCode:|googleapi: Error) 4(0[0-79]|1[0-9]|2[0-8])|no space left' "$scratch/logs/$1"
}

# store_failed LOG URI: the reason in a word, as exit code
store_failed() {
  local log=$scratch/logs/$1 uri=$2 words
  words=$(sed -E 's/^[0-9/]+ [0-9:]+ //; s/^(ERROR|NOTICE|CRITICAL|Failed)[ :]+//; /^ *$/d' "$log" | tail -n 1)
  words=${words:0:400}
  if grep -qF 'no space left on device' "$log"; then
    case $uri in
      *://*) fail 74 store "$uri: the store has no space left" ;;
      *) scratch_full ;;
    esac
  elif store_says_missing "$log"; then
    fail 66 "missing input" "$uri is not there"
  elif grep -qE '\b40[13]\b|Forbidden|AccessDenied|SignatureDoesNotMatch|InvalidAccessKeyId|[Pp]ermission denied' "$log"; then
    fail 74 store "access to $uri was refused: $words"
  elif grep -qF 'read-only file system' "$log"; then
    fail 74 store "access to $uri was refused: it can only be read; let the steps write there"
  fi
  fail 74 store "$uri: $words"
}

store_says_missing() {
  grep -qE '(object|directory) not found|NoSuchKey|NoSuchBucket|StatusCode: 404|no such file or directory' "$1"
}

# note_moved BYTES SINCE: for the record, how much came or went, and how long the step has waited for nothing else, from
# SINCE (the first word of /proc/uptime) on; not at all where a tool worked on the stream. No step fails for it.
note_moved() {
  local now=0 since=${2:-0}
  if [[ -n $2 ]]; then read -r now _ < /proc/uptime; fi
  printf '%s %s\n' "$1" $((10#${now/./} - 10#${since/./})) 2> /dev/null >> "$scratch/copied" || true
}

# store_find URI -> "SIZE<tab>MODIFIED"; returns 1 when it is not there
store_find() {
  local remote log
  remote=$(remote_of "$1") || exit
  log=find.$BASHPID
  if ! ask "$log" "$scratch/logs/$log.found" lsjson --stat --no-mimetype -- "$remote"; then
    if store_says_missing "$scratch/logs/$log"; then return 1; fi
    store_failed "$log" "$1"
  fi
  # A folder is no file
  jq -er 'select(. != null and (.IsDir | not)) | "\(.Size)\t\(.ModTime)"' "$scratch/logs/$log.found" 2> /dev/null ||
    return 1
}

# store_list URI -> "NAME<tab>SIZE<tab>MODIFIED" of every file in a folder, a line each; none when there is no folder
store_list() {
  local remote log
  remote=$(remote_of "$1") || exit
  log=list.$BASHPID
  if ! ask "$log" "$scratch/logs/$log.found" lsjson --files-only --no-mimetype -- "$remote"; then
    if store_says_missing "$scratch/logs/$log"; then return; fi
    store_failed "$log" "$1"
  fi
  jq -r '.[] | "\(.Name)\t\(.Size)\t\(.ModTime)"' "$scratch/logs/$log.found"
}

# store_stat URI -> "SIZE<tab>MODIFIED"; exit 66 when it is not there
store_stat() {
  local code=0 found
  found=$(store_find "$1") || code=$?
  if ((code == 1)); then fail 66 "missing input" "$1 is not there"; fi
  if ((code > 0)); then return "$code"; fi
  # Nothing would show that it ended early
  [[ $found != -1$'\t'* ]] || bad_input "$1: the server does not tell its length; copy it into the store and name that"
  printf '%s\n' "$found"
}

# store_cat URI [FOUND]: to stdout, all of it, as FOUND (what store_stat said) tells; 141 when nobody reads it any more.
# A stream that is cut goes on where it was; one that cannot, or has another length, fails.
store_cat() {
  local uri=$1 found=${2:-} log=cat.$BASHPID remote tries=4 at=0 got idle=0 cuts=0 codes
  remote=$(remote_of "$uri") || exit
  if [[ -z $found ]]; then found=$(store_stat "$uri") || exit; fi
  local size=${found%%$'\t'*}
  # Of a web server rclone would take whatever comes for what it asked for
  if [[ $remote == :http,* ]]; then tries=1; fi
  while true; do
    codes=(0 0)
    copy_tool "$log" cat --retries 1 --low-level-retries "$tries" --offset "$at" -- "$remote" |
      dd bs=1M 2> "$scratch/logs/$log.dd" || codes=("${PIPESTATUS[@]}")
    # 141: the reader went away, and knows why
    if ((codes[1] == 141)) || grep -qsi 'broken pipe' "$scratch/logs/$log" "$scratch/logs/$log.dd"; then
      return 141
    fi
    if ((codes[1] != 0)); then explain "$log.dd" dd "${codes[1]}"; fi
    if ((codes[0] == 137)); then exit 137; fi
    got=$(awk '/ copied/ { print $1 }' "$scratch/logs/$log.dd")
    at=$((at + ${got:-0})) cuts=$((cuts + 1)) idle=$((${got:-0} == 0 ? idle + 1 : 0))
    if ((at == size && codes[0] == 0)); then
      note_moved "$size" ''
      return
    fi
    if ((at > size)); then fail 74 store "$uri: $at bytes came, the store told of $size"; fi
    if ((at == size)) || { ((codes[0] != 0)) && is_final "$log"; }; then store_failed "$log" "$uri"; fi
    go_on "$uri" "$found" "$at" "$idle" "$cuts" "$log"
  done
}

# go_on URI FOUND AT IDLE CUTS LOG: whether a stream that was cut may go on from there, after a pause
go_on() {
  local uri=$1 found=$2 at=$3 idle=$4 cuts=$5 log=$6 remote again most=1
  local cut="$uri: the connection was cut after $at of ${found%%$'\t'*} bytes"
  remote=$(remote_of "$uri") || exit
  # rclone has tried it several times itself, but with web servers
  if [[ $remote == :http,* ]]; then most=4; fi
  if ((idle >= most || cuts > 100)); then
    if ((at == 0)) && [[ -s $scratch/logs/$log ]]; then store_failed "$log" "$uri"; fi
    fail 74 store "$cut, and so it is again and again"
  fi
  printf '%s: %s, going on from there\n' "$step" "$cut" >&2
  sleep $((idle > 0 ? 1 << idle : 1))
  again=$(store_stat "$uri") || exit
  [[ $again == "$found" ]] || fail 74 store "$uri was changed while it was being read"
  if ((at > 0)) && [[ $remote == :http,* ]]; then
    ask "$log" "$scratch/logs/$log.first" cat --count 64 -- "$remote" || store_failed "$log" "$uri"
    ask "$log" "$scratch/logs/$log.next" cat --offset "$at" --count 64 -- "$remote" || store_failed "$log" "$uri"
    if cmp -s "$scratch/logs/$log.first" "$scratch/logs/$log.next"; then
      fail 74 store "$cut, and the server cannot go on from there: copy the file into the store"
    fi
  fi
}

# store_head URI COUNT: the first bytes to stdout
store_head() {
  local log=head.$BASHPID remote
  remote=$(remote_of "$1") || exit
  ask "$log" "$scratch/logs/$log.found" cat --retries 1 --count "$2" -- "$remote" || store_failed "$log" "$1"
  cat "$scratch/logs/$log.found"
}

# store_get URI FILE: a whole file to scratch
store_get() {
  local log=get.$BASHPID remote size=0 since
  read -r since _ < /proc/uptime
  remote=$(remote_of "$1") || exit
  # rclone would ask a web server for several parts at once, and not see it when it sends something else
  if [[ $remote == :http,* ]]; then
    store_cat "$1" > "$2"
  else
    copy_tool "$log" copyto --no-check-dest -- "$remote" ":local:$(realpath -ms -- "$2")" || store_failed "$log" "$1"
    size=$(stat -c %s -- "$2")
  fi
  note_moved "$size" "$since"
}

# store_put FILE URI: whole or not at all. S3 and Google show an object only when it is complete; for a path rclone
# writes beside it and renames.
store_put() {
  local log=put.$BASHPID remote since
  read -r since _ < /proc/uptime
  remote=$(remote_of "$2") || exit
  copy_tool "$log" copyto --ignore-times --no-check-dest -- ":local:$(realpath -ms -- "$1")" "$remote" ||
    store_failed "$log" "$2"
  note_moved "$(stat -c %s -- "$1")" "$since"
}

# store_delete URI: it need not be there
store_delete() {
  local log=delete.$BASHPID remote
  remote=$(remote_of "$1") || exit
  copy_tool "$log" deletefile -- "$remote" || store_says_missing "$scratch/logs/$log" || store_failed "$log" "$1"
}
