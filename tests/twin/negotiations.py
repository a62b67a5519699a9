#!/usr/bin/python3
"""Random negotiations on Debian's Farstream and on ours: the same preferences and the same peers' codecs must come to the same
lists, but for what EXCEPTIONS lists.

Each case is a session of its own with up to three preferences on payload types of their own choice and one or two streams, whose
peers offer one after the other and then again. What is compared after each step: the error code, or the session's codecs with and
without config and each stream's negotiated codecs.

With --run prints one line of JSON a case. Without, runs itself on both libraries and prints "ok - ..." or "not ok - ..." lines.
Arguments: --cases N, --seed N, and the launcher's.
"""

import argparse
import json
import random
import subprocess
import sys

CRASHES = {"crashes": True}
SHOWN = 10  # differing cases that are printed in full

# Codec -> clock rates, and parameters with values to draw from.
NUMBERS = ["1", "2", "3", "4", "9", "30"]
POOLS = {
    "audio": {
        # Nobody has elements for it: where a preference is refused, stock takes the discovered codec of that name instead.
        "FOO": ([8000], {"x": ["1", "A", "a"], "y": ["1", "2"]}),
        "PCMU": ([8000], {}),
        "PCMA": ([8000], {"ptime": ["10", "20", "40"], "maxptime": ["20", "60"]}),
        "ILBC": ([8000], {"mode": ["20", "30", "25"]}),
        "G729": ([8000], {"annexb": ["yes", "no"]}),
        "OPUS": ([48000], {"stereo": ["0", "1"], "useinbandfec": ["0", "1"], "sprop-stereo": ["0", "1"], "cbr": ["1"], "usedtx": ["1"],
                           "maxplaybackrate": ["8000", "48000"], "minptime": ["10", "20"], "maxaveragebitrate": ["20000", "64000"]}),
        "SPEEX": ([8000, 16000], {"vbr": ["on", "off"], "mode": ["any"], "penh": ["0", "1"]}),
        "AMR": ([8000], {"octet-align": ["0", "1"], "mode-set": ["0,2", "2,4", "7"], "crc": ["0", "1"]}),
        "G722": ([8000], {"ptime": ["20"]}),
        "telephone-event": ([8000, 48000], {"events": ["0-15", "0-11,16", "16-20", "0,,3"], "": ["0-15"]}),
    },
    "video": {
        "H261": ([90000], {"qcif": NUMBERS, "cif": NUMBERS, "d": ["0", "1"]}),
        "H263-1998": ([90000], {"qcif": NUMBERS, "cif": NUMBERS, "sqcif": NUMBERS, "p": ["1,2", "2,3", "4"], "bpp": NUMBERS, "f": ["0", "1"],
                                "custom": ["320,240,2", "320,240,3", "640,480,1"], "cpcf": ["36,1000,1,2,3,4,5,6", "36,1000,6,5,4,3,2,1"]}),
        "H263-2000": ([90000], {"profile": ["0", "3"], "level": ["10", "20"], "qcif": NUMBERS, "cif": NUMBERS}),
        "H264": ([90000], {"profile-level-id": ["42E01F", "42c00d", "640028", "x"], "packetization-mode": ["0", "1"], "max-fs": NUMBERS,
                           "max-br": NUMBERS, "sprop-parameter-sets": ["AAA=", "BBB="], "max-rcmd-nalu-size": NUMBERS,
                           "level-asymmetry-allowed": ["0", "1"]}),
        "H265": ([90000], {"profile-id": ["1", "2"], "level-id": ["93", "120"], "sprop-vps": ["AA==", "BB=="], "tier-flag": ["0"]}),
        "VP8": ([90000], {"max-fs": ["1200", "3600"], "max-fr": ["15", "30"]}),
        "VP9": ([90000], {"profile-id": ["0", "2"], "max-fs": ["1200", "3600"]}),
        "AV1": ([90000], {"profile": ["0", "1"], "level-idx": ["5", "8"], "tier": ["0", "1"]}),
        "THEORA": ([90000], {"configuration": ["abc", "def"], "delivery-method": ["inline"]}),
        "JPEG2000": ([90000], {"sampling": ["RGB", "BGR"], "width": ["50", "100"], "interlace": ["0", "1"]}),
    },
}
CHANNELS = {"OPUS": 2, "G722": 1, "SPEEX": 1, "AMR": 1}  # said on both sides, because what is discovered differs
FEEDBACK = [("nack", "pli", ""), ("nack", "", ""), ("ccm", "fir", ""), ("ccm", "tmmbr", "x")]

