#!/usr/bin/python3
"""Sound and pictures over each transmitter in the networks that users have: one process, two processes, two hosts, behind address
translation of three kinds, IPv6 alone, a STUN server that never answers, a line that loses packets, stock Farstream as peer.

Run inside the build's environment: meson devenv -C build /usr/bin/python3 $PWD/tests/programs/networks.py [word of a test's name ...]
Each test makes its own network namespaces; without root the program runs itself in a user namespace.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

from namespaces import Internet, Namespace, allowed, connect, lossy_line
from programs import Test, run
from sound import tone_seconds
from stock import SYSTEM, stock_environment
from talk import secrets

HERE = pathlib.Path(__file__).parent
BUILD = pathlib.Path(os.environ.get("MESON_BUILD_ROOT") or HERE.parent.parent / "build")
PATIENCE_SECONDS = 40
AT_ONCE = 4
MEDIA = ("audio", "video")
TONES, PATTERNS = {"a": 440, "b": 660}, {"a": "smpte75", "b": "pinwheel"}
HOST, SRFLX, PRFLX, RELAY, MULTICAST = range(5)
shared = {}


class Network(Test):
    """A test with namespaces, which end after its programs."""

    def __init__(self):
        super().__init__()
        self.namespaces, self.ends = [], []

    def namespace(self, name):
        made = Namespace(name)
        self.namespaces.append(made)
        return made

    def end(self, namespace, who="ours"):
        namespace.settle()
        made = End(self, namespace, who, len(self.ends))
        self.ends.append(made)
        return made

    def lone(self):
        """A host without network."""
        made = self.namespace("lone")
        made.ip("route add 224.0.0.0/4 dev lo")
        return made

    def lan(self, *addresses):
        """Two hosts and a cable; `addresses` are pairs."""
        one, two = self.namespace("one"), self.namespace("two")
        connect(one, two, "net", "net")
        for host, its in zip((one, two), zip(*addresses)):
            host.address("net", *its)
            if not its[0].startswith("fd"):
                host.ip("route add 224.0.0.0/4 dev net")
        return one, two

    def close(self, keep):
        for end in self.ends:
            end.close()
        super().close(keep)
        for namespace in self.namespaces:
            namespace.close()


class End:
    """A process with one or two sides of a call (network_end.py)."""

    def __init__(self, test, namespace, who, number):
        self.events, self.news, self.name = [], threading.Condition(), f"{who}-{number}"
        self.errors = open(test.path(f"{self.name}.err"), "wb")
        self.child = subprocess.Popen(
            namespace.command(["/usr/bin/python3", str(HERE / "network_end.py")]), env=shared[who], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.log = open(test.path(f"{self.name}.log"), "w", encoding="utf-8")
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        library = self.wait("its library", lambda e: e["event"] == "library")["path"]
        assert library.startswith(str(SYSTEM)) == (who == "stock"), f"{self.name} runs on {library}"

    def read(self):
        for line in self.child.stdout:
            self.log.write(line)
            event = json.loads(line)
            with self.news:
                self.events.append(event)
                self.news.notify_all()
        with self.news:
            self.events.append({"event": "gone"})
            self.news.notify_all()

    def wait(self, what, fits, start=0):
        """The first event from `start` on that fits; errors of any side end the wait."""
        end = time.time() + PATIENCE_SECONDS
        with self.news:
            while True:
                for event in self.events[start:]:
                    if fits(event):
                        return event
                    assert event["event"] not in ("error", "gone"), f"{self.name}: {event} instead of {what}"
                start = len(self.events)
                left = end - time.time()
                assert left > 0 and self.news.wait(left), f"{self.name}: {what} did not come: {self.events[-12:]}"

    def order(self, **order):
        """Sends an order and waits until it is done; a GError is a failure."""
        start = len(self.events)
        self.child.stdin.write(json.dumps(order) + "\n")
        self.child.stdin.flush()
        done = self.wait(str(order["do"]), lambda e: e["event"] == "done", start)
        assert done["error"] is None, f"{self.name}: {order['do']}: {done['error']}"

    def close(self):
        self.child.stdin.close()
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.reader.join()
        self.child.stdout.close()
        self.log.close()
        self.errors.close()


class Party:
    """One side of a call, within an end, with its transmitter."""

    def __init__(self, end, side, transmitter, parameters=None, preferred=None, media=MEDIA):
        self.end, self.side, self.media, self.transmitter = end, side, media, transmitter
        self.how = "add" if transmitter == "nice" else "force"
        self.parameters, self.preferred = parameters or {}, preferred or {}
        end.order(do="make", side=side, tone=TONES[side], pattern=PATTERNS[side], media=media)

    def is_mine(self, event, word, medium=None):
        return event["event"] == word and event.get("side") == self.side and medium in (None, event.get("media"))

    def open(self):
        for medium in self.media:
            self.end.order(do="transmitter", side=self.side, media=medium, name=self.transmitter, parameters=self.parameters,
                           preferred=self.preferred.get(medium, []))

    def candidates(self, medium, start=0):
        """All local candidates, once they are prepared for both components."""
        def told():
            return [e["candidate"] for e in self.end.events[start:] if self.is_mine(e, "candidate", medium)]

        # shm prepares each component by itself.
        self.end.wait(f"{medium} candidates", lambda e: self.is_mine(e, "prepared", medium)
                      and {c["component_id"] for c in told()} == {1, 2}, start)
        return told()

    def take(self, medium, candidates):
        self.end.order(do="remote", side=self.side, media=medium, candidates=candidates, how=self.how)

    def listen(self, peer):
        """From now on what is heard and seen is measured against what the peer sends."""
        self.end.order(do="listen", side=self.side, tone=TONES[peer], pattern=PATTERNS[peer])

    def enjoys(self, start=0, share=0.9):
        """A second of the peer's tone and a second of its picture."""
        notes = []
        for word in (word for medium, word in (("audio", "heard"), ("video", "seen")) if medium in self.media):
            event = self.end.wait(f"what {self.side} should have {word}",
                                  lambda e, word=word: self.is_mine(e, word) and e["good"] >= share * e["all"], start)
            notes.append(f"{word} {event['good']}/{event['all']}")
        return ", ".join(notes)

    def pair(self, medium, component=1):
        """The pair of candidates that was chosen last."""
        pairs = [e for e in self.end.events if self.is_mine(e, "pair", medium) and e["local"]["component_id"] == component]
        return pairs[-1]["local"], pairs[-1]["remote"]


