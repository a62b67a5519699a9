#!/usr/bin/python3
"""Random negotiations on Debian's Farstream and on ours: the same preferences and the same peers' codecs must come to the same
lists, but for what EXCEPTIONS lists.

Each case is a session of its own with up to three preferences on payload types of their own choice and one or two streams, whose
peers offer one after the other and then again. What is compared after each step: the error code, or the session's codecs with and
without config and each stream's negotiated codecs.

A difference counts as listed only where an exception names that very codec, its condition holds between a preference and a
peer's codec of that name, and the effect is the one it names: taken where stock refuses it, refused where stock takes it, or the
same codec but for the parameters named. Everything else of the case must be equal. From the first step on that fails on one side
only, the two have different histories; such a case is played once more on both without the codec that made the difference.

With --run prints one line of JSON a case. Without, runs itself on both libraries and prints "ok - ..." or "not ok - ..." lines.
Arguments: --cases N, --seeds N... (else those in FS_TWIN_SEEDS, else 1), and the launcher's.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter

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
        # At a rate that no element has, because what is discovered has a packing of its own.
        "AMR": ([16000], {"octet-align": ["0", "1"], "mode-set": ["0,2", "2,4", "7"], "crc": ["0", "1"]}),
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



def differ(*names):
    """Both sides name the parameter, and differ."""
    return lambda ours, theirs: any(n in ours and n in theirs and ours[n].upper() != theirs[n].upper() for n in names)


def named(*names):
    return lambda ours, theirs: any(n in ours or n in theirs for n in names)


def one_side_other_than(name, default):
    """One side does not name it and so means the default; the other means something else."""
    return lambda ours, theirs: (name in ours) != (name in theirs) and ours.get(name, theirs.get(name)) != default


def aligned(parameters):
    return any(parameters.get(name, "0") != "0" for name in ("octet-align", "crc"))


def packing_differs(ours, theirs):
    return aligned(ours) != aligned(theirs) or ours.get("crc", "0") != theirs.get("crc", "0")


def modes(parameters):
    return set(parameters["mode-set"].split(","))


def modes_overlap(ours, theirs):
    return differ("mode-set")(ours, theirs) and modes(ours) & modes(theirs) != set()


TAKEN, REFUSED, VALUE = "taken", "refused", "value"
# Where ours may differ: codec, condition on the parameters of both sides, effect, parameters whose value it concerns, and why.
EXCEPTIONS = [
    ("OPUS", differ("minptime", "maxaveragebitrate"), TAKEN, {"minptime", "maxaveragebitrate"},
     "RFC 7587 section 7.1: a receiver's wishes, independent of what the other side wishes"),
    ("OPUS", named("maxaveragebitrate"), VALUE, {"maxaveragebitrate"}, "RFC 7587 section 7.1: declarative, so it is not echoed"),
    ("VP8", differ("max-fs", "max-fr"), TAKEN, {"max-fs", "max-fr"}, "RFC 7741 section 6.1: what a receiver can take; the smaller value suits both"),
    ("VP9", differ("max-fs"), TAKEN, {"max-fs"}, "RFC 9628 section 6: what a receiver can take; the smaller value suits both"),
    ("VP9", one_side_other_than("profile-id", "0"), REFUSED, set(), "RFC 9628 section 6: profile 0 unless named, and the same on both sides"),
    ("H264", differ("level-asymmetry-allowed"), TAKEN, {"level-asymmetry-allowed"}, "RFC 6184 section 8.1: both must allow it; no reason to refuse"),
    ("H265", differ("level-id"), TAKEN, {"level-id"}, "RFC 7798 section 7.2.2: a level may be changed to a lower one in the answer"),
    ("H265", differ("sprop-vps"), TAKEN, {"sprop-vps"}, "RFC 7798 section 7.2.2: describes the sender's own stream"),
    ("H265", named("sprop-vps"), VALUE, {"sprop-vps"}, "RFC 7798 section 7.2.2: describes the sender's own stream"),
    ("H265", one_side_other_than("profile-id", "1"), REFUSED, set(), "RFC 7798 section 7.1: profile 1 unless named; section 7.2.2: the same on both sides"),
    ("AV1", differ("profile", "level-idx", "tier"), TAKEN, {"profile", "level-idx", "tier"}, "AV1 over RTP section 7.2.2: what a receiver can take"),
    ("SPEEX", differ("vbr", "mode", "penh"), TAKEN, {"vbr", "mode", "penh"}, "RFC 5574 section 4.1: what a receiver would like; every decoder takes all of it"),
    ("AMR", packing_differs, REFUSED, set(), "RFC 4867 sections 8.1 and 8.3.1: frames are packed alike in both directions, bandwidth-efficient unless named"),
    ("AMR", modes_overlap, TAKEN, {"mode-set"}, "RFC 4867 section 8.3.1: the modes of both"),
    ("AMR", lambda ours, theirs: differ("octet-align")(ours, theirs) and not packing_differs(ours, theirs), TAKEN, {"octet-align"},
     "RFC 4867 section 8.1: a check sum means octet-aligned frames, whatever is said besides"),
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


def by_name(codecs):
    return {codec["name"]: codec for codec in codecs or []}


def pairs(case, name, step):
    """Our and the peers' parameters of a codec, as far as they have met after a step."""
    ours = [dict(codec["params"]) for codec in case["preferences"] if codec["name"] == name]
    for peer in case["peers"][:step + 1]:
        for theirs in (dict(codec["params"]) for codec in peer if codec["name"] == name):
            # What was agreed with one peer is what the next one meets.
            for known in list(ours):
                yield known, theirs
            ours.append(theirs)


