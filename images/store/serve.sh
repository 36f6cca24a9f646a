#!/bin/bash
# Serves /data as S3 on port 9000: each top folder is a bucket. The key pair is the store's whole protection, so
# without one nothing is served (rclone itself would then let everybody in).
set -euo pipefail

data=${BIOJOBS_STORE_DATA:-/data}
address=${BIOJOBS_STORE_ADDRESS:-:9000}

fail() {
  printf 'store: %s\n' "$1" >&2
  exit 64
}

[[ -n ${AWS_ACCESS_KEY_ID:-} ]] || fail "AWS_ACCESS_KEY_ID is empty: give the key pair by environment"
[[ -n ${AWS_SECRET_ACCESS_KEY:-} ]] || fail "AWS_SECRET_ACCESS_KEY is empty: give the key pair by environment"
[[ $AWS_ACCESS_KEY_ID$AWS_SECRET_ACCESS_KEY != *[,\"]* ]] || fail "the key pair may not hold a comma or a quote"
# rclone refuses every request signed with a very short id
((${#AWS_ACCESS_KEY_ID} >= 8)) || fail "AWS_ACCESS_KEY_ID has fewer than 8 characters"
[[ -d $data && -w $data ]] || fail "$data is no folder that uid $(id -u) may write to"

# By environment: an argument could be read in the list of processes. In quotes: rclone takes it for a line of CSV.
export RCLONE_AUTH_KEY="\"$AWS_ACCESS_KEY_ID,$AWS_SECRET_ACCESS_KEY\""
export RCLONE_CONFIG=/dev/null
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY

# Two seconds: a file dropped into the folder is seen soon, and a listing is not made anew for every request.
exec rclone serve s3 "$data" --addr "$address" --dir-cache-time 2s --copy-links "$@"
