"""What the programs of this folder share: a line for each test, the tone in what was heard, values that Python makes with difficulty.

The namespace Farstream is not loaded before it is used: whether it or the plugin comes first is for the program to say.
"""
import math
import os
import sys

RATE = 8000

failures = 0


def check(good, what):
    """One line for one test."""
    global failures
    sys.stdout.write(f"{'ok' if good else 'not ok'} - {what}\n")
    sys.stdout.flush()
    failures += not good
    return good


def give_up(what):
    check(False, what)
    os._exit(1)


def leave():
    """Ends the program, with the status that says whether all was good."""
    sys.exit(1 if failures else 0)


def tone_share(samples, frequency):
    """The part of the energy that is at `frequency`, between 0 and 1 (Goertzel)."""
    coefficient = 2.0 * math.cos(2.0 * math.pi * frequency / RATE)
    before = last = energy = 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
        energy += sample * sample
    power = before * before + last * last - coefficient * before * last
    return 2.0 * power / (len(samples) * energy) if energy else 0.0


def host(component, ip, port=0, foundation=""):
    """A candidate for UDP at an address of this host."""
    from gi.repository import Farstream

    return Farstream.Candidate.new(foundation, component, Farstream.CandidateType.HOST, Farstream.NetworkProtocol.UDP, ip, port)


def preferred(candidates):
    """The value of `preferred-local-candidates`."""
    from gi.repository import Farstream, GObject

    value = GObject.Value()
    Farstream.value_set_candidate_list(value, candidates)
    return value


def relay(fields):
    """A TURN server as `relay-info` has it; numbers are unsigned there."""
    from gi.repository import GObject, Gst

    structure = Gst.Structure.new_empty("relay")
    for name, value in fields.items():
        if isinstance(value, int):
            number = GObject.Value(GObject.TYPE_UINT)
            number.set_uint(value)
            value = number
        structure.set_value(name, value)
    return structure
