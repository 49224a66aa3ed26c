"""A client of published directories, written from docs/src/formats.md alone.

Arguments: the URL of the directory, a hash of a transaction or message or an address, and the target, l1BatchRoot or
messageRoot. Prints the records of all logs that it finds, as `slproof prove` writes them, and on standard error the
largest number of files that one proof needed.
"""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "conformance"))
from verifier.keccak import keccak256  # noqa: E402

EMPTY = keccak256(bytes(88))
PART = 256


class Directory:
    """A directory behind a URL, which counts the files that it is asked for."""

    def __init__(self, url):
        self.url = url.rstrip("/")
        self.requests = 0

    def get(self, name):
        """The content of a file, or None if there is none."""
        self.requests += 1
        try:
            with urllib.request.urlopen(f"{self.url}/{name}") as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def json(self, name):
        return json.loads(self.get(name))


def digits_of(data):
    return "0x" + data.hex()


def siblings(level, index, height, empty):
    """The siblings of a leaf, bottom first, and the root."""
    path = []
    for _ in range(height):
        other = index ^ 1
        path.append(level[other] if other < len(level) else empty)
        pairs = [(level[at], level[at + 1] if at + 1 < len(level) else empty) for at in range(0, len(level), 2)]
        level = [keccak256(left + right) for left, right in pairs]
        index //= 2
        empty = keccak256(empty + empty)
    return path, level[0] if level else empty


def find(directory, manifest, value):
    """The places of all logs with a hash, or of an address."""
    kinds = ["senders", "receivers"] if len(value) == 42 else ["messages", "transactions"]
    key = (value[-16:] if len(value) == 42 else value[2:18]).lower()
    for kind in kinds:
        digits = next(index["digits"] for index in manifest["indexes"] if index["kind"] == kind)
        text = directory.get(f"{manifest['index']}/{kind}/{key[:digits] or 'all'}.txt")
        for line in (text or b"").decode().splitlines():
            found, chain, batch, first, count = line.split()
            if found == key:
                yield from ((int(chain), int(batch), int(first) + i) for i in range(int(count)))


def concerns(made, value):
    """Whether a record is of a hash or an address, of which lines have only some digits."""
    if len(value) == 42:
        return value == made["sender"] or value[2:] in made.get("message", "")
    return value in (made.get("messageHash"), made.get("txHash"))


def record(directory, chain, batch, index, target):
    """The record of a proof."""
    file = directory.json(f"batches/{chain}/{batch}.json")
    shared = file["targets"][target]
    nodes = [bytes.fromhex(node[2:]) for node in file.get("nodes", [])]
    if nodes:
        entries = directory.json(f"batches/{chain}/{batch}.{index // PART}.json")["entries"]
    else:
        entries = file["entries"]
    logs = [bytes.fromhex(entry["log"][2:]) for entry in entries]
    leaves = [keccak256(log) for log in logs]
    path, _ = siblings(leaves, index % PART if nodes else index, 8 if nodes else file["height"], EMPTY)
    if nodes:
        _, padding = siblings([], 0, 8, EMPTY)
        path += siblings(nodes, index // PART, file["height"] - 8, padding)[0]
    words = [shared["metadata"]] + [digits_of(word) for word in path] + file["above"] + shared["tail"]
    entry, log = entries[index % PART if nodes else index], logs[index % PART if nodes else index]
    made = {
        "chainId": chain,
        "batchNumber": batch,
        "id": index,
        "root": file["root"],
        "proof": [word for word in words if word is not None],
        "target": shared["target"],
        "log": entry["log"],
    }
    if "message" in entry:
        made["message"] = entry["message"]
    is_message = log[0] == 0 and log[1] == 1 and log[4:24] == bytes(18) + b"\x80\x08" and not any(log[24:36])
    made["sender"] = digits_of(log[36:56] if is_message else log[4:24])
    made["txNumberInBatch"] = int.from_bytes(log[2:4], "big")
    if is_message:
        made["messageHash"] = digits_of(log[56:])
    if "txHash" in entry:
        made["txHash"] = entry["txHash"]
    if "l1Timestamp" in shared:
        made["l1Timestamp"] = shared["l1Timestamp"]
    if "checkedBy" in shared:
        made["checkedBy"] = shared["checkedBy"]
    return made


def main(url, value, target):
    directory = Directory(url)
    manifest = directory.json("manifest.json")
    places = list(dict.fromkeys(find(directory, manifest, value)))
    most = 0
    for place in places:
        before = directory.requests
        made = record(directory, *place, target)
        # The manifest, one file of the index, and these.
        most = max(most, 2 + directory.requests - before)
        if concerns(made, value.lower()):
            print(json.dumps(made, separators=(",", ":")))
    print(most, file=sys.stderr)


main(*sys.argv[1:])
