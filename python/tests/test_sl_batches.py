"""The example that asks a node for the settlement layer's own batches, before a server that has those of the fixtures."""

import http.server
import json
import pathlib
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).parents[2]
BATCHES = ROOT / "fixtures" / "gateway-v29" / "gw_batches.jsonl"
FIELDS = ("chainId", "batchNumber", "firstBlock", "lastBlock", "logs")


def receipts(logs):
    """A receipt for each log, as a zksync-era node writes them."""
    for log in map(bytes.fromhex, (log[2:] for log in logs)):
        fields = {"shardId": hex(log[0]), "isService": bool(log[1]), "txIndexInL1Batch": hex(int.from_bytes(log[2:4], "big"))}
        hashes = {"sender": log[4:24], "key": log[24:56], "value": log[56:]}
        yield {"l2ToL1Logs": [fields | {name: "0x" + value.hex() for name, value in hashes.items()}]}


def test_a_node_gives_the_batches(tmp_path):
    expected = [json.loads(line) for line in BATCHES.read_text().splitlines()]
    ranges = {each["gwBatch"]: [hex(each["firstBlock"]), hex(each["lastBlock"])] for each in expected}
    of_block = {each["firstBlock"]: each["logs"] for each in expected}

    class Node(http.server.BaseHTTPRequestHandler):
        # One segment for an answer: the kernel delays the second of two.
        wbufsize = 1 << 16

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            given = asked["params"]
            result = {
                "eth_chainId": lambda: "0x1fa",
                "zks_getL1BatchBlockRange": lambda: ranges.get(given[0]),
                "eth_getBlockReceipts": lambda: list(receipts(of_block.get(int(given[0], 16), []))),
            }[asked["method"]]()
            body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Node) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        program = [sys.executable, ROOT / "examples" / "sl_batches.py", url]
        numbers = sorted(ranges)
        made = subprocess.run([*program, str(numbers[0]), str(numbers[-1])], check=True, capture_output=True, text=True)
        unknown = subprocess.run([*program, "1", "1"], capture_output=True, text=True)
        server.shutdown()

    found = [json.loads(line) for line in made.stdout.splitlines()]
    for batch in expected:
        batch["chainId"], batch["batchNumber"] = 506, batch["gwBatch"]
    assert found == [{name: batch[name] for name in FIELDS} for batch in expected]
    # A node answers null for a batch that it does not have.
    assert unknown.returncode == 1 and "zks_getL1BatchBlockRange" in unknown.stderr
