#!/bin/bash
# A fit longer than a job may last: five minutes before the time limit it saves a checkpoint and puts itself back into
# the queue, until it is done. A lost node costs what was iterated since the last checkpoint; scancel ends it for good.
# Edit the two lines that say so, then: sbatch requeue.sh
#
# The output file has all of it and can be followed with tail -f; its last line says how things stand.
# LAUNCHER=mpirun sbatch requeue.sh    starts it with mpirun, where srun has no --mpi=pmix
#SBATCH --nodes=2 --ntasks-per-node=4 --cpus-per-task=4 --time=04:00:00    # edit: where
#SBATCH --job-name=dnmf --output=%x-%j.out --open-mode=append --requeue --signal=B:USR1@300

fit=(ratings.h5 -o model.h5 -k 64 --checkpoint-every 10min) # edit: what

most_restarts=100
checkpoint=$SLURM_JOB_NAME-$SLURM_JOB_ID.checkpoint.h5 # a requeued job keeps its number

# sbatch's --cpus-per-task does not reach srun, and without --kill-on-bad-exit the job would wait for a dead process.
cpus=${SLURM_CPUS_PER_TASK:-1}
launch=(srun --mpi=pmix --kill-on-bad-exit=1 --cpus-per-task="$cpus")
[ "${LAUNCHER:-srun}" = srun ] || launch=(mpirun --bind-to none)

# Slurm signals this shell only (B:), and the launcher hands the signal on to every process. It also ends a wait.
trap 'signalled=yes && kill -USR1 "$step"' USR1
"${launch[@]}" dnmf fit "${fit[@]}" --checkpoint "$checkpoint" --resume auto &
step=$!
signalled=yes
while [ -n "$signalled" ]; do
  signalled=
  wait "$step"
  status=$?
done

restarts=${SLURM_RESTART_COUNT:-0}
if [ "$status" -eq 0 ]; then
  rm -f "$checkpoint"
  echo "$SLURM_JOB_NAME: done after $restarts restarts"
elif [ "$status" -eq 75 ] && [ "$restarts" -lt "$most_restarts" ]; then
  echo "$SLURM_JOB_NAME: saved $checkpoint; back into the queue"
  scontrol requeue "$SLURM_JOB_ID"
else
  echo "$SLURM_JOB_NAME: FAILED (exit status $status) after $restarts restarts"
fi
exit "$status"
