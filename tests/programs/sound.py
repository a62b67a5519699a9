"""Reads WAV files and measures tones in them (Goertzel), without anything outside the standard library."""
import math
import struct


def read_wav(path):
    """Returns (rate in Hz, first channel's samples as floats in -1..1). Headers left open by a killed writer are read too."""
    data = open(path, "rb").read()
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError(f"{path} is no WAV file ({len(data)} bytes)")
    at, kind, channels, rate, bits = 12, None, 0, 0, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        if name == b"fmt ":
            kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", data[at + 8 : at + 24])
        elif name == b"data":
            body = data[at + 8 : at + 8 + size] if size else data[at + 8 :]
            return rate, list(_samples(body, kind, channels, bits))
        at += 8 + size + (size & 1)
    raise ValueError(f"{path} has no sound in it")


def _samples(body, kind, channels, bits):
    width = bits // 8
    frame = width * channels
    for at in range(0, len(body) - frame + 1, frame):
        raw = body[at : at + width]
        if kind == 3:
            yield struct.unpack("<f" if width == 4 else "<d", raw)[0]
        else:
            yield int.from_bytes(raw, "little", signed=width > 1) / (1 << (bits - 1))


def power(samples, rate, frequency):
    """Share (0 to 1) of the samples' energy that lies at the frequency."""
    total = sum(s * s for s in samples)
    if not samples or total <= 0:
        return 0.0
    w = 2 * math.pi * frequency / rate
    re = sum(s * math.cos(w * i) for i, s in enumerate(samples))
    im = sum(s * math.sin(w * i) for i, s in enumerate(samples))
    return 2 * (re * re + im * im) / (len(samples) * total)


def tone_seconds(path, frequency, window=0.1):
    """How many seconds of the file hold mostly that tone, in windows of 0.1 s that are not silent."""
    rate, samples = read_wav(path)
    n = int(rate * window)
    loud = (samples[i : i + n] for i in range(0, len(samples) - n + 1, n))
    return sum(window for s in loud if sum(x * x for x in s) / n > 1e-4 and power(s, rate, frequency) > 0.8)


def seconds(path):
    """Length of the file in seconds."""
    rate, samples = read_wav(path)
    return len(samples) / rate
