#!/usr/bin/python3
"""Encrypted calls between two conferences of ours from Python: every cipher, new keys in the call without a gap, keys chosen by an
identifier (MKI), another SSRC under the same key, encryption that is required. Each is measured by what is heard. Prints a line
"ok - ..." or "not ok - ..." a test; the environment is that of call.py.
"""

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Farstream", "0.2")
# pylint: disable=wrong-import-position
from gi.repository import Farstream, GLib, Gst

import call
import checks
from calls import connect, pair
from checks import RATE, check, tone_share
from encrypted import KEY_LENGTHS, PAIRS
from session import hears, silent, until

PLAIN = ("aes-128-icm", "hmac-sha1-80")
NEW_KEYS = 6
BETWEEN = RATE // 2


def octets(seed, length):
    return Gst.Buffer.new_wrapped(bytes((seed + n) % 256 for n in range(length)))


def parameters(seed, identifier=None, cipher=PLAIN):
    structure = Gst.Structure.new_empty("FarstreamSRTP")
    structure.set_value("cipher", cipher[0])
    structure.set_value("auth", cipher[1])
    structure.set_value("key", octets(seed, KEY_LENGTHS[cipher[0]]))
    if identifier is not None:
        structure.set_value("mki", octets(identifier, 4))
    return structure


def encrypted(first, second):
    """A call that has these keys before it begins, one for each way."""
    alice, bob, to_bob, to_alice = pair()
    for party, leg, own, others in ((alice, to_bob, first, second), (bob, to_alice, second, first)):
        party.prefer_pcma()
        party.session.set_encryption_parameters(own)
        leg.stream.set_decryption_parameters(others)
    connect(to_bob, to_alice)
    return alice, bob, to_bob, to_alice


def end(*parties):
    for party in parties:
        party.end()


def check_ciphers():
    for cipher in PAIRS:
        alice, bob, to_bob, to_alice = encrypted(parameters(0, cipher=cipher), parameters(100, cipher=cipher))
        hears(to_alice, f"by {cipher}")
        hears(to_bob, f"by {cipher}")
        end(alice, bob)


def check_new_keys():
    alice, bob, _, to_alice = encrypted(parameters(0), parameters(100))
    hears(to_alice, "with the first key")
    del to_alice.heard[:]
    for number in range(1, NEW_KEYS):
        to_alice.stream.set_decryption_parameters(parameters(number))
        alice.session.set_encryption_parameters(parameters(number))
        until(f"bob goes on hearing with key {number}", lambda number=number: len(to_alice.heard) > number * BETWEEN)
    share = tone_share(to_alice.heard, to_alice.hear_tone)
    check(share > 0.99, f"without a gap: {share:.4f} of what bob heard under {NEW_KEYS} keys is the tone")
    check(len(bob.conference.srcpads) == 1, "on one pad")
    end(alice, bob)


def check_identifiers():
    both = parameters(1, 1)
    both.set_value("key2", octets(2, KEY_LENGTHS[PLAIN[0]]))
    both.set_value("mki2", octets(2, 4))
    alice, bob, _, to_alice = encrypted(parameters(1, 1), parameters(100))
    to_alice.stream.set_decryption_parameters(both)
    hears(to_alice, "with the key of the first identifier")
    alice.session.set_encryption_parameters(parameters(2, 2))
    hears(to_alice, "with the key of the second one")
    alice.session.set_encryption_parameters(parameters(3, 3))
    silent(to_alice, "with a key whose identifier he has not")
    alice.session.set_encryption_parameters(parameters(1, 1))
    hears(to_alice, "with the first one again")
    end(alice, bob)


def check_other_ssrc():
    alice, bob, _, to_alice = encrypted(parameters(0), parameters(100))
    hears(to_alice, "at first")
    alice.session.props.ssrc = 0x0badcafe
    until("a pad for the other SSRC", lambda: str(0x0badcafe) in [pad.get_name().split("_")[2] for pad in bob.conference.srcpads])
    hears(to_alice, "from the other SSRC")
    to_alice.stream.set_decryption_parameters(parameters(50))
    alice.session.set_encryption_parameters(parameters(50))
    hears(to_alice, "from the other SSRC with another key")
    end(alice, bob)


def check_required():
    alice, bob, _, to_alice = encrypted(parameters(0), parameters(100))
    to_alice.stream.props.require_encryption = True
    hears(to_alice, "what is encrypted, as is required")
    alice.session.set_encryption_parameters(None)
    silent(to_alice, "what is plain")
    to_alice.stream.props.require_encryption = False
    to_alice.stream.set_decryption_parameters(None)
    hears(to_alice, "what is plain once that is allowed")
    end(alice, bob)


def check_refusals():
    alice, bob, _, to_alice = encrypted(parameters(0), parameters(100))
    short = parameters(0)
    short.set_value("key", octets(0, 29))
    strange = parameters(0)
    strange.set_value("cipher", "rot13")
    for wrong, word in ((short, "29"), (strange, "rot13"), (Gst.Structure.new_empty("Other"), "Other")):
        for name, function in (("encryption", alice.session.set_encryption_parameters), ("decryption", to_alice.stream.set_decryption_parameters)):
            try:
                function(wrong)
                check(False, f"{name} parameters with {word} are refused")
            except GLib.Error as error:
                fits = error.matches(Farstream.Error.quark(), Farstream.Error.INVALID_ARGUMENTS)
                check(fits and word in error.message, f"{name}: {error.message}")
    hears(to_alice, "as before all that was refused")
    end(alice, bob)


if __name__ == "__main__":
    Gst.init(None)
    call.check_loaded()
    check_ciphers()
    check_new_keys()
    check_identifiers()
    check_other_ssrc()
    check_required()
    check_refusals()
    checks.leave()
