#!/usr/bin/env bash
# A private Slurm of two nodes on this machine: its own munged, slurmctld and two slurmd, with their own key, ports
# and folders, ended with the script. An installed cluster is not touched.
#
#   tests/slurm/run.sh [--install] [PYTEST OPTION...]      runs the tests of this folder
#   tests/slurm/run.sh [--install] --shell [COMMAND...]    runs a command in it; default: an interactive shell
#
# --install installs Slurm and munge first when they are missing (Debian, Ubuntu). Without them: exit status 77.
set -euo pipefail
caller=$PWD
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/setup.sh"
PATH=$PATH:/usr/sbin:/sbin

# Slurm's daemons want names and ports: three ports nobody uses.
free_ports() {
  "$python" - <<'PYTHON'
import socket
held = [socket.socket() for _ in range(3)]
for port in held:
    port.bind(("", 0))
print(*(port.getsockname()[1] for port in held))
PYTHON
}

# Two nodes of two CPUs each, whatever the machine has, which jobs share. A requeued job may start again after
# cred_expire seconds.
write_configuration() {
  local ports name
  read -ra ports < <(free_ports)
  name=$(hostname -s)
  cat >"$SLURM_CONF" <<CONF
ClusterName=dnmf-test
SlurmctldHost=$name(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$state/munge.socket,cred_expire=5
StateSaveLocation=$state/slurmctld
SlurmdSpoolDir=$state/%n
TmpFS=$state/%n
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/%n.pid
SlurmctldLogFile=$state/slurmctld.log
SlurmdLogFile=$state/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=1,sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
KillWait=10
NodeName=node1 NodeHostname=$name NodeAddr=127.0.0.1 Port=${ports[1]} CPUs=2
NodeName=node2 NodeHostname=$name NodeAddr=127.0.0.1 Port=${ports[2]} CPUs=2
PartitionName=test Nodes=node[1-2] Default=YES MaxTime=INFINITE OverSubscribe=FORCE:4
CONF
}

# wait_until WHAT COMMAND...: half a minute at most.
wait_until() {
  local what=$1 tries
  shift
  for tries in $(seq 150); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.2
  done
  echo "slurm: no $what after half a minute ($tries tries); the daemons said:" >&2
  tail -n 20 "$state"/*.log >&2
  return 1
}

no_jobs() { [ -z "$(squeue --noheader)" ]; }
idle_nodes() { [ "$(sinfo --noheader --Node --states=idle | wc -l)" -eq 2 ]; }

# In a session of its own, so that signals meant for this script leave it time to end the jobs first, and ended by
# the kernel should the script be killed.
start_daemon() {
  setsid setpriv --pdeathsig TERM "$@" >>"$state/daemons.log" 2>&1 &
  daemons=("$!" "${daemons[@]}")
}

start_cluster() {
  mkdir "$state"/{slurmctld,node1,node2}
  write_configuration
  (umask 077 && head -c 128 /dev/urandom >"$state/munge.key")
  start_daemon munged --foreground --num-threads=1 --key-file="$state/munge.key" --socket="$state/munge.socket" \
    --pid-file="$state/munged.pid" --log-file="$state/munged.log" --seed-file="$state/munged.seed"
  wait_until "answer from munged" munge --socket="$state/munge.socket" --no-input --output=/dev/null
  start_daemon slurmctld -D
  start_daemon slurmd -D -N node1
  start_daemon slurmd -D -N node2
  wait_until "idle nodes" idle_nodes
}

# Ends the jobs, then exactly the daemons started here, in reverse order.
end_cluster() {
  local pid
  if [ ${#daemons[@]} -gt 1 ]; then
    scancel --user="$(id -un)" >/dev/null 2>&1 || true
    wait_until "end of the jobs" no_jobs || true
  fi
  for pid in "${daemons[@]}"; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$state"
}

if [ "${1:-}" = --install ]; then
  shift
  setup slurm
fi
for tool in munged slurmctld slurmd srun sbatch; do
  command -v "$tool" >/dev/null || { echo "slurm: skipped: no $tool here (tests/slurm/run.sh --install)"; exit 77; }
done
python=$(test_python) || { echo "slurm: no python3 with ${python_modules[*]}" >&2; exit 1; }
allow_root_to_run_mpi
# Both nodes have the name of this machine, so Open MPI would take them for one and share memory by colliding names.
export OMPI_MCA_btl=tcp,self

daemons=()
state=$(mktemp -d /tmp/dnmf-slurm.XXXXXX)
chmod 0711 "$state"
export SLURM_CONF=$state/slurm.conf
trap end_cluster EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
start_cluster
if [ "${1:-}" = --shell ]; then
  shift
  cd "$caller"
  "${@:-${SHELL:-bash}}"
else
  "$python" -B -m pytest -q -rs -p no:cacheprovider "$@" tests/slurm
fi
