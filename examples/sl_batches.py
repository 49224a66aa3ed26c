"""Writes a settlement layer's own batches, for --sl-batches, from the JSON-RPC of its zksync-era node.

    python3 sl_batches.py RPC_URL FIRST LAST > sl-batches.jsonl

FIRST and LAST are numbers of batches. The node must have the blocks of these batches.
"""

import json
import sys
import urllib.request


def call(url, method, *params):
    """The result of one call."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        answer = json.load(response)
    if answer.get("result") is None:
        raise SystemExit(f"{method}{params}: {answer.get('error', 'the node has no answer')}")
    return answer["result"]


def log(fields):
    """The 88 bytes of a log: shard id, service flag, transaction number, sender, key, value."""
    head = bytes([int(fields["shardId"], 16), fields["isService"]])
    number = int(fields["txIndexInL1Batch"], 16).to_bytes(2, "big")
    return "0x" + head.hex() + number.hex() + "".join(fields[name][2:] for name in ("sender", "key", "value"))


def batch(url, chain, number):
    """A batch with its blocks and all its logs, in their order."""
    first, last = (int(block, 16) for block in call(url, "zks_getL1BatchBlockRange", number))
    logs = []
    for block in range(first, last + 1):
        for receipt in call(url, "eth_getBlockReceipts", hex(block)):
            logs += [log(fields) for fields in receipt["l2ToL1Logs"]]
    return {"chainId": chain, "batchNumber": number, "firstBlock": first, "lastBlock": last, "logs": logs}


def main(url, first, last):
    chain = int(call(url, "eth_chainId"), 16)
    for number in range(int(first), int(last) + 1):
        print(json.dumps(batch(url, chain, number)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
