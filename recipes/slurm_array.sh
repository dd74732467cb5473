#!/bin/bash
# An archive as an array of Slurm jobs, without a cluster of Dask: sbatch --array=1-40 recipes/slurm_array.sh IN OUT
# IN and OUT lie where all nodes see them. A job that is requeued goes on where it was. At the end, once, on any node:
#   ecgnoise archive IN --out OUT
# does what is missing, if anything, and writes the summary.
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=2G
#SBATCH --time=04:00:00
#SBATCH --requeue
set -euo pipefail
export OMP_NUM_THREADS=1 MALLOC_TRIM_THRESHOLD_=65536
exec ecgnoise archive "$1" --out "$2" --jobs "${SLURM_CPUS_PER_TASK:-1}" --quiet \
  --shard "${SLURM_ARRAY_TASK_ID}/${SLURM_ARRAY_TASK_COUNT}"
