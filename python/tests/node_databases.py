"""Writes databases as nodes do: with the real RocksDB, in the column families and with the keys of the nodes."""

import hashlib
import json
import pathlib

MESSENGER = bytes.fromhex("8008".rjust(40, "0"))
MESSAGE_SENT = bytes.fromhex("3a36e47291f4201faf137fab081d92295bce2d53be2c6ca68ba82c7faa9ce241")


def database(path, columns, flush=True):
    """Writes a database: the rows of each column, by its name. Without `flush`, the rows are in the log of RocksDB
    only."""
    import rocksdict

    def options():
        made = rocksdict.Options(raw_mode=True)
        blocks = rocksdict.BlockBasedOptions()
        blocks.set_bloom_filter(10, False)
        made.set_block_based_table_factory(blocks)
        made.set_compression_type(rocksdict.DBCompressionType.snappy())
        return made

    whole = options()
    whole.create_if_missing(True)
    whole.create_missing_column_families(True)
    opened = rocksdict.Rdict(str(path), whole, {name: options() for name in columns})
    for name, rows in columns.items():
        column = opened.get_column_family_handle(name)
        for key, value in rows.items():
            # Each is an entry of the log.
            entry = rocksdict.WriteBatch(raw_mode=True)
            entry.put(key, value, column)
            opened.write(entry)
        if flush:
            opened.get_column_family(name).flush()
    opened.close()
    # A node has no such file.
    (pathlib.Path(path) / "rocksdict-config.json").unlink()


def flat_key(address, slot):
    return hashlib.blake2s(bytes(12) + address + slot).digest()


def flat_slots(dump):
    """The slots in a dump of anvil by their flat keys."""
    slots = {}
    for address, account in dump["accounts"].items():
        for slot, value in account["storage"].items():
            slots[flat_key(_bytes(address), _bytes(slot))] = _bytes(value)
    return slots


def full_diffs(path, states, latest=None, flush=True):
    """`state_full_diffs` of states by block, ascending: each block writes what differs from the state before."""
    rows, before = {}, {}
    for block, slots in states.items():
        for key in slots.keys() | before.keys():
            value = slots.get(key, bytes(32))
            if value != before.get(key):
                rows[key + _number(block)] = value
        before = {**dict.fromkeys(before, bytes(32)), **slots}
    latest = max(states) if latest is None else latest
    database(path, {"data": rows, "meta": {b"latest_block": _number(latest)}}, flush)


def keeper(path, slots, batch):
    """`state_keeper` of a zksync-era node; every second value has its enumeration index."""
    rows = {b"block_number": (batch + 1).to_bytes(4, "little"), b"enum_index_migration_cursor": b""}
    for index, (key, value) in enumerate(slots.items()):
        rows[key] = value + (_number(index) if index % 2 else b"")
    database(path, {"state": rows, "contracts": {}, "factory_deps": {}})


def rlp(item):
    if isinstance(item, int):
        item = item.to_bytes((item.bit_length() + 7) // 8, "big")
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _head(0x80, len(item)) + item
    content = b"".join(map(rlp, item))
    return _head(0xC0, len(content)) + content


def _head(base, length):
    if length < 56:
        return bytes([base + length])
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([base + 55 + len(digits)]) + digits


def receipt(kind, logs, messages):
    """A receipt with these logs of 88 bytes, and the events of its messages among others."""
    events = [[bytes(19) + b"\7", [bytes(32)], b"\1"]]
    for log, message in zip(_of_messages(logs), messages):
        padded = message + bytes(-len(message) % 32)
        data = (32).to_bytes(32, "big") + len(message).to_bytes(32, "big") + padded
        events.append([MESSENGER, [MESSAGE_SENT, log[24:56], log[56:88]], data])
    sent = [[log[0], log[1], int.from_bytes(log[2:4], "big"), log[4:24], log[24:56], log[56:88]] for log in logs]
    return (bytes([kind]) if kind else b"") + rlp([1, 21000, bytes(256), events, sent])


def repository(path, batches):
    """`repository` of batches from lines of a raw archive, and their first and last blocks. Where a line does not say them, a
    batch has a block for each two transactions, and one more."""
    columns = {name: {} for name in ("block_data", "block_number_to_hash", "tx", "tx_receipt", "meta")}
    last, ranges = 0, {}
    for line in batches:
        logs = [_bytes(log) for log in line["logs"]]
        messages = [_bytes(message) for message in line.get("messages", [])]
        transactions = []
        for log in logs:
            if not transactions or transactions[-1][-1][2:4] != log[2:4]:
                transactions.append([])
            transactions[-1].append(log)
        first = line.get("firstBlock", last + 1)
        last = line.get("lastBlock", last + 1 + len(transactions) // 2)
        in_each = -(-len(transactions) // (last + 1 - first))
        for block in range(first, last + 1):
            hashes = [_sha(f"silent {block}")]
            columns["tx_receipt"][hashes[0]] = receipt(0x7F, [], [])
            for index in range(in_each):
                if not transactions:
                    break
                of_one = transactions.pop(0)
                count = len(list(_of_messages(of_one)))
                hashes.append(_sha(f"{block} {index}"))
                columns["tx_receipt"][hashes[-1]] = receipt([0, 2, 0x7E][block % 3], of_one, messages[:count])
                messages = messages[count:]
            block_hash = _sha(f"block {block}")
            columns["block_number_to_hash"][_number(block)] = block_hash
            columns["block_data"][block_hash] = rlp([[bytes(32), block], hashes, []])
        ranges[line.get("batchNumber", line.get("gwBatch"))] = (first, last)
    columns["meta"][b"block_number"] = _number(last)
    database(path, columns)
    return ranges


def executed_batches(path, ranges):
    """`executed_batch_storage` of batches by number, with their first and last blocks."""
    info = {
        _number(batch): json.dumps(
            {"batch_info": {"batch_number": batch}, "block_range": {"start": first, "end": last}}
        ).encode()
        for batch, (first, last) in ranges.items()
    }
    firsts = {_number(first): _number(batch) for batch, (first, _) in ranges.items()}
    latest = {b"latest_batch": _number(max(ranges))}
    database(path, {"batch_info": info, "first_block_index": firsts, "latest": latest})


def _of_messages(logs):
    return (log for log in logs if log[:2] == b"\0\1" and log[4:24] == MESSENGER and log[24:36] == bytes(12))


def _number(value):
    return value.to_bytes(8, "big")


def _bytes(text):
    return bytes.fromhex(text[2:])


def _sha(text):
    return hashlib.sha256(text.encode()).digest()
