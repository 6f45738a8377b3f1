#!/bin/bash
# One fit as a Slurm job. Edit the two lines that say so, then: sbatch fit.sh
#
# The output file can be followed with tail -f; its last line says how the job ended. The job's exit status is dnmf's.
# LAUNCHER=mpirun sbatch fit.sh    starts it with mpirun, where srun has no --mpi=pmix
#SBATCH --nodes=2 --ntasks-per-node=4 --cpus-per-task=4 --time=02:00:00    # edit: where
#SBATCH --job-name=dnmf --output=%x-%j.out

fit=(ratings.h5 -o model.h5 -k 64) # edit: what

# sbatch's --cpus-per-task does not reach srun, and without --kill-on-bad-exit the job would wait for a dead process.
cpus=${SLURM_CPUS_PER_TASK:-1}
launch=(srun --mpi=pmix --kill-on-bad-exit=1 --cpus-per-task="$cpus")
[ "${LAUNCHER:-srun}" = srun ] || launch=(mpirun --bind-to none)

"${launch[@]}" dnmf fit "${fit[@]}"
status=$?

if [ "$status" -eq 0 ]; then
  echo "$SLURM_JOB_NAME: done"
else
  echo "$SLURM_JOB_NAME: FAILED (exit status $status)"
fi
exit "$status"
