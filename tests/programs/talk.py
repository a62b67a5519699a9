"""What calls with programs of others have in common: our sound, and how much each side heard of the other."""
import math
import os
import struct
import wave

from softphones import certificate
from sound import tone_seconds


def sound(test, frequency=660, name="ours.wav"):
    """The end of a launch line: a tone for the call c, and what is heard into a file."""
    return f"audiotestsrc is-live=true freq={frequency} ! c.audio_sink  c.audio_src ! audioconvert ! wavenc ! filesink location={test.path(name)}"


def both(test, baresip, least=1.5):
    ours, theirs = tone_seconds(test.path("ours.wav"), 440), baresip.heard(660)
    assert ours >= least and theirs >= least, f"we heard baresip's 440 Hz for {ours:.1f} s, baresip our 660 Hz for {theirs:.1f} s"
    return f"we heard {ours:.1f} s, baresip {theirs:.1f} s"


def tone(test, seconds=30, frequency=440, rate=8000):
    """A WAV file with a tone."""
    path = test.path("tone.wav")
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = (int(12000 * math.sin(2 * math.pi * frequency * n / rate)) for n in range(seconds * rate))
        file.writeframes(b"".join(struct.pack("<h", s) for s in samples))
    return path


def secrets(test, ip="127.0.0.1"):
    """A folder with key.pem, certificate.pem and both.pem for an address."""
    folder = test.path("certificate")
    os.makedirs(folder)
    certificate(folder, ip)
    return folder
