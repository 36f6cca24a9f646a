# shellcheck shell=bash disable=SC2154  # lib.sh and the step set the rest
# One builder at a time for what lies in a folder of the store, for all runs and stacks that use that store.
#
# A store cannot refuse a second writer, so builders see each other by claims, small objects in OUT/.building/:
#   - who finds no claim puts one there, waits until every other builder must see it, and looks again. Of several claims
#     the first by name holds; the others are taken back, and who put them waits.
#   - the holder writes its claim anew as long as it builds. A claim that stays as it is for `lease_stale` seconds is a
#     dead builder's, and whoever sees that removes it.
# Nobody's clock counts: whether a claim has changed is told by the store, for how long it has not by the waiting step.
# Should two build in spite of all that, they write the same bytes, each file in one move and the record last.

lease_stale=${BIOJOBS_LEASE_STALE:-180}
# A listing of the workspace's store may be 2 s old. Two builders miss each other unless this is twice that, and
# `lease_quick` more.
lease_settle=7
lease_quick=2

claim=
declare -A claim_mark=() claim_since=()
declare -a claimed=()

claims() { within "${option[out]}" ".building${1:+/$1}"; }

# uptime -> seconds; goes on steadily when the clock is set
uptime() {
  local seconds
  read -r seconds _ < /proc/uptime
  printf '%s' "${seconds%.*}"
}

# watch_claims -> claimed: the claims of others that live; those of the dead are removed
watch_claims() {
  local name size modified now
  now=$(uptime)
  claimed=()
  store_list "$(claims)" > "$scratch/claims"
  while IFS=$'\t' read -r name size modified; do
    if [[ $name != *.json || $name == "$claim" ]]; then continue; fi
    if [[ ${claim_mark[$name]:-} != "$size $modified" ]]; then
      claim_mark[$name]="$size $modified" claim_since[$name]=$now
    fi
    if ((now - claim_since[$name] < lease_stale)); then
      claimed+=("$name")
    else
      printf '%s: %s has not moved for %s s: its builder is gone\n' "$step" "$(claims "$name")" "$lease_stale"
      store_delete "$(claims "$name")"
    fi
  done < "$scratch/claims"
}

# others_build [SECONDS]: waits as long as others build, and no longer than that; returns 1 when there is nothing to
# wait for any more: nobody builds, or the work is done
others_build() {
  local began now said='' limit=${1:-}
  began=$(uptime)
  while watch_claims && ((${#claimed[@]} > 0)); do
    now=$(uptime)
    if [[ -n $limit ]] && ((now - began >= limit)); then return; fi
    if [[ -z $said ]] || ((now - said >= 30)); then
      printf '%s: another run builds it (%s), waiting for %s s\n' "$step" "${claimed[0]%.*.json}" "$((now - began))"
      said=$now
    fi
    sleep "$((lease_stale > 60 ? 10 : 1))"
    if work_is_done; then return 1; fi
  done
  return 1
}

# take_lease: returns when this step is the one that builds; ends it when another one has built
take_lease() {
  local tries=0 began
  while true; do
    others_build || skip_if_done
    began=$(uptime)
    watch_claims
    if ((${#claimed[@]} > 0)); then continue; fi
    put_claim
    # Who was slow may have been missed. After three times it goes on: at worst something is built twice.
    if (($(uptime) - began <= lease_quick || ++tries > 3)); then
      if [[ ${option[out]} == *://* ]]; then sleep "$lease_settle"; else sleep 1; fi
      watch_claims
      if is_first; then break; fi
    fi
    drop_lease
  done
}

# is_first: this step's claim comes before those of all others
is_first() {
  local other
  for other in "${claimed[@]}"; do
    if [[ $other < $claim ]]; then return 1; fi
  done
}

put_claim() {
  claim=${option[run]}.$(od -An -N 8 -tx8 /dev/urandom | tr -d ' ').json
  [[ $claim =~ ^[A-Za-z0-9._-]+$ ]] || bad_input "--run '$(shown "${option[run]}")' cannot be part of a file's name"
  trap drop_lease EXIT
  write_claim 0
  store_put "$scratch/claim" "$(claims "$claim")"
  mkfifo "$scratch/lease"
  exec {lease}<> "$scratch/lease"
  rm "$scratch/lease"
  beat &
  beating=$!
}

write_claim() {
  jq -nc --arg run "${option[run]}" --arg since "$started" --argjson beats "$1" \
    '{run: $run, since: $since, beats: $beats}' > "$scratch/claim"
}

# beat: the claim anew, until it is told to end. What goes wrong here is no reason to stop building.
beat() {
  local beats=1 remote
  remote=$(remote_of "$(claims "$claim")")
  trap - EXIT
  while ! read -r -t "$((lease_stale / 6))" -u "$lease"; do
    write_claim "$beats"
    rclone copyto --ignore-times --no-check-dest -- ":local:$scratch/claim" "$remote" 2> "$scratch/logs/beat" || true
    beats=$((beats + 1))
  done
}

# drop_lease: also at the step's end, whatever that is. It says nothing: the step has said why it ended.
drop_lease() {
  if [[ -z $claim ]]; then return; fi
  if [[ -n ${beating:-} ]]; then
    printf '\n' >&"$lease"
    wait "$beating" || true
    exec {lease}>&-
    beating=
  fi
  rclone deletefile -- "$(remote_of "$(claims "$claim")")" 2> "$scratch/logs/drop" || true
  claim=
}
