#!/usr/bin/python3
"""Another network in a call: the interface of one host goes away, and another one comes with an address of another network. Each side is
a process in a network namespace of its own; the test program is the application that hands the new candidates on. ms from the moment when the
new address is there to the first good sound and picture of each side, and how long there was none. Medians and the highest; ours only, as
the stock library stays silent. Run inside the build's environment.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests" / "programs"))
# pylint: disable=wrong-import-position
import networks
from networks import MEDIA, Network, call, controlling, enter, move, parties, two_networks

RUNS = 5
#: ms after the new address that media may be missing.
LIMIT = 2000


def missing(party, medium, start, there):
    """ms from the new address to the first good sound or picture, ms of silence; none where three seconds on end are good."""
    word, whole = {"audio": "heard", "video": "seen"}[medium], []

    def known(event):
        if party.is_mine(event, word):
            whole.append(event["good"] == event["all"])
        return whole[-3:] == [True] * 3 or party.is_mine(event, "silence", medium) and event["ended"] > there

    event = party.end.wait(f"{medium} after the change", known, start)
    if event["event"] != "silence":
        return 0, 0
    return (event["ended"] - there) * 1000, (event["ended"] - event["began"]) * 1000


def measure(transmitter):
    """For each side and medium (ms from the new address to the first good one, ms of silence)."""
    test, failed = Network(), True
    try:
        host, middle, peer = two_networks(test)
        one, two = parties(test, [host, peer], transmitter, controlling(True) if transmitter == "nice" else [{}, {}])
        call(one, two)
        starts = {party: len(party.end.events) for party in (one, two)}
        there = move(host, middle, one, two)
        figures = []
        for party, start in starts.items():
            for medium in MEDIA:
                figures.append(missing(party, medium, start, there))
        failed = False
        return figures
    finally:
        test.close(keep=failed)


def main():
    reason = enter()
    if reason:
        print(reason)
        return 1
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        networks.shared["ours"] = os.environ | {"GST_REGISTRY": str(pathlib.Path(folder) / "ours.bin")}
        # One writes the registry that all read.
        subprocess.run(["gst-inspect-1.0", "fsrtpconference"], env=networks.shared["ours"], stdout=subprocess.DEVNULL, check=True)
        print(f"sound and pictures after a change of the network, of four at a time the last (medians of {RUNS} runs)")
        print(f"{'transmitter':12}{'after address ms':>18}{'(highest)':>11}{'silence ms':>12}{'(highest)':>11}")
        for transmitter in ("rawudp", "nice"):
            runs = [measure(transmitter) for _ in range(RUNS)]
            after, silence = ([max(figure[i] for figure in run) for run in runs] for i in (0, 1))
            print(f"{transmitter:12}{statistics.median(after):18.0f}{max(after):11.0f}{statistics.median(silence):12.0f}{max(silence):11.0f}", flush=True)
            failures += statistics.median(after) > LIMIT
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
