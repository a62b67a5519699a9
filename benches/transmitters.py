#!/usr/bin/python3
"""Each transmitter on loopback, ours and with the stock library beside it: ms to the candidates, ms to the first decoded sample
beyond the jitter buffer's latency, threads that a call brings, CPU of a call. Medians; run inside the build's environment.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from first_sample import HERE, SYSTEM, stock_environment

RUNS = 7
#: A namespace with nothing but a loopback interface that carries multicast: others cannot disturb.
OWN_NETWORK = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c",
               'ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo && exec "$@"', "sh"]
#: ms to the first sample that ours may need on loopback.
LIMITS = {"rawudp": 60, "nice": 150, "shm": 150, "multicast": 60}


def measure(transmitter, environment, base):
    done = subprocess.run([*OWN_NETWORK, "/usr/bin/python3", HERE / "transmitters_call.py", transmitter, str(base)], env=environment, capture_output=True,
                          text=True, timeout=90, check=False)
    if done.returncode or not done.stdout.strip():
        return None, (done.stderr or done.stdout)[-300:].strip()
    *numbers, library = done.stdout.split()
    return [float(number) for number in numbers], library


def main():
    failures, base = 0, 24000
    print(f"a call over each transmitter on loopback, two ends in one process (medians of {RUNS} runs)")
    print(f"{'transmitter':12}{'library':9}{'candidates ms':>15}{'first sample ms':>17}{'(highest)':>11}{'threads':>9}{'CPU %':>7}")
    with tempfile.TemporaryDirectory() as name:
        environments = (("stock", stock_environment(pathlib.Path(name))), ("ours", dict(os.environ)))
        for transmitter, limit in LIMITS.items():
            for who, environment in environments:
                runs = []
                for _ in range(RUNS):
                    base += 40
                    numbers, library = measure(transmitter, environment, base)
                    if numbers is None:
                        print(f"{transmitter:12}{who:9} no sound: {library}")
                        continue
                    assert (str(SYSTEM) in library) == (who == "stock"), f"{who} ran on {library}"
                    runs.append(numbers)
                if not runs:
                    failures += who == "ours"
                    continue
                ready, first, threads, cpu = (statistics.median(column) for column in zip(*runs))
                highest = max(run[1] for run in runs)
                print(f"{transmitter:12}{who:9}{ready:15.1f}{first:17.1f}{highest:11.1f}{threads:9.0f}{cpu:7.1f}")
                failures += who == "ours" and first > limit
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