def exchange(one, two, change=lambda medium, candidates: candidates):
    for medium in MEDIA:
        for party, peer in ((one, two), (two, one)):
            party.take(medium, change(medium, peer.candidates(medium)))


def talk(one, two, share=0.9):
    """Both hear and see each other from now on."""
    starts = []
    for party, peer in ((one, two), (two, one)):
        party.listen(peer.side)
        starts.append(len(party.end.events))
    return "; ".join(f"{party.side}: {party.enjoys(start, share)}" for party, start in zip((one, two), starts))


def call(one, two, share=0.9):
    for party in (one, two):
        party.open()
    exchange(one, two)
    return talk(one, two, share)


def parties(test, where, transmitter, parameters=({}, {}), preferred=(None, None), who=("ours", "ours")):
    """Side a and side b in the namespaces `where`; in one process if there is only one namespace."""
    ends = [test.end(namespace, whose) for namespace, whose in zip(where, who)]
    return [Party(ends[i % len(ends)], side, transmitter, parameters[i], preferred[i]) for i, side in enumerate("ab")]


def on(ip):
    """Preferred local candidates for both components of both media."""
    return {medium: [{"component_id": c, "type": HOST, "ip": ip, "port": 0} for c in (1, 2)] for medium in MEDIA}


def controlling(first):
    return [{"controlling-mode": first}, {"controlling-mode": not first}]


