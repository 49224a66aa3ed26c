#!/bin/sh
#SBATCH --job-name=slproof
#SBATCH --array=0-19
#SBATCH --cpus-per-task=4
#SBATCH --mem=2G
#SBATCH --requeue
# Each task of the array proves one shard. The array counts from 0 up to SHARDS - 1; change both numbers together. A task that
# failed can be repeated alone: sbatch --array=7 slurm.sh
set -eu
: "${SHARDS:=20}"
shard=$SLURM_ARRAY_TASK_ID
# With exit code 1 the part is whole, but some requests failed; they are in the file of failures.
"${SLPROOF:-slproof}" prove --tree "$DATA/gateway.sltree" --messages "$DATA/gateway.slmsg" --all \
    --format parquet --shards "$SHARDS" --resume --threads "${SLURM_CPUS_PER_TASK:-1}" \
    --failures "$DATA/proofs/failed-$shard.ndjson" --summary "$DATA/proofs/summary-$shard.json" \
    -o "$DATA/proofs/part-$shard.parquet" || [ $? -eq 1 ]
