#!/usr/bin/python3
"""What a call costs: CPU, threads, memory, and the time to candidates and to sound. Ours, the stock library, bare rtpbin, and the
same codecs and sockets without any RTP session.

Run inside the build's environment by ./run bench. A call is two ends in one process that exchange audio over UDP on the loopback.
The test's own sources and sinks are measured on their own (`sources`). The CPU is told with and without them; their threads are
taken off. All programs take turns, so that they see the same machine; as its speed changes between turns, the parts of stock's CPU
are medians of what each turn gives by itself. The larger part counts. Stock runs with its srtp plugin hidden, without which it is
silent on Debian 12, and without asking for a router.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from first_sample import HERE, SYSTEM, stock_environment

TURNS = 5
SECONDS = 10
# Calls in a process: as many as stock was measured with first, and few, where each waking up costs more.
ROWS = (("PCMU", 30), ("PCMU", 8), ("OPUS", 8))
MOST_THREADS = 6
MOST_CPU_OF_STOCK = {"PCMU": 0.6}
MOST_CANDIDATES_MS = 60
COLUMNS = ("cpu", "threads", "first", "kb", "candidates", "sound")


def measure(program, codec, calls, environment, base):
    command = ["/usr/bin/python3", HERE / "calls_process.py", program, codec, str(calls), str(SECONDS), str(base)]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    if out.returncode:
        sys.exit(f"{program} {codec}: {out.stderr[-800:]}")
    words = out.stdout.split()
    return dict(zip(COLUMNS, map(float, words[:6]))), words[6]


def of_stock(runs, who):
    """Which part of stock's CPU a program takes, with the test's sources and without."""
    cpu = [[run["cpu"] for run in runs[name]] for name in (who, "stock", "sources")]
    return (statistics.median(parts) for parts in zip(*((its / stock, (its - rest) / (stock - rest)) for its, stock, rest in zip(*cpu))))


def main():
    failures = 0
    print(f"per call, {TURNS} turns of {SECONDS} s, medians")
    print(f"{'codec':8}{'calls':>6} {'program':9}{'CPU %':>8}{'of stock':>10}{'without sources':>17}{'of stock':>10}{'threads':>9}{'1st call':>10}{'MB':>7}{'candidates ms':>15}{'sound ms':>10}")
    with tempfile.TemporaryDirectory() as name:
        stock, ours, base = stock_environment(pathlib.Path(name)), dict(os.environ), 23000
        programs = {"stock": ("farstream", stock), "ours": ("farstream", ours), "rtpbin": ("rtpbin", stock), "bare": ("bare", stock), "sources": ("sources", stock)}
        for codec, calls in ROWS:
            runs = {who: [] for who in programs}
            for turn in range(TURNS + 1):
                for who, (program, environment) in programs.items():
                    # Below those that the system gives to others.
                    base = base + 4 * calls + 4 if base < 32000 else 23000
                    run, library = measure(program, codec, calls, environment, base)
                    if program == "farstream":
                        assert (str(SYSTEM) in library) == (who == "stock"), f"{who} ran on {library}"
                    if turn:  # the first turn fills caches
                        runs[who].append(run)
            median = {who: {key: statistics.median(run[key] for run in all_) for key in all_[0]} for who, all_ in runs.items()}
            rest = median["sources"]
            for who, f in median.items():
                whole, part = of_stock(runs, who)
                threads, first = f["threads"] - rest["threads"], f["first"] - rest["first"]
                print(
                    f"{codec:8}{calls:6} {who:9}{f['cpu']:8.3f}{whole:10.2f}{f['cpu'] - rest['cpu']:17.3f}{part:10.2f}"
                    f"{threads:9.1f}{first:10.0f}{f['kb'] / 1024:7.2f}{f['candidates']:15.1f}{f['sound']:10.1f}"
                )
                if who == "ours":
                    most = MOST_CPU_OF_STOCK.get(codec, 1)
                    failures += max(threads, first) > MOST_THREADS or max(whole, part) > most or f["candidates"] > MOST_CANDIDATES_MS
    if failures:
        print(f"FAILED: ours is allowed {MOST_THREADS} threads a call, {MOST_CPU_OF_STOCK['PCMU']} of stock's CPU with PCMU, {MOST_CANDIDATES_MS} ms to its candidates")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
