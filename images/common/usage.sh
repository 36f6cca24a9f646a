# shellcheck shell=bash
# What the step used, as the kernel's cgroup tells: CPU, memory, and whether memory was what it wanted.

# cgroup_file CONTROLLER FILE_V1 FILE_V2 -> path of the first that is there (own cgroup, else the mount's root)
cgroup_file() {
  local own two path
  own=$(sed -nE "/^[0-9]+:([^:]*,)?$1(,[^:]*)?:/{s/^[^:]*:[^:]*://p;q}" /proc/self/cgroup)
  two=$(sed -n 's/^0:://p' /proc/self/cgroup)
  for path in "/sys/fs/cgroup/$1$own/$2" "/sys/fs/cgroup/$1/$2" "/sys/fs/cgroup$two/$3" "/sys/fs/cgroup/$3"; do
    if [[ -r $path ]]; then
      printf '%s' "$path"
      return
    fi
  done
}

peak_memory() {
  local path
  path=$(cgroup_file memory memory.max_usage_in_bytes memory.peak)
  if [[ -n $path ]]; then cat "$path"; else echo null; fi
}

# oom_kills -> how many processes of this container the kernel has killed for want of memory
oom_kills() {
  local path
  path=$(cgroup_file memory memory.oom_control memory.events)
  if [[ -n $path ]]; then awk '$1 == "oom_kill" { print $2 }' "$path"; else echo unknown; fi
}

cpu_seconds() {
  local path
  path=$(cgroup_file cpuacct cpuacct.usage cpu.stat)
  case $path in
    */cpuacct.usage) awk '{ printf "%.2f", $1 / 1e9 }' "$path" ;;
    */cpu.stat) awk '$1 == "usage_usec" { printf "%.2f", $2 / 1e6 }' "$path" ;;
    *) echo 0 ;;
  esac
}