# ---------------------------------------------------------------- conferences, processes, hosts


def to_group(one, two, group, share=0.9):
    """The candidates of multicast, which nobody tells: a group for both."""
    for party in (one, two):
        party.open()
        for number, medium in enumerate(MEDIA):
            party.take(medium, [{"component_id": c, "type": MULTICAST, "ip": group, "port": 5000 + 2 * number + c, "ttl": 1} for c in (1, 2)])
    return talk(one, two, share)


def over(transmitter, test, where, local=("127.0.0.1", "127.0.0.1"), share=0.9):
    """A call over that transmitter with nothing special in the way."""
    if transmitter == "multicast":
        return to_group(*parties(test, where, "multicast", preferred=[on(ip) for ip in local]), "239.192.77.1", share)
    parameters = {"nice": controlling(True), "shm": [{"create-local-candidates": True}] * 2}.get(transmitter, [{}, {}])
    # libnice passes over the loopback interface unless it is told to take it.
    loopback = {medium: [{"component_id": 0, "type": HOST, "ip": "127.0.0.1", "port": 0}] for medium in MEDIA}
    preferred = [loopback if transmitter == "nice" and "127.0.0.1" in local else None] * 2
    return call(*parties(test, where, transmitter, parameters, preferred), share)


BUILT_IN = ("rawudp", "nice", "shm", "multicast")
#: Those of examples/custom_transmitter.
OTHERS = ("plainudp", "unixgram")


def between_conferences(transmitter):
    return lambda test: over(transmitter, test, [test.lone()])


def between_processes(transmitter):
    def place(test):
        lone = test.lone()
        return over(transmitter, test, [lone, lone])

    return place


def between_hosts(transmitter):
    return lambda test: over(transmitter, test, test.lan(("10.7.7.1/24", "10.7.7.2/24")), ("10.7.7.1", "10.7.7.2"))


def with_stock(transmitter, first):
    """Stock Farstream is the second side; `first` says whether ours controls ICE."""
    def place(test):
        parameters = controlling(first) if transmitter == "nice" else [{}, {"upnp-mapping": False, "upnp-discovery": False}]
        return call(*parties(test, test.lan(("10.7.7.1/24", "10.7.7.2/24")), transmitter, parameters, who=("ours", "stock")))

    return place


# ---------------------------------------------------------------- address translation


def coturn(test, net):
    """A STUN and TURN server in the middle."""
    log = test.path("turn.log")
    server = test.start("turnserver", net.middle.command(
        ["turnserver", "-n", f"--listening-ip={net.MIDDLE}", f"--relay-ip={net.MIDDLE}", "--listening-port=3478", "--min-port=24000",
         "--max-port=24099", "--realm=test.invalid", "--lt-cred-mech", "--user=test:test", "--no-tls", "--no-dtls", "--no-cli",
         f"--log-file={log}", "--simple-log", f"--pidfile={test.path('turn.pid')}"]))
    end = time.time() + 20
    while "3478" not in net.middle.run(["ss", "-Huln"]):
        assert time.time() < end and server.child.poll() is None, f"turnserver does not listen: {server.text()}"
        time.sleep(0.05)


def stun(net):
    return {"stun-ip": net.MIDDLE, "stun-port": 3478}


def relayed(net):
    return stun(net) | {"relay-info": {"ip": net.MIDDLE, "port": 3478, "username": "test", "password": "test"}}


def kinds(party):
    """The types of the chosen pair of the first component of sound."""
    return tuple(candidate["type"] for candidate in party.pair("audio"))


def test_rawudp_through_a_full_cone_by_stun(test):
    net = Internet(test, "full cone", None)
    coturn(test, net)
    one, two = parties(test, [net.a, net.b], "rawudp", [stun(net), {}])
    one.open()
    two.open()
    # The first of each component is the one for a client that takes one.
    exchange(one, two, lambda medium, candidates: [next(c for c in candidates if c["component_id"] == n) for n in (1, 2)])
    assert two.pair("audio")[1]["ip"] == "198.51.100.2" and kinds(one)[0] == SRFLX, [one.pair("audio"), two.pair("audio")]
    return talk(one, two)


