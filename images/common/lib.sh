# shellcheck shell=bash
# Shared by all steps: arguments, messages, the step's life (scratch, signals, exit), the step record, resume.
# A step sources this file, defines `step_main` and `stub_main`, and calls `run_step "$@"`. With BIOJOBS_STUB the latter
# takes the place of the former: it reads the same arguments, computes nothing, and leaves the same files, empty.
#
# Exit codes: 0 done, 65 bad input, 66 input missing, 70 result failed verification, 73 the size class is too small
# (scratch or memory), 74 store or network, 75 asks for more memory, 76 tried often enough, 77 stopped by QC,
# 78 the budget is used up, 124 deadline, 137 out of memory, 143 told to stop.
set -euo pipefail
shopt -s inherit_errexit

common=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=images/common/store.sh
source "$common/store.sh"
# shellcheck source=images/common/notes.sh
source "$common/notes.sh"
# shellcheck source=images/common/tries.sh
source "$common/tries.sh"
# shellcheck source=images/common/usage.sh
source "$common/usage.sh"

step=$(basename "$0" .sh)
scratch=
termination_log=${BIOJOBS_TERMINATION_LOG:-/dev/termination-log}
declare -A option=()
# Output parameters of a step, a file each: what the workflow goes on with.
outputs=${TMPDIR:-/tmp}/outputs

# ---- messages -------------------------------------------------------------------------------------------------

