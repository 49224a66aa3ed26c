#!/bin/sh
# One shard for each number from 1 to SHARDS, on this machine or, with the flags of parallel, on others:
#   DATA=/data SHARDS=20 ./parallel.sh --sshlogin 4/host1,4/host2
set -eu
seq "$SHARDS" | parallel "$@" --halt now,fail=1 \
    "${SLPROOF:-slproof}" prove --tree "$DATA/gateway.sltree" --messages "$DATA/gateway.slmsg" --all \
    --format parquet --shard "{}/$SHARDS" --resume --threads 1 -o "$DATA/proofs/part-{}.parquet"