def test_rawudp_through_a_port_restricted_router_by_symmetric_rtp(test):
    net = Internet(test, "port-restricted", None)
    one, two = parties(test, [net.a, net.b], "rawudp", [{}, {"symmetric-rtp": True}])
    notes = call(one, two)
    assert two.pair("audio")[1]["ip"] == "198.51.100.2", two.pair("audio")
    return notes


def upnp(wait):
    """Behind a router that forwards ports on request; it lets whoever searches the group wait."""
    def place(test):
        net = Internet(test, "port-restricted", None)
        router = net.routers["a"]
        router.ip("route add 224.0.0.0/4 dev inner")
        gateway = test.start("gateway", router.command([sys.executable, str(HERE / "gateway.py"), "10.0.1.1", "198.51.100.2", str(wait)]))
        gateway.wait_for("ready")
        one, two = parties(test, [net.a, net.b], "rawudp", [{"upnp-mapping": True, "upnp-discovery": True}, {}])
        one.open()
        two.open()
        # A client that takes the first of each component has the one that leads in from outside.
        exchange(one, two, lambda medium, candidates: [next(c for c in candidates if c["component_id"] == n) for n in (1, 2)])
        remote = two.pair("audio")[1]
        assert (remote["ip"], remote["base_ip"], remote["type"]) == ("198.51.100.2", "10.0.1.2", HOST), remote
        notes = talk(one, two)
        one.end.order(do="stop", side=one.side)
        forwarded = set(re.findall(r"forwards (\d+)", gateway.text()))
        assert len(forwarded) == 2 * len(MEDIA), gateway.text()
        for port in forwarded:
            gateway.wait_for(f"forgets {port} ")
        return f"{notes}; ports {', '.join(sorted(forwarded))} were forwarded and given back"

    return place


def nice_through(kind_a, kind_b, wanted):
    """ICE between two hosts behind routers of these kinds; `wanted` are the types of candidates that the pair may have."""
    def place(test):
        net = Internet(test, kind_a, kind_b)
        coturn(test, net)
        one, two = parties(test, [net.a, net.b], "nice", [relayed(net) | {"controlling-mode": True}, relayed(net) | {"controlling-mode": False}])
        notes = call(one, two)
        chosen = kinds(one)
        assert wanted(chosen), f"the pair is {one.pair('audio')}"
        return f"types {chosen}; {notes}"

    return place


# ---------------------------------------------------------------- IPv6, dead servers, losses


def ipv6(transmitter):
    def place(test):
        where = test.lan(("fd00:77::1/64", "fd00:77::2/64"))
        if transmitter == "multicast":
            return to_group(*parties(test, where, "multicast", preferred=[on("fd00:77::1"), on("fd00:77::2")]), "ff15::77:1")
        one, two = parties(test, where, transmitter, controlling(True) if transmitter == "nice" else [{}, {}])
        notes = call(one, two)
        assert ":" in one.pair("audio")[1]["ip"], one.pair("audio")
        return notes

    return place


def dead_stun(transmitter):
    """Nobody is at 203.0.113.99, and nobody says so."""
    def place(test):
        net = Internet(test, None, None)
        net.middle.run(["nft", "-f", "-"], "table ip dead {\n chain in {\n type filter hook prerouting priority filter\n ip daddr 203.0.113.99 drop\n }\n}\n")
        more = controlling(True) if transmitter == "nice" else [{}, {}]
        return call(*parties(test, [net.a, net.b], transmitter, [more[0] | {"stun-ip": "203.0.113.99"}, more[1]]))

    return place


