#!/bin/bash
# Strong and weak scaling up to all tasks of a job, with tables and pictures. Edit the two lines that say so, then, from
# the top of the source tree, where dnmf has been built: sbatch scripts/slurm/scaling.sh
#
# Strong: the matrix given. Weak: as many rows for each process. scripts/scaling/run.sh measure --help tells all options.
# The results go to scaling-JOB/; the output file can be followed with tail -f, its last line says how the job ended.
# LAUNCHER=mpirun sbatch scripts/slurm/scaling.sh    starts the runs with mpirun, where srun has no --mpi=pmix
#SBATCH --nodes=8 --ntasks-per-node=16 --cpus-per-task=1 --exclusive --time=02:00:00           # edit: where
#SBATCH --job-name=dnmf-scaling --output=%x-%j.out

study=(--studies "strong,weak" --processes "1,2,4,8,16,32,64,128" --rows 200000 --cols 20000 -k 50) # edit: what

scripts/scaling/run.sh measure --launcher "${LAUNCHER:-srun}" --threads "${SLURM_CPUS_PER_TASK:-1}" \
  --output "scaling-$SLURM_JOB_ID" "${study[@]}"
