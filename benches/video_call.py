#!/usr/bin/python3
"""What a video call costs: first picture, CPU, threads, memory; ours with the stock library beside it.

Run inside the build's environment by ./run bench. Stock Farstream runs with the srtp plugin hidden, without which it sends
nothing on Debian 12. One call is two conferences in one process, 320x240 at 15 pictures a second each way; encoders and decoders,
which are the same on both sides, and the test sources are part of the figures.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from first_sample import HERE, SYSTEM, stock_environment

RUNS, SECONDS = 3, 4
PROPERTIES = HERE.parent / "gst-plugin-fs/data/fsrtpconference/default-element-properties"


def measure(codec, environment, base):
    command = ["/usr/bin/python3", HERE / "video_call_process.py", codec, str(base), str(SECONDS), PROPERTIES]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    words = out.stdout.split()
    if out.returncode or len(words) != 8 or "never" in words:
        return None, (out.stdout + out.stderr).strip()[-200:]
    return [float(word) for word in words[:7]], words[7]


def main():
    failures = 0
    print(f"video call, both ends in one process (medians of {RUNS} runs of {SECONDS} s)")
    print(f"{'codec':8}{'library':9}{'first picture ms':>17}{'CPU ms/s':>10}{'threads':>9}{'RSS MB':>8}{'pictures/s':>12}")
    with tempfile.TemporaryDirectory() as name:
        stock, base = stock_environment(pathlib.Path(name)), 24000
        for codec in ("VP8", "JPEG"):
            medians = {}
            for who, environment in (("stock", stock), ("ours", dict(os.environ))):
                runs = []
                for _ in range(RUNS):
                    base += 20
                    values, library = measure(codec, environment, base)
                    if values is None:
                        print(f"{codec:8}{who:9}no picture: {library}")
                        continue
                    assert (str(SYSTEM) in library) == (who == "stock"), f"{who} ran on {library}"
                    runs.append([max(values[:2]), *values[2:5], min(values[5:])])
                if not runs:
                    failures += who == "ours"
                    continue
                medians[who] = first, cpu, threads, memory, rate = [statistics.median(column) for column in zip(*runs)]
                print(f"{codec:8}{who:9}{first:17.1f}{cpu:10.1f}{threads:9.0f}{memory:8.1f}{rate:12.1f}")
                failures += who == "ours" and rate < 12
            if len(medians) == 2:
                ratios = [ours / theirs for ours, theirs in zip(medians["ours"], medians["stock"])]
                print(f"{codec:8}{'ratio':9}{ratios[0]:17.2f}{ratios[1]:10.2f}{ratios[2]:9.2f}{ratios[3]:8.2f}{ratios[4]:12.2f}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
