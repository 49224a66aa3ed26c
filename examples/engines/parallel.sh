#!/bin/sh
# One shard for each number from 0 to SHARDS - 1, on this machine or, with the flags of parallel, on others:
#   DATA=/data SHARDS=20 ./parallel.sh --sshlogin 4/host1,4/host2
set -eu
# With exit code 1 the part is whole, but some requests failed; they are in the file of failures.
seq 0 "$((SHARDS - 1))" | parallel "$@" --quote --halt soon,fail=1 sh -c '
    "$1" prove --tree "$2/gateway.sltree" --messages "$2/gateway.slmsg" --all \
        --format parquet --shards "$3" --shard-index "$4" --resume --threads 1 \
        --failures "$2/proofs/failed-$4.ndjson" --summary "$2/proofs/summary-$4.json" \
        -o "$2/proofs/part-$4.parquet" || [ $? -eq 1 ]' shard "${SLPROOF:-slproof}" "$DATA" "$SHARDS" "{}"
