"""What calls do in forked and in new processes, and at a signal."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures" / "gateway-v29"
STATE = str(FIXTURES / "state.anvil.json")
LOGS = str(FIXTURES / "logs.jsonl.gz")
# Far more than the calls take, and far less than for ever.
LIMIT = 120

WORKERS = """
import multiprocessing, sys
import slproof

STATE, LOGS = sys.argv[2:]
ONE = {"chain_id": 324, "batch_number": 501234, "id": 0}
given = {}


def code(call):
    try:
        call()
        return "done"
    except slproof.Error as error:
        return error.code


def work(queue):
    calls = [
        lambda: slproof.open(STATE, LOGS),
        lambda: slproof.survey([STATE]),
        lambda: slproof.verify([{"proof": []}], root=bytes(32)),
    ]
    if given:
        calls += [
            lambda: given["prover"].prove([ONE]),
            lambda: given["prover"].prove_all(),
            lambda: given["prover"].history(),
            lambda: given["reader"].read_next_batch(),
        ]
    queue.put([code(call) for call in calls])


if __name__ == "__main__":
    method, is_first = sys.argv[1].split("-")
    if is_first == "after":
        given["prover"] = slproof.open(STATE, LOGS)
        given["reader"] = given["prover"].prove_all(rows=1)
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    worker = context.Process(target=work, args=(queue,))
    worker.start()
    print(*queue.get())
    worker.join()
"""


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("fork-before", ["done"] * 3),
        ("fork-after", ["system-failed"] * 7),
        ("spawn-after", ["done"] * 3),
    ],
)
def test_a_process_that_was_forked_after_a_call_is_refused(tmp_path, how, expected):
    script = tmp_path / "workers.py"
    script.write_text(WORKERS)
    given = [sys.executable, script, how, STATE, LOGS]
    ended = subprocess.run(given, capture_output=True, text=True, timeout=LIMIT)
    assert ended.stdout.split() == expected, ended.stderr


@pytest.mark.parametrize("call", ["slproof.verify(path, root=bytes(32))", "slproof.open(path, path)"])
def test_ctrl_c_ends_a_call(tmp_path, call):
    """The input is a pipe into which nobody writes, so the call has no end of its own."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code = f"import sys, slproof; path = sys.argv[1]; print('begun', flush=True); {call}"
    process = subprocess.Popen(
        [sys.executable, "-c", code, pipe], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "begun\n"
        # It may not be in the call yet, where Python itself raises.
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    assert "KeyboardInterrupt" in errors, errors