def with_losses(transmitter):
    def place(test):
        one, two = test.namespace("one"), test.namespace("two")
        line = lossy_line(test, one, two, 5)
        for number, host in ((1, one), (2, two)):
            host.address("net", f"10.7.7.{number}/24")
            host.ip("link set net multicast on", "route add 224.0.0.0/4 dev net")
        # A picture that a packet is missing from stays broken until the next key frame.
        notes = over(transmitter, test, [one, two], ("10.7.7.1", "10.7.7.2"), share=0.6)
        carried, lost = map(int, line.wait_for(r"(\d+) carried, (\d+) lost(?![\s\S]*lost)").groups())
        assert 1 <= 100 * lost / (carried + lost) <= 10, f"{carried} carried, {lost} lost"
        return f"{lost} of {carried + lost} packets lost; {notes}"

    return place


# ---------------------------------------------------------------- another network in a call


def change_of_network(transmitter, preferred=None):
    """The interface of one host goes away in the call, and another one comes, in another network."""
    def place(test):
        host, middle, peer = two_networks(test)
        one, two = parties(test, [host, peer], transmitter, controlling(True) if transmitter == "nice" else [{}, {}], [preferred, None])
        notes = call(one, two)
        move(host, middle, one, two)
        again = talk(one, two)
        assert all(one.pair(medium)[0]["ip"] == "10.7.3.2" for medium in MEDIA), [one.pair(medium) for medium in MEDIA]
        return f"{notes}; then {again}"

    return place


def two_networks(test):
    """A host and a peer in networks of their own, and the router between them."""
    host, middle, peer = (test.namespace(name) for name in ("host", "middle", "peer"))
    middle.forward()
    for namespace, number in ((host, 1), (peer, 2)):
        plug(middle, namespace, "net", number)
    return host, middle, peer


def replug(host, middle):
    """The host's interface goes, and another one comes."""
    host.ip("link delete net")
    plug(middle, host, "wlan", 3)


def move(host, middle, one, two):
    """The host of side `one` changes its network, and both sides exchange what they have to; when the new address was there."""
    start, of_peer = len(one.end.events), len(two.end.events)
    replug(host, middle)
    there = time.monotonic()
    for medium in MEDIA:
        fresh = one.end.wait("the wish for an offer", lambda e, medium=medium: one.is_mine(e, "negotiation", medium), start)["candidates"]
        assert {c["ip"] for c in fresh} == {"10.7.3.2"}, fresh
        assert sorted(map(str, fresh)) == sorted(map(str, one.candidates(medium, start))), fresh
        if one.transmitter == "nice":
            # A restart of ICE, as the offer's other credentials say.
            two.take(medium, [])
            one.take(medium, two.candidates(medium, of_peer))
        two.take(medium, fresh)
    return there


def phone_that_changes_its_network(transmitter, transport="udp"):
    """fssipcall does all that by itself: a re-INVITE tells the peer where we are now. The signalling has its connection made anew."""
    def place(test):
        host, middle, peer = two_networks(test)
        for namespace in (host, peer):
            namespace.settle()
        folder = secrets(test, "10.7.2.2")
        trust = f"transport={transport} ca-file={folder}/certificate.pem"

        def phone(name, where, tone, settings, *at):
            return test.phone(name, f"fssipcall name=c transmitter={transmitter} {trust} {settings} audiotestsrc is-live=true freq={tone} ! c.audio_sink  "
                              f"c.audio_src ! audioconvert ! wavenc ! filesink location={test.path(name + '.wav')}", *at, prefix=where.command([]))

        bob = phone("bob", peer, 660, f"local-uri=sip:bob@10.7.2.2:5070 auto-accept=true certificate={folder}/certificate.pem private-key={folder}/key.pem")
        bob.wait_for("waiting")
        alice = phone("alice", host, 440, "uri=sip:bob@10.7.2.2:5070", (10, "hangup"))
        alice.wait_for("fssip-call-media")
        time.sleep(2)
        replug(host, middle)
        for program in (alice, bob):
            assert program.wait(30) == 0, program.text()[-1500:]
        heard = tone_seconds(test.path("alice.wav"), 660), tone_seconds(test.path("bob.wav"), 440)
        # Two seconds before the change, more than five of the eight after it.
        assert min(heard) >= 7, f"of 10 s were heard {heard}: {alice.text()[-1500:]}"
        return f"heard {heard[0]:.1f} and {heard[1]:.1f} of 10 s"

    return place