def explain(case, step, name, stock, ours):
    """The number of the exception that makes that difference in one codec (None: it is not there); None if there is none."""
    effect = TAKEN if stock is None else REFUSED if ours is None else VALUE
    for number, (codec, condition, its_effect, parameters, _) in enumerate(EXCEPTIONS):
        if codec != name or not any(condition(a, b) for a, b in pairs(case, name, step)):
            continue
        if its_effect == effect != VALUE:
            return number
        # One that both took after all (with the other peer, say) may hold another value.
        if effect == VALUE and its_effect != REFUSED and strip(stock, parameters) == strip(ours, parameters):
            return number
    return None


def strip(codec, names):
    return {**codec, "params": sorted(p for p in codec["params"] if p[0] not in names)}


def judge_lists(case, step, stock, ours):
    """The exceptions that make the difference between two lists of codecs; None if something else does."""
    theirs, mine, used = by_name(stock), by_name(ours), []
    for name in theirs.keys() | mine.keys():
        if theirs.get(name) != mine.get(name):
            found = explain(case, step, name, theirs.get(name), mine.get(name))
            if found is None:
                return None
            used.append(found)
    shared = theirs.keys() & mine.keys()
    same_order = [n for n in theirs if n in shared] == [n for n in mine if n in shared]
    return used if same_order else None


def judge(case, stock, ours):
    """The exceptions that make the difference (None: something else does), and the names of codecs that ended the common history."""
    used = []
    for step, (theirs, mine) in enumerate(zip(stock, ours)):
        peer = step % len(case["peers"])
        if ("error" in theirs) != ("error" in mine):
            lists = [theirs.get("negotiated", [[]] * (peer + 1))[peer], mine.get("negotiated", [[]] * (peer + 1))[peer]]
            found = judge_lists(case, step, *lists)
            return (used + found, set(by_name(lists[0])) | set(by_name(lists[1]))) if found else (None, set())
        if "error" in theirs:
            if theirs != mine:
                return None, set()
            continue
        lists = [(theirs["without"], mine["without"]), *zip(theirs["negotiated"], mine["negotiated"])]
        # Where a codec of one side waits for its description, there is no list yet.
        if (theirs["codecs"] is None) == (mine["codecs"] is None):
            lists.append((theirs["codecs"], mine["codecs"]))
        for a, b in lists:
            found = judge_lists(case, step, a, b)
            if found is None:
                return None, set()
            used += found
    return used, set()


def reduced(case, names):
    """The case without those codecs; None if nothing is left."""
    def rest(codecs):
        return [codec for codec in codecs if codec["name"] not in names]
    preferences, peers = rest(case["preferences"]), [rest(peer) for peer in case["peers"]]
    return {**case, "preferences": preferences, "peers": peers} if preferences and all(peers) else None


# -------------------------------------------------------------------------------------------------------------- one library

def run(cases):
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
        if codecs is None or not codecs:
            return None
        return [{"id": c.id, "name": c.encoding_name.upper() if c.encoding_name != "telephone-event" else c.encoding_name,
                 "rate": c.clock_rate, "channels": c.channels, "trr": c.minimum_reporting_interval,
                 "params": [(p.name, p.value) for p in c.optional_params],
                 "feedback": [(f.type, f.subtype, f.extra_params) for f in c.feedback_params]} for c in codecs]

    conference = Gst.ElementFactory.make("fsrtpconference", None)
    participant = conference.new_participant()
    library = next(line.split()[-1] for line in open("/proc/self/maps", encoding="utf-8") if "libfarstream-0.2" in line)
    print(json.dumps({"library": library}))
    for case in cases:
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

