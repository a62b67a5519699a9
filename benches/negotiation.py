#!/usr/bin/python3
"""Time that a negotiation takes: ours, with the stock library beside it.

Run inside the build's environment by ./run bench. What is measured stands in negotiation_session.py; the stock library runs with its
srtp plugin hidden, as in all measurements. Ours builds the encoder and payloader within the call, stock when the next data come: the
figures of ours include what stock does then in the thread of the data.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from first_sample import HERE, SYSTEM, stock_environment

TURNS = 5
SESSIONS = 20


def measure(media, environment, base):
    command = ["/usr/bin/python3", HERE / "negotiation_session.py", media, str(SESSIONS), str(base)]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    if out.returncode or len(out.stdout.split()) != 4:
        sys.exit(f"{media}: {out.stdout[-300:]}{out.stderr[-500:]}")
    first, again, codecs, library = out.stdout.split()
    return (float(first), float(again), int(codecs)), library


def main():
    print(f"negotiation: a new session gets its peer's codecs, then other ones (medians of {TURNS} turns of {SESSIONS} sessions)")
    print(f"{'media':8}{'library':9}{'first ms':>10}{'again ms':>10}{'codecs':>8}")
    with tempfile.TemporaryDirectory() as name:
        environments = {"stock": stock_environment(pathlib.Path(name)), "ours": dict(os.environ)}
        base = 26000
        for media in ("audio", "video"):
            runs = {who: [] for who in environments}
            for _ in range(TURNS):
                for who, environment in environments.items():
                    base += 2 * SESSIONS + 2
                    run, library = measure(media, environment, base)
                    assert (str(SYSTEM) in library) == (who == "stock"), f"{who} ran on {library}"
                    runs[who].append(run)
            median = {who: [statistics.median(column) for column in zip(*all_)] for who, all_ in runs.items()}
            for who, (first, again, codecs) in median.items():
                print(f"{media:8}{who:9}{first:10.2f}{again:10.2f}{codecs:8.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