def plug(middle, host, link, number):
    """A cable from the host to the middle, in a network of its own."""
    connect(host, middle, link, f"to-{number}")
    middle.address(f"to-{number}", f"10.7.{number}.1/24")
    host.address(link, f"10.7.{number}.2/24")
    host.ip(f"route add default via 10.7.{number}.1")


def named(name, function):
    function.__name__ = f"test_{name.replace(' ', '_')}"
    return function


def all_tests():
    yield from (named(f"{t} between two conferences", between_conferences(t)) for t in (*BUILT_IN, *OTHERS))
    yield from (named(f"{t} between two processes", between_processes(t)) for t in (*BUILT_IN, *OTHERS))
    yield from (named(f"{t} between two hosts", between_hosts(t)) for t in ("rawudp", "nice", "multicast", "unixgram"))
    yield test_rawudp_through_a_full_cone_by_stun
    yield test_rawudp_through_a_port_restricted_router_by_symmetric_rtp
    yield named("rawudp through a router that forwards ports by UPnP", upnp(0))
    yield named("rawudp through a router that is slow to say that it forwards ports by UPnP", upnp(0.9))
    yield named("nice through two full cones", nice_through("full cone", "full cone", lambda types: RELAY not in types))
    yield named("nice through two port-restricted routers", nice_through("port-restricted", "port-restricted", lambda types: RELAY not in types))
    yield named("nice through a symmetric and a port-restricted router by TURN",
                nice_through("symmetric", "port-restricted", lambda types: RELAY in types))
    yield from (named(f"{t} with IPv6 only", ipv6(t)) for t in ("rawudp", "nice", "multicast"))
    yield from (named(f"{t} with a dead STUN server", dead_stun(t)) for t in ("rawudp", "nice"))
    yield from (named(f"{t} with 5 percent loss", with_losses(t)) for t in ("rawudp", "nice", "multicast"))
    yield from (named(f"{t} that changes its network in a call", change_of_network(t)) for t in ("rawudp", "nice"))
    yield from (named(f"a phone over {t} that changes its network in a call", phone_that_changes_its_network(t)) for t in ("rawudp", "nice"))
    yield named("a phone over rawudp and TLS that changes its network in a call", phone_that_changes_its_network("rawudp", "tls"))
    yield named("rawudp on a preferred address that changes its network in a call", change_of_network("rawudp", on("10.7.1.2")))
    yield named("rawudp with stock Farstream", with_stock("rawudp", True))
    yield named("nice that controls with stock Farstream", with_stock("nice", True))
    yield named("nice with stock Farstream that controls", with_stock("nice", False))


def enter():
    """Where there may be namespaces; the reason if they are forbidden."""
    if os.geteuid() != 0 and "FS_NETWORKS_INSIDE" not in os.environ:
        os.environ["FS_NETWORKS_INSIDE"] = "1"
        inside = ["unshare", "--map-root-user", "--net", sys.executable, *sys.argv]
        sys.exit(subprocess.run(inside, check=False).returncode)
    return allowed()


def main():
    reason = enter()
    if reason:
        print(f"not ok - {reason}")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        shared["stock"] = stock_environment(folder)
        shared["ours"] = os.environ | {"FS_PLUGIN_PATH": str(BUILD / "examples" / "custom_transmitter"), "GST_REGISTRY": str(folder / "ours.bin")}
        for environment in shared.values():
            # One writes the registry that all read.
            subprocess.run(["gst-inspect-1.0", "fsrtpconference"], env=environment, stdout=subprocess.DEVNULL, check=True)
        return run(list(all_tests()), sys.argv[1:], test_class=Network, at_once=AT_ONCE)


if __name__ == "__main__":
    sys.exit(main())