def results(launch, files, cases):
    """The library's file, and what each case came to; a case that ends the process is followed by a new process."""
    library, lines = None, []
    while len(lines) < len(cases):
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as left:
            json.dump(cases[len(lines):], left)
            left.flush()
            command = [*launch, "--files", files, "--typelib", "stock", "--keep-srtp", sys.executable, __file__, "--run", left.name]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        head, *more = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))] or [None]
        if head is None or done.returncode == 1:
            print(done.stderr[-4000:], file=sys.stderr)
            sys.exit(1)
        library = head["library"]
        lines += more
        if len(lines) < len(cases):
            lines.append([CRASHES])
    return library, lines


class Comparison:
    """Cases played on both libraries, and what came of them."""

    def __init__(self, launch, cases):
        self.cases = cases
        (self.stock_library, self.stock), (self.our_library, self.ours) = [results(launch, files, cases) for files in ("stock", "ours")]
        self.equal, self.crashed, self.used, self.wrong, self.again = 0, 0, Counter(), [], []
        self.listed = 0
        for case, theirs, mine in zip(cases, self.stock, self.ours):
            if theirs == mine and CRASHES not in mine:
                self.equal += 1
            elif CRASHES in theirs and CRASHES not in mine:
                self.crashed += 1
            else:
                used, names = judge(case, theirs, mine) if CRASHES not in mine else (None, set())
                if used is None:
                    self.wrong.append((case, theirs, mine))
                    continue
                self.listed += 1
                self.used.update(set(used))
                smaller = reduced(case, names) if names else None
                if smaller is not None:
                    self.again.append(smaller)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", metavar="FILE", help="the cases in FILE on the library of this process")
    parser.add_argument("--cases", type=int, default=1000, help="for each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[int(seed) for seed in os.environ.get("FS_TWIN_SEEDS", "1").split()])
    for name in ("launch", "library-dir", "plugin-dir", "data-dir", "stock-libdir"):
        parser.add_argument(f"--{name}", help="tests/abi/launch.py and its arguments")
    arguments = parser.parse_args()
    if arguments.run:
        with open(arguments.run, encoding="utf-8") as cases:
            return run(json.load(cases))
    launch = [sys.executable, arguments.launch, "--library-dir", arguments.library_dir, "--plugin-dir", arguments.plugin_dir,
              "--data-dir", arguments.data_dir, "--stock-libdir", arguments.stock_libdir]
    failures = 0

    def check(good, what):
        nonlocal failures
        print("ok -" if good else "not ok -", what, flush=True)
        failures += not good

    for seed in arguments.seeds:
        done = Comparison(launch, [draw_case(seed, number) for number in range(arguments.cases)])
        check(done.stock_library != done.our_library, f"two libraries ran: {done.stock_library} and {done.our_library}")
        check(len(done.stock) == len(done.ours) == arguments.cases, f"seed {seed}: {arguments.cases} negotiations on each")
        agreed = sum(any("without" in step for step in steps) for steps in done.ours)
        check(agreed > arguments.cases // 2, f"seed {seed}: {agreed} came to an agreement")
        check(done.crashed < arguments.cases // 20, f"seed {seed}: {done.crashed} end the stock library by a signal, none ours")
        check(not done.wrong, f"seed {seed}: {done.equal} are equal, {done.listed} differ as listed, {len(done.wrong)} otherwise")
        rest = Comparison(launch, done.again) if done.again else None
        if rest:
            check(not rest.wrong, f"seed {seed}: of {len(done.again)} played again without the codec that made the difference, "
                  f"{rest.equal} are equal, {rest.listed} differ as listed, {len(rest.wrong)} otherwise")
        for case, theirs, mine in (done.wrong + (rest.wrong if rest else []))[:SHOWN]:
            print(f"case: {json.dumps(case)}\n  stock: {json.dumps(theirs)}\n  ours:  {json.dumps(mine)}")
        for number, (codec, _, effect, parameters, reason) in enumerate(EXCEPTIONS):
            print(f"   {done.used[number]} with {codec} {effect} {', '.join(sorted(parameters))}: {reason}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
