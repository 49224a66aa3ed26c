#!/bin/sh
#SBATCH --job-name=slproof
#SBATCH --array=0-19
#SBATCH --cpus-per-task=4
#SBATCH --mem=2G
#SBATCH --requeue
# Each task of the array proves one shard; Slurm says which and how many (--shards auto).
set -eu
exec "${SLPROOF:-slproof}" prove --tree "$DATA/gateway.sltree" --messages "$DATA/gateway.slmsg" --all \
    --format parquet --shards auto --resume --threads "${SLURM_CPUS_PER_TASK:-1}" \
    -o "$DATA/proofs/part-$SLURM_ARRAY_TASK_ID.parquet"
