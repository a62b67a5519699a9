#!/usr/bin/python3
"""Time from the second force_remote_candidates to the first decoded sample: ours, with the stock library beside it.

Run inside the build's environment by ./run bench. Stock Farstream runs with the srtp plugin hidden, without which it is silent
on Debian 12. The figures are milliseconds; the jitter buffer's latency (100 ms) is part of them.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "programs"))
from stock import SYSTEM, stock_environment  # noqa: E402

RUNS = 9


def measure(codec, environment, base):
    out = subprocess.run(["/usr/bin/python3", HERE / "first_sample_call.py", codec, str(base)], env=environment, capture_output=True, text=True, timeout=60)
    if out.returncode or not out.stdout.strip():
        return None, out.stderr[-500:]
    one, two, latency, library = out.stdout.split()
    return [float(v) - float(latency) if v != "never" else None for v in (one, two)], library


def main():
    failures = 0
    print(f"first decoded sample after the second force_remote_candidates, beyond the jitter buffer's latency (ms, {RUNS} runs, two sides each)")
    print(f"{'codec':8}{'library':10}{'median':>9}{'lowest':>9}{'highest':>9}")
    with tempfile.TemporaryDirectory() as name:
        stock, base = stock_environment(pathlib.Path(name)), 22000
        for codec in ("PCMU", "PCMA", "OPUS"):
            medians = {}
            for who, environment in (("stock", stock), ("ours", dict(os.environ))):
                values = []
                for _ in range(RUNS):
                    base += 20
                    result, library = measure(codec, environment, base)
                    if result is None or None in result:
                        print(f"{codec:8}{who:10} no sound: {library}")
                        continue
                    assert (str(SYSTEM) in library) == (who == "stock"), f"{who} ran on {library}"
                    values += result
                if values:
                    medians[who] = statistics.median(values)
                    print(f"{codec:8}{who:10}{medians[who]:9.1f}{min(values):9.1f}{max(values):9.1f}")
                    failures += who == "ours" and max(values) > 60
                else:
                    failures += who == "ours"
            if len(medians) == 2:
                print(f"{codec:8}{'difference ours - stock':20}{medians['ours'] - medians['stock']:7.1f}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