# Where ours may differ, and why: a codec that has one of those parameters on either side (None: in any case).
EXCEPTIONS = [
    ("OPUS", {"minptime", "maxaveragebitrate"}, "RFC 7587 section 7.1: receivers' wishes, never a reason to refuse, and not echoed"),
    ("VP8", {"max-fs", "max-fr"}, "RFC 7741 section 6.1: what a receiver can take; the smaller value suits both"),
    ("VP9", {"profile-id", "max-fs", "max-fr"}, "RFC 9628 section 6: limits as of VP8; the profile is 0 unless named and the same on both sides"),
    ("H264", {"level-asymmetry-allowed"}, "RFC 6184 section 8.1: no value is a reason to refuse; both must allow it"),
    ("H265", {"profile-id", "level-id", "sprop-vps", "tier-flag"}, "RFC 7798 section 7: profile and tier are the format, levels are limits, sprop describes a stream"),
    ("AV1", {"profile", "level-idx", "tier"}, "AV1 over RTP section 7: what a receiver can take, never a reason to refuse"),
    ("SPEEX", {"vbr", "cng", "mode", "penh"}, "RFC 5574 section 4.1: receivers' wishes, never a reason to refuse"),
    ("AMR", None, "RFC 4867 section 8.3.1: packing is the same on both sides, modes are those of both"),
]


# ------------------------------------------------------------------------------------------------------------------ cases

def draw_codec(rng, media, name, id_):
    rates, pool = POOLS[media][name]
    names = rng.sample(sorted(pool), rng.randint(0, min(3, len(pool))))
    return {"id": id_, "name": name, "rate": rng.choice(rates), "params": [[n, rng.choice(pool[n])] for n in names],
            "feedback": rng.sample(FEEDBACK, rng.choice([0, 0, 0, 1, 2])) if media == "video" else [],
            "trr": rng.choice([None, None, None, 0, 100])}


def draw_case(seed, number):
    """The same case for the same numbers, whatever library runs it."""
    rng = random.Random(f"{seed}/{number}")
    media = rng.choice(["audio", "video"])
    names = sorted(POOLS[media])
    real = [name for name in names if name != "telephone-event"]
    # One codec a name: which of several preferences of one name a peer's codec meets first is another matter.
    wanted = rng.sample(real, rng.randint(1, 3))
    ids = rng.sample(range(96, 128), 4)
    preferences = [draw_codec(rng, media, name, id_) for name, id_ in zip(wanted, ids)]
    peers = []
    for _ in range(rng.choice([1, 1, 1, 2])):
        peer = [draw_codec(rng, media, name, id_) for name, id_ in zip(wanted, rng.sample(range(96, 128), 4)) if rng.random() < 0.8]
        rng.shuffle(peer)
        if rng.random() < 0.4:
            peer.append(draw_codec(rng, media, rng.choice([name for name in names if name not in wanted]), 95))
        if rng.random() < 0.02 and peer:
            peer[0]["id"] = rng.choice([-1, 129, 200])
        peers.append(peer or [draw_codec(rng, media, wanted[0], ids[3])])
    return {"media": media, "preferences": preferences, "peers": peers, "again": rng.random() < 0.3}


def excused(case):
    """The names of the codecs for which ours may differ in this case."""
    codecs = case["preferences"] + [codec for peer in case["peers"] for codec in peer]
    return {name for name, parameters, _ in EXCEPTIONS for codec in codecs
            if codec["name"] == name and (parameters is None or any(p in parameters for p, _ in codec["params"]))}


def without(steps, names):
    """What the steps came to as to all other codecs."""
    def others(codecs):
        return [codec for codec in codecs or [] if codec.split()[2] not in names]
    return [{"without": others(step.get("without")), "negotiated": [others(n) for n in step.get("negotiated", [])]} for step in steps]


def is_listed(case, stock, ours):
    """Whether only codecs of the exceptions make the difference; the last one in common makes it between a list and an error."""
    names = excused(case)
    refused = any(("error" in a) != ("error" in b) for a, b in zip(stock, ours))
    return names and (refused or without(stock, names) == without(ours, names))


# -------------------------------------------------------------------------------------------------------------- one library

