#!/bin/bash
# The same fit for several numbers of components, each a job of its own. Edit the three lines that say so, then:
# sbatch array.sh
#
# Each leaves model-kK.h5 and fit-kK.json. Side by side afterwards: grep -H validation_rmse fit-k*.json
# LAUNCHER=mpirun sbatch array.sh    starts them with mpirun, where srun has no --mpi=pmix
#SBATCH --array=16,32,64,128                                               # edit: the numbers of components
#SBATCH --nodes=1 --ntasks-per-node=4 --cpus-per-task=4 --time=02:00:00    # edit: where
#SBATCH --job-name=dnmf --output=%x-k%a-%A.out

fit=(ratings.h5 --validation 0.1) # edit: what

k=$SLURM_ARRAY_TASK_ID

# sbatch's --cpus-per-task does not reach srun, and without --kill-on-bad-exit the job would wait for a dead process.
cpus=${SLURM_CPUS_PER_TASK:-1}
launch=(srun --mpi=pmix --kill-on-bad-exit=1 --cpus-per-task="$cpus")
[ "${LAUNCHER:-srun}" = srun ] || launch=(mpirun --bind-to none)

"${launch[@]}" dnmf fit "${fit[@]}" -k "$k" -o "model-k$k.h5" --json >"fit-k$k.json"
status=$?

if [ "$status" -eq 0 ]; then
  echo "$SLURM_JOB_NAME: done for k = $k: $(grep validation_rmse "fit-k$k.json" | tr -d ' ,"')"
else
  echo "$SLURM_JOB_NAME: FAILED for k = $k (exit status $status)"
fi
exit "$status"
