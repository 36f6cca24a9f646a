# shellcheck shell=bash disable=SC2154  # lib.sh sets the rest
# What a URI is to rclone. S3 and Google credentials come from the environment or from the machine's own identity;
# nothing is configured.
#
# Buckets of archives, by name, separated by spaces: those of BIOJOBS_PUBLIC_BUCKETS are read without credentials, those
# of BIOJOBS_REQUESTER_PAYS_BUCKETS with one's own and at one's own cost; both from AWS and Google themselves, whatever
# BIOJOBS_S3_ENDPOINT says. BIOJOBS_PUBLIC_S3_ENDPOINT and BIOJOBS_PUBLIC_GS_ENDPOINT name a mirror of them.

export RCLONE_CONFIG=/dev/null

# remote NAME OPTION=VALUE...: for rclone's remote NAME; options without a value are left out
remote() {
  local name=$1 pair
  shift
  for pair in TYPE=s3 PROVIDER=AWS NO_CHECK_BUCKET=true "$@"; do
    if [[ $pair != *= ]]; then export "RCLONE_CONFIG_BIOJOBS${name^^}_$pair"; fi
  done
}

# The MD5 of a whole big file would be a second read of it before the upload; every part has its own checksum, and
# the record has a SHA-256.
remote s3 ENV_AUTH=true REGION="${AWS_REGION:-}" DISABLE_CHECKSUM=true CHUNK_SIZE=64Mi UPLOAD_CONCURRENCY=2
if [[ -n ${BIOJOBS_S3_ENDPOINT:-} ]]; then
  # Provider "Rclone" is what serves the local workspace: one PUT for a file of any size, as it keeps the parts of a
  # multipart upload in memory.
  remote s3 PROVIDER="${BIOJOBS_S3_PROVIDER:-Rclone}" ENDPOINT="$BIOJOBS_S3_ENDPOINT" FORCE_PATH_STYLE=true
fi
remote gs TYPE='google cloud storage' ENV_AUTH=true BUCKET_POLICY_ONLY=true
if [[ -n ${BIOJOBS_PUBLIC_S3_ENDPOINT:-} ]]; then
  remote public ENDPOINT="$BIOJOBS_PUBLIC_S3_ENDPOINT" FORCE_PATH_STYLE=true
  remote paid ENDPOINT="$BIOJOBS_PUBLIC_S3_ENDPOINT" FORCE_PATH_STYLE=true
else
  # A bucket's own address leads to its region, and nothing is signed, so no region needs to be known.
  remote public ENDPOINT=https://s3.amazonaws.com FORCE_PATH_STYLE=false
fi
remote paid ENV_AUTH=true REQUESTER_PAYS=true REGION="${AWS_REGION:-}"
remote gspublic TYPE='google cloud storage' ANONYMOUS=true \
  ENDPOINT="${BIOJOBS_PUBLIC_GS_ENDPOINT:+$BIOJOBS_PUBLIC_GS_ENDPOINT/storage/v1/}"

# account_of URI -> the remote that has the right credentials for its bucket
account_of() {
  local bucket=${1#*://}
  bucket=${bucket%%/*}
  if [[ " ${BIOJOBS_PUBLIC_BUCKETS:-} " == *" $bucket "* ]]; then
    case $1 in
      gs://*) printf 'biojobsgspublic' ;;
      # A name with dots fits no certificate
      s3://*.*/*) printf 'biojobspublic,force_path_style=true' ;;
      *) printf 'biojobspublic' ;;
    esac
  elif [[ $1 == gs://* ]]; then
    printf 'biojobsgs'
  elif [[ " ${BIOJOBS_REQUESTER_PAYS_BUCKETS:-} " == *" $bucket "* ]]; then
    printf 'biojobspaid'
  else
    printf 'biojobss3'
  fi
}

# remote_of URI -> what rclone calls it
remote_of() {
  local uri=$1 rest
  case $uri in
    s3://?*/?* | gs://?*/?*) printf '%s:%s' "$(account_of "$uri")" "${uri#*://}" ;;
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