def run(seed, first, cases):
    import gi
    gi.require_version("Gst", "1.0")
    gi.require_version("Farstream", "0.2")
    from gi.repository import Farstream, GLib, Gst
    Gst.init(None)
    media_types = {"audio": Farstream.MediaType.AUDIO, "video": Farstream.MediaType.VIDEO}

    def make(case, entry, profiles):
        codec = Farstream.Codec.new(entry["id"], entry["name"], media_types[case["media"]], entry["rate"])
        codec.channels = CHANNELS.get(entry["name"], 0)
        for name, value in entry["params"]:
            codec.add_optional_parameter(name, value)
        if profiles:
            codec.add_optional_parameter("farstream-send-profile", "identity")
            codec.add_optional_parameter("farstream-recv-profile", "identity")
        for kind, subtype, extra in entry["feedback"]:
            codec.add_feedback_parameter(kind, subtype, extra)
        if entry["trr"] is not None:
            codec.minimum_reporting_interval = entry["trr"]
        return codec

    def told(codecs):
        return None if codecs is None or not codecs else [codec.to_string() for codec in codecs]

    conference = Gst.ElementFactory.make("fsrtpconference", None)
    participant = conference.new_participant()
    library = next(line.split()[-1] for line in open("/proc/self/maps", encoding="utf-8") if "libfarstream-0.2" in line)
    print(json.dumps({"library": library}))
    for number in range(first, cases):
        case = draw_case(seed, number)
        session = conference.new_session(media_types[case["media"]])
        session.set_allowed_caps(Gst.Caps.new_any(), Gst.Caps.new_any())
        streams, steps = [], []

        def attempt(call):
            try:
                call()
            except GLib.Error as error:
                steps.append({"error": error.code})
                return
            steps.append({"without": told(session.props.codecs_without_config), "codecs": told(session.props.codecs),
                          "negotiated": [told(stream.props.negotiated_codecs) for stream in streams]})

        # Only what a preference asks for: what else is discovered differs between the libraries.
        disabled = [{"id": Farstream.CODEC_ID_DISABLE, "name": codec.encoding_name, "rate": 0, "params": [], "feedback": [], "trr": None}
                    for codec in session.props.codecs_without_config
                    if codec.encoding_name.upper() not in {entry["name"] for entry in case["preferences"]}]
        wishes = [make(case, entry, True) for entry in case["preferences"]] + [make(case, entry, False) for entry in disabled]
        session.set_codec_preferences(wishes)
        for _ in case["peers"]:
            streams.append(session.new_stream(participant, Farstream.StreamDirection.BOTH))
        for _ in range(2 if case["again"] else 1):
            for stream, peer in zip(streams, case["peers"]):
                attempt(lambda: stream.set_remote_codecs([make(case, entry, False) for entry in peer]))
        print(json.dumps(steps), flush=True)
        for stream in streams:
            stream.destroy()
        session.destroy()


# ------------------------------------------------------------------------------------------------------------ both of them

def results(launch, files, seed, cases):
    """The library's file, and what each case came to; a case that ends the process is followed by a new process."""
    library, lines = None, []
    while len(lines) < cases:
        command = [*launch, "--files", files, "--typelib", "stock", "--keep-srtp", sys.executable, __file__, "--run",
                   "--seed", str(seed), "--first", str(len(lines)), "--cases", str(cases)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        head, *more = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))] or [None]
        if head is None or done.returncode == 1:
            print(done.stderr[-4000:], file=sys.stderr)
            sys.exit(1)
        library = head["library"]
        lines += more
        if len(lines) < cases:
            lines.append([CRASHES])
    return library, lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", action="store_true", help="on the library of this process")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the case that --run begins with")
    for name in ("launch", "library-dir", "plugin-dir", "data-dir", "stock-libdir"):
        parser.add_argument(f"--{name}", help="tests/abi/launch.py and its arguments")
    arguments = parser.parse_args()
    if arguments.run:
        return run(arguments.seed, arguments.first, arguments.cases)
    launch = [sys.executable, arguments.launch, "--library-dir", arguments.library_dir, "--plugin-dir", arguments.plugin_dir,
              "--data-dir", arguments.data_dir, "--stock-libdir", arguments.stock_libdir]
    stock_library, stock = results(launch, "stock", arguments.seed, arguments.cases)
    our_library, ours = results(launch, "ours", arguments.seed, arguments.cases)
    failures = 0

    def check(good, what):
        nonlocal failures
        print("ok -" if good else "not ok -", what)
        failures += not good

    check(stock_library != our_library, f"two libraries ran: {stock_library} and {our_library}")
    check(len(stock) == len(ours) == arguments.cases, f"{arguments.cases} negotiations on each")
    equal, listed, crashed, used, wrong = 0, 0, 0, {entry: 0 for entry, *_ in EXCEPTIONS}, []
    for number, (theirs, mine) in enumerate(zip(stock, ours)):
        if theirs == mine and CRASHES not in mine:
            equal += 1
            continue
        if CRASHES in theirs and CRASHES not in mine:
            crashed += 1
            continue
        case = draw_case(arguments.seed, number)
        if is_listed(case, theirs, mine):
            listed += 1
            for name in excused(case):
                used[name] += 1
        else:
            wrong.append((number, case, theirs, mine))
    agreed = sum(any("without" in step for step in steps) for steps in ours)
    check(agreed > arguments.cases // 2, f"{agreed} came to an agreement")
    check(crashed < arguments.cases // 20, f"{crashed} end the stock library by a signal, none ours")
    check(not wrong, f"{equal} are equal, {listed} differ as listed, {len(wrong)} otherwise")
    for number, case, theirs, mine in wrong[:SHOWN]:
        print(f"case {number}: {json.dumps(case)}\n  stock: {json.dumps(theirs)}\n  ours:  {json.dumps(mine)}")
    for name, parameters, reason in EXCEPTIONS:
        print(f"   {used[name]} with {name} {', '.join(sorted(parameters or []))}: {reason}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
