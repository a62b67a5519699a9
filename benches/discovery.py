#!/usr/bin/python3
"""What the first session of a process costs: time to its codec list, memory, and a later session; ours beside the stock library.

Run inside the build's environment by ./run bench. Both keep a cache file of codecs and are measured without one (cold: the file's
place can't be written), as users have it after the first run (default; stock's is never valid there, because the registry is looked
for in the pre-1.0 place) and with a file that is accepted (warm; for ours at the place that a variable names).
"""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from first_sample import HERE, SYSTEM, stock_environment

RUNS = 11
MOST_MS, MOST_COLD_MS, MOST_LATER_MS, MOST_KB = 18, 110, 2, 5 * 1024
CACHES = ("FS_AUDIO_CODECS_CACHE", "FS_VIDEO_CODECS_CACHE", "FS_APPLICATION_CODECS_CACHE")


def environments(folder):
    """Name of the case -> environment. GStreamer's registry is up to date in all of them after one run."""
    base = {k: v for k, v in os.environ.items() if k not in CACHES}
    stock = {k: v for k, v in stock_environment(folder).items() if k not in (*CACHES, "GST_REGISTRY")}
    stock |= {"XDG_CACHE_HOME": str(folder / "stock")}
    ours = base | {"XDG_CACHE_HOME": str(folder / "ours")}
    none = {name: "/dev/null/none" for name in CACHES}
    return {
        ("stock", "cold"): stock | none,
        ("stock", "default"): stock,
        ("stock", "warm"): stock | {"GST_REGISTRY": str(folder / "registry.bin")},
        ("ours", "cold"): ours | none,
        ("ours", "default"): ours,
        ("ours", "warm"): ours | {name: str(folder / name) for name in CACHES},
    }


def measure(media, environment):
    out = subprocess.run(["/usr/bin/python3", HERE / "discovery_session.py", media], env=environment, capture_output=True, text=True, timeout=60)
    if out.returncode:
        sys.exit(f"{media}: {out.stderr[-500:]}")
    first, later, grown, codecs, library = out.stdout.split()
    return float(first), float(later), int(grown), int(codecs), library


def main():
    failures = 0
    print(f"first session of a process: new_session to codec list, growth of the process; a later session (medians of {RUNS} runs)")
    print(f"{'media':13}{'library':9}{'case':9}{'ms':>7}{'lowest':>8}{'highest':>9}{'MB':>7}{'later ms':>10}{'codecs':>8}")
    with tempfile.TemporaryDirectory() as name:
        cases = environments(pathlib.Path(name))
        for media in ("audio", "video", "application"):
            for (who, case), environment in cases.items():
                measure(media, environment)  # GStreamer's registry is made
                time.sleep(1.1 if case == "warm" else 0)  # a cache is accepted when it is a second newer than the registry
                measure(media, environment)
                runs = [measure(media, environment) for _ in range(RUNS)]
                assert all((str(SYSTEM) in run[4]) == (who == "stock") for run in runs), f"{who} ran on {runs[0][4]}"
                first, later, grown, codecs = (statistics.median(run[i] for run in runs) for i in range(4))
                times = [run[0] for run in runs]
                print(f"{media:13}{who:9}{case:9}{first:7.1f}{min(times):8.1f}{max(times):9.1f}{grown / 1024:7.1f}{later:10.2f}{codecs:8}")
                most = MOST_COLD_MS if case == "cold" else MOST_MS
                failures += who == "ours" and (first > most or later > MOST_LATER_MS or grown > MOST_KB)
    if failures:
        print(f"FAILED: ours is allowed {MOST_MS} ms ({MOST_COLD_MS} ms cold), {MOST_KB // 1024} MB and {MOST_LATER_MS} ms for a later session")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