# shown TEXT -> TEXT on one line without control characters, at most 200 long: safe to print
shown() {
  local text=${1//[[:cntrl:]]/?}
  if ((${#text} > 200)); then text="${text:0:200}..."; fi
  printf '%s' "$text"
}

# say KIND MESSAGE: the one human sentence, to stderr and to where Kubernetes shows it
say() {
  local text="$1: ${2//[[:cntrl:]]/?}"
  printf '%s\n' "$text" >&2
  last_word "$text"
  if [[ -n $scratch && -d $scratch ]]; then mv "$scratch/unsaid" "$scratch/said" 2> /dev/null || true; fi
}

# last_word TEXT: what Kubernetes shows of a container that has ended
last_word() {
  # It keeps 4096 bytes. Outside a container the default file is not there and is not made.
  if [[ -n ${BIOJOBS_TERMINATION_LOG:-} || -w $termination_log ]]; then
    printf '%s' "${1:0:4000}" 2> /dev/null > "$termination_log" || true
  fi
}

# fail CODE KIND MESSAGE
fail() {
  say "$2" "$3"
  exit "$1"
}

bad_input() { fail 65 "bad input" "$1"; }

# too_small WHAT MESSAGE: the size class must be raised; WHAT is memory or scratch
too_small() { fail 73 tool "$2: raise biojobs:classes.${BIOJOBS_CLASS:-$step_class}.$1"; }

# out_of_memory CODE TOOL: 137 when the kernel killed it, which the workflow tries again with more; 73 when it gave up
out_of_memory() {
  fail "$1" tool "$2 ran out of memory (with ${option[memory]} MiB): $(more_memory)"
}

more_memory() { printf 'raise biojobs:classes.%s.memory' "${BIOJOBS_CLASS:-$step_class}"; }

# ---- arguments ------------------------------------------------------------------------------------------------

# parse "SINGLE ..." "REPEATED:COUNT ..." "$@" -> option[name], repeated_name (COUNT words for every use)
#   `--also WORDS` stands for any number of words, one a line: steps that are run for many samples get their own so.
parse() {
  local singles=" $1 sample run record key image threads memory " name count words=" $2 " more
  for name in $2; do
    name=${name%%:*}
    declare -ga "repeated_${name//-/_}=()"
  done
  shift 2
  while (($#)); do
    name=${1#--}
    if [[ $1 == --also ]]; then
      (($# > 1)) || bad_input "--also needs 1 values"
      mapfile -t more <<< "$2"
      set -- "${more[@]}" "${@:3}"
      continue
    fi
    if [[ $1 != --?* ]]; then
      bad_input "'$(shown "$1")' is no option of $step"
    elif [[ $singles == *" $name "* ]]; then
      count=1
    elif [[ $name =~ ^[a-z-]+$ && $words =~ \ $name:([0-9]+)\  ]]; then
      count=${BASH_REMATCH[1]}
    else
      bad_input "'$(shown "$1")' is no option of $step"
    fi
    shift
    check_count "$name" "$count" "${@:1:count}"
    check_values "$name" "${@:1:count}"
    if [[ $singles == *" $name "* ]]; then
      option[$name]=$1
    else
      local -n list="repeated_${name//-/_}"
      list+=("${@:1:count}")
    fi
    shift "$count"
  done
  for name in $singles; do
    [[ -n ${option[$name]:-} ]] || bad_input "--$name is missing"
  done
  # A sample's name becomes the name of files and objects, so it is the strictest of all.
  [[ ${option[sample]} =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$ ]] ||
    bad_input "--sample '$(shown "${option[sample]}")' must be 1 to 128 letters, digits, '.', '_' or '-'"
  # A try after an out-of-memory kill has more
  option[memory]=${BIOJOBS_MEMORY:-${option[memory]}}
  for name in threads memory; do
    check_number "$name" 1
  done
  running_with
}

# check_number OPTION LEAST: a whole number, not below LEAST
check_number() {
  local value=${option[$1]}
  if [[ ! $value =~ ^(0|[1-9][0-9]{0,14})$ ]] || ((value < $2)); then
    bad_input "--$1 '$(shown "$value")' is no whole number of at least $2"
  fi
}

# check_count NAME COUNT VALUE...: an option's name in the place of a value means that values are missing
check_count() {
  local name=$1 count=$2 value
  shift 2
  (($# == count)) || bad_input "--$name needs $count values"
  for value in "$@"; do
    [[ $value != --* ]] || bad_input "--$name needs $count values, '$(shown "$value")' is none"
  done
}

check_values() {
  local name=$1 value
  shift
  for value in "$@"; do
    [[ -n $value ]] || bad_input "--$name is empty"
    [[ $value != *[[:cntrl:]]* ]] ||
      bad_input "--$name '$(shown "$value")' holds a control character (a line end or a tab)"
  done
}

# check_name OPTION VALUE: a word that becomes the name of a file
check_name() {
  [[ $2 =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$ ]] ||
    bad_input "--$1 '$(shown "$2")' must be 1 to 200 letters, digits, '.', '_' or '-'"
}

# output NAME < VALUE: hands a value to the workflow
output() {
  mkdir -p "$outputs"
  cat > "$outputs/$1"
}

# ---- the life of a step ---------------------------------------------------------------------------------------

# run_step "$@": runs step_main as a process group of its own, so that a signal ends every tool of a pipe at once,
# and never waits behind one of them.
run_step() {
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/biojobs-$step.XXXXXX") || {
    say tool "the scratch folder ${TMPDIR:-/tmp} cannot be written to"
    exit 73
  }
  trap 'rm -rf "$scratch"' EXIT
  mkdir "$scratch/logs" "$scratch/status" "$scratch/work"
  : > "$scratch/unsaid" # renamed when the sentence is said: that works on a full volume too
  # shellcheck disable=SC2034  # lease.sh uses it
  started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  cpu_before=$(cpu_seconds)
  oom_kills_before=$(oom_kills)
  local code=0 main=step_main
  if [[ -n ${BIOJOBS_STUB:-} ]]; then
    main=stub_main
    # Not every store takes an empty log
    printf '%s: nothing is computed, results are stubs\n' "$step"
  fi
  trap 'stopped TERM 143' TERM
  trap 'stopped INT 130' INT
  trap 'stopped HUP 129' HUP
  set -m
  "$main" "$@" < /dev/null &
  group=$!
  set +m
  wait "$group" || code=$?
  # Of a failed pipe parts may still be there
  kill -KILL -- "-$group" 2> /dev/null || true
  group=
  if ((code == 0)); then
    last_word ''
  elif [[ ! -e $scratch/said ]]; then
    # The script itself may be what was killed; its options went with it
    if ((code == 137)) && [[ $(oom_kills) != "$oom_kills_before" ]]; then
      say tool "step $step ran out of memory (with ${BIOJOBS_MEMORY:-too few} MiB): $(more_memory)"
    else
      say tool "step $step ended with exit code $code$(in_this_try)"
    fi
  fi
  if ((code == 74)) && is_last store; then
    last_word "$(cat "$termination_log") (after $((try + 1)) tries)"
    code=76
  fi
  exit "$code"
}

# stopped SIGNAL CODE: end the group, gently for three seconds
stopped() {
  trap '' TERM INT HUP
  if [[ -n ${group:-} ]]; then
    kill -TERM -- "-$group" 2> /dev/null || true
    local tenth
    for ((tenth = 0; tenth < 30; tenth++)); do
      kill -0 -- "-$group" 2> /dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$group" 2> /dev/null || true
  fi
  if [[ $1 == TERM ]] && is_last interruption; then used_up $(($(tries_for interruption) + 1)); fi
  say tool "step $step was told to stop (SIG$1)$(in_this_try); nothing unfinished was published"
  exit "$2"
}

# logged NAME COMMAND...: runs it, keeps stderr in logs/NAME and the exit code in status/NAME; returns that code
logged() {
  local name=$1 code=0
  shift
  # In a shell of its own: a function that ends the step must still leave its code here
  ("$@") 2> "$scratch/logs/$name" || code=$?
  printf '%s\n' "$code" > "$scratch/status/$name"
  return "$code"
}

# status_of NAME -> the exit code, or none
status_of() {
  local code=
  if [[ -e $scratch/status/$1 ]]; then code=$(cat "$scratch/status/$1"); fi
  printf '%s' "${code:-none}"
}

# last_words NAME -> the last lines of logs/NAME on one line
last_words() { tail -n 3 "$scratch/logs/$1" 2> /dev/null | tr -s '[:cntrl:]' ' ' | cut -c 1-600; }

# killed TOOL: it ended by SIGKILL; was it for want of memory?
killed() {
  if [[ $(oom_kills) == "$oom_kills_before" ]]; then
    fail 137 tool "$1 was killed (SIGKILL), and not for want of memory"
  fi
  out_of_memory 137 "$1"
}

# explain NAME TOOL CODE: fails with the reason why a tool ended badly
explain() {
  local name=$1 tool=$2 code=$3
  # On a full volume not even an exit code can be written down
  if grep -qsF 'No space left on device' "$scratch/logs/$name" || (($(scratch_free) < 1048576)); then scratch_full; fi
  if [[ $code == 137 ]]; then killed "$tool"; fi
  if grep -qsE 'bad_alloc|[Cc]annot allocate memory|[Oo]ut of memory|OutOfMemoryError' "$scratch/logs/$name"; then
    out_of_memory 73 "$tool"
  fi
  if [[ $code == none ]]; then fail 70 verification "$tool did not tell how it ended"; fi
  fail "$code" tool "$tool ended with exit code $code: $(last_words "$name")"
}

gib() { awk -v bytes="$1" 'BEGIN { printf "%.1f", bytes / 1073741824 }'; }

scratch_free() { df -B1 --output=avail "$scratch" | tail -n 1; }

scratch_full() {
  local size
  size=$(df -B1 --output=size "$scratch" | tail -n 1)
  too_small scratch "the scratch volume is full ($(gib "$size") GiB)"
}

# need_scratch BYTES WHAT: refuses before the work what cannot fit
need_scratch() {
  local free
  free=$(scratch_free)
  ((free >= $1)) || too_small scratch "the scratch volume has $(gib "$free") GiB free, $2 needs $(gib "$1") GiB"
}
