#!/bin/bash
# One fit on several hosts joined by TCP, where no scheduler runs: mpirun, with ssh to start the processes. Every host
# needs dnmf and the files under the same paths. Edit the two lines that say so.
#
# When a host is lost the fit goes on from its last checkpoint on the hosts that still answer. The last line says how
# it ended; exit status: dnmf's, 75 when it was stopped after saving a checkpoint (run this script again to go on).
# PATIENCE    seconds of silence after which a host counts as lost, default 30, at least 6; Open MPI's own default is 480
# NETWORK     the hosts' common network, as 10.0.0.0/24, where they have several
# REMOTE_SHELL, default ssh -o BatchMode=yes -o ConnectTimeout=5
set -uo pipefail

hosts=(node1:8 node2:8) # edit: where, with the number of processes
fit=(ratings.h5 -o model.h5 -k 64 --checkpoint-every 10min) # edit: what

checkpoint=fit.checkpoint.h5
dnmf=$(command -v dnmf) || { echo "hosts: FAILED: no dnmf on PATH" >&2; exit 1; }
remote_shell=${REMOTE_SHELL:-ssh -o BatchMode=yes -o ConnectTimeout=5}
patience=${PATIENCE:-30}
[ "$patience" -ge 6 ] || patience=6
options=(--bind-to none --mca plm_rsh_agent "$remote_shell" --mca oob_tcp_keepalive_time $((patience / 3))
  --mca oob_tcp_keepalive_intvl $((patience / 6)) --mca oob_tcp_keepalive_probes 4)
[ -z "${NETWORK:-}" ] || options+=(--mca oob_tcp_if_include "$NETWORK" --mca btl_tcp_if_include "$NETWORK")

# Hosts that still answer, into `alive`, and that do not, into `lost`.
ask_hosts() {
  local host
  alive=() lost=()
  for host in "${hosts[@]}"; do
    # shellcheck disable=SC2086  # the remote shell has arguments
    if timeout 10 $remote_shell "${host%%:*}" true </dev/null >/dev/null 2>&1; then
      alive+=("$host")
    else
      lost+=("${host%%:*}")
    fi
  done
}

end() {
  echo "hosts: $1"
  exit "$2"
}

# Ctrl-C and the like ask the fit to save and to stop; mpirun itself, in a session of its own, does not see them.
trap 'signalled=yes && kill -USR1 "$job"' INT TERM HUP

while true; do
  setsid mpirun "${options[@]}" --host "$(IFS=,; echo "${hosts[*]}")" "$dnmf" fit "${fit[@]}" \
    --checkpoint "$checkpoint" --resume auto &
  job=$!
  signalled=yes
  while [ -n "$signalled" ]; do # a signal also ends a wait
    signalled=
    wait "$job"
    status=$?
  done
  [ "$status" -ne 0 ] || { rm -f "$checkpoint"; end "done" 0; }
  [ "$status" -ne 75 ] || end "stopped; $checkpoint was saved, run this script again to go on" 75
  [ "$status" -ne 2 ] || end "FAILED (exit status 2)" 2
  ask_hosts
  [ ${#lost[@]} -gt 0 ] || end "FAILED (exit status $status); all hosts answer" "$status"
  [ ${#alive[@]} -gt 0 ] || end "FAILED (exit status $status); no host answers" "$status"
  echo "hosts: lost ${lost[*]}; going on with ${alive[*]}"
  hosts=("${alive[@]}")
done
