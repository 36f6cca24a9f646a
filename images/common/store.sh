# shellcheck shell=bash disable=SC2154  # lib.sh sets the rest
# The store, through rclone: s3://bucket/key, gs://bucket/key, https://host/path (read only) and plain paths.
# S3 and Google credentials come from the environment or from the machine's own identity; nothing is configured.

export RCLONE_CONFIG=/dev/null
export RCLONE_CONFIG_BIOJOBSS3_TYPE=s3 RCLONE_CONFIG_BIOJOBSS3_ENV_AUTH=true
export RCLONE_CONFIG_BIOJOBSS3_NO_CHECK_BUCKET=true RCLONE_CONFIG_BIOJOBSS3_REGION=${AWS_REGION:-}
# The MD5 of a whole big file would be a second read of it before the upload; every part has its own checksum, and
# the record has a SHA-256.
export RCLONE_CONFIG_BIOJOBSS3_DISABLE_CHECKSUM=true RCLONE_CONFIG_BIOJOBSS3_CHUNK_SIZE=64Mi
export RCLONE_CONFIG_BIOJOBSS3_UPLOAD_CONCURRENCY=2
if [[ -n ${BIOJOBS_S3_ENDPOINT:-} ]]; then
  # Provider "Rclone" is what serves the local workspace: one PUT for a file of any size, as it keeps the parts of a
  # multipart upload in memory.
  export RCLONE_CONFIG_BIOJOBSS3_PROVIDER=${BIOJOBS_S3_PROVIDER:-Rclone}
  export RCLONE_CONFIG_BIOJOBSS3_ENDPOINT=$BIOJOBS_S3_ENDPOINT RCLONE_CONFIG_BIOJOBSS3_FORCE_PATH_STYLE=true
else
  export RCLONE_CONFIG_BIOJOBSS3_PROVIDER=AWS
fi
export RCLONE_CONFIG_BIOJOBSGS_TYPE='google cloud storage' RCLONE_CONFIG_BIOJOBSGS_ENV_AUTH=true
export RCLONE_CONFIG_BIOJOBSGS_BUCKET_POLICY_ONLY=true RCLONE_CONFIG_BIOJOBSGS_NO_CHECK_BUCKET=true
# Bounded: with 2 a store that is away is told after 15 seconds, with 4 after a minute, with 10 after many; the
# workflow tries the step again. A stream under way may be opened anew more often (store_cat).
export RCLONE_RETRIES=2 RCLONE_RETRIES_SLEEP=2s RCLONE_LOW_LEVEL_RETRIES=2 RCLONE_CONTIMEOUT=10s RCLONE_TIMEOUT=5m
export RCLONE_STATS=0 RCLONE_LOG_LEVEL=NOTICE RCLONE_BUFFER_SIZE=16Mi RCLONE_TRANSFERS=1 RCLONE_CHECKERS=1
export RCLONE_USE_SERVER_MODTIME=true RCLONE_COPY_LINKS=true

# remote_of URI -> what rclone calls it
remote_of() {
  local uri=$1 rest
  case $uri in
    s3://?*/?*) printf 'biojobss3:%s' "${uri#s3://}" ;;
    gs://?*/?*) printf 'biojobsgs:%s' "${uri#gs://}" ;;
    https://?*/?* | http://?*/?*)
      rest=${uri#*://}
      [[ ${rest%%/*} =~ ^[A-Za-z0-9.:-]+$ && $rest != *[?#]* ]] ||
        bad_input "'$(shown "$uri")' must be a plain address: no user, no query"
      rest=${rest#*/}
      # rclone escapes the path itself
      if [[ $rest =~ %[0-9A-Fa-f]{2} ]]; then rest=${rest//\\/\\\\} rest=$(printf '%b' "${rest//%/\\x}"); fi
      printf ':http,url="%s":%s' "${uri%%://*}://$(cut -d / -f 3 <<< "$uri")" "$rest"
      ;;
    *://*) bad_input "'$(shown "$uri")' must begin with s3://, gs:// or https://, or be a path" ;;
    *) printf ':local:%s' "$(realpath -ms -- "$uri")" ;;
  esac
}

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
  elif grep -qE '403|Forbidden|AccessDenied|SignatureDoesNotMatch|InvalidAccessKeyId|[Pp]ermission denied' "$log"; then
    fail 74 store "access to $uri was refused: $words"
  fi
  fail 74 store "$uri: $words"
}

store_says_missing() {
  grep -qE '(object|directory) not found|NoSuchKey|NoSuchBucket|StatusCode: 404|no such file or directory' "$1"
}

# store_find URI -> "SIZE<tab>MODIFIED"; returns 1 when it is not there
store_find() {
  local remote answer log
  remote=$(remote_of "$1") || exit
  log=find.$BASHPID
  if ! answer=$(copy_tool "$log" lsjson --stat --no-mimetype -- "$remote"); then
    if store_says_missing "$scratch/logs/$log"; then return 1; fi
    store_failed "$log" "$1"
  fi
  # A folder is no file
  jq -er 'select(. != null and (.IsDir | not)) | "\(.Size)\t\(.ModTime)"' <<< "$answer" 2> /dev/null || return 1
}

# store_stat URI -> "SIZE<tab>MODIFIED"; exit 66 when it is not there
store_stat() {
  local code=0
  store_find "$1" || code=$?
  if ((code == 1)); then fail 66 "missing input" "$1 is not there"; fi
  return "$code"
}

# store_cat URI: to stdout; 141 when nobody reads it any more
store_cat() {
  local log=cat.$BASHPID code=0 remote
  remote=$(remote_of "$1") || exit
  copy_tool "$log" cat --retries 1 --low-level-retries 4 -- "$remote" || code=$?
  # 141: the reader went away, and knows why
  if ((code == 141)) || grep -qs 'broken pipe' "$scratch/logs/$log"; then return 141; fi
  if ((code != 0)); then store_failed "$log" "$1"; fi
}

# store_head URI COUNT: the first bytes to stdout
store_head() {
  local log=head.$BASHPID remote
  remote=$(remote_of "$1") || exit
  copy_tool "$log" cat --retries 1 --count "$2" -- "$remote" || store_failed "$log" "$1"
}

# store_get URI FILE: a whole file to scratch
store_get() {
  local log=get.$BASHPID remote
  remote=$(remote_of "$1") || exit
  copy_tool "$log" copyto --no-check-dest -- "$remote" ":local:$(realpath -ms -- "$2")" || store_failed "$log" "$1"
}

# store_put FILE URI: whole or not at all. S3 and Google show an object only when it is complete; for a path rclone
# writes beside it and renames.
store_put() {
  local log=put.$BASHPID remote
  remote=$(remote_of "$2") || exit
  copy_tool "$log" copyto --ignore-times --no-check-dest -- ":local:$(realpath -ms -- "$1")" "$remote" ||
    store_failed "$log" "$2"
}

# store_delete URI: it need not be there
store_delete() {
  local log=delete.$BASHPID remote
  remote=$(remote_of "$1") || exit
  copy_tool "$log" deletefile -- "$remote" || store_says_missing "$scratch/logs/$log" || store_failed "$log" "$1"
}
