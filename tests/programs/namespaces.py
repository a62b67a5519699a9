"""Networks for a test: network namespaces, links between them, address translation by nftables, a line that loses packets.

A namespace lives as long as the process that holds it, a `cat` on a pipe of ours: nothing is left behind however the test ends.
Started as a program, it is the lossy line: namespaces.py line PID PID LOST (packets of a hundred).
"""
import ctypes
import fcntl
import os
import random
import select
import shlex
import struct
import subprocess
import sys
import time

FORBIDDEN = ("Network namespaces are forbidden here, and without them no network can be made for this test: run it as root with "
             "CAP_SYS_ADMIN and CAP_NET_ADMIN (in a container: --privileged, or --cap-add of both), or allow unprivileged user "
             "namespaces (sysctl kernel.unprivileged_userns_clone=1), with util-linux, iproute2 and nftables installed")


def allowed():
    """None, or the sentence that says why there can be no namespaces."""
    tried = subprocess.run(["unshare", "--net", "sh", "-c", "ip link set lo up && nft list ruleset"], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"{FORBIDDEN}: {(tried.stderr or tried.stdout).strip()}"


class Namespace:
    """A network of its own with a loopback interface, which carries multicast."""

    def __init__(self, name):
        self.name = name
        self.holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # What it gives back shows that it is inside.
        self.holder.stdin.write(b"\n")
        self.holder.stdin.flush()
        self.holder.stdout.readline()
        self.pid = self.holder.pid
        self.ip("link set lo up multicast on")

    def command(self, arguments):
        """The command line that runs it inside."""
        return ["nsenter", "-t", str(self.pid), "--net", *arguments]

    def run(self, arguments, text=None):
        done = subprocess.run(self.command(arguments), input=text or "", capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"in namespace {self.name}: {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def ip(self, *lines):
        self.run(["ip", "-batch", "-"], "\n".join(lines) + "\n")

    def address(self, link, *addresses):
        """Gives a link addresses and starts it."""
        self.ip(*(f"address add {address} dev {link}{' nodad' if ':' in address else ''}" for address in addresses), f"link set {link} up")

    def settle(self):
        """Waits until the links that were started carry packets and their addresses can be bound."""
        end = time.time() + 10
        while True:
            seen = self.run(["ip", "-oneline", "address", "show", "up"])
            if "tentative" not in seen and "state DOWN" not in self.run(["ip", "-oneline", "link", "show", "up"]):
                return
            assert time.time() < end, f"the links of {self.name} are not ready: {seen}"
            time.sleep(0.02)

    def forward(self):
        self.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()


def connect(one, two, link_one, link_two):
    """A cable between two namespaces, that is two interfaces."""
    one.ip(f"link add {link_one} type veth peer name {link_two} netns {two.pid}")
    for namespace, link in ((one, link_one), (two, link_two)):
        # No address of its own making, whose first seconds (duplicate address detection) nobody can bind.
        namespace.ip(f"link set {link} addrgenmode none")


TRANSLATION = {
    # Whoever sends to the outer address reaches the host behind, on the same port.
    "full cone": ("masquerade", "iifname outer meta l4proto udp dnat to {inside}", "accept"),
    # One outer port for each inner port; only who was sent to comes in.
    "port-restricted": ("masquerade", None, "drop"),
    # Another outer port for each address that is sent to.
    "symmetric": ("masquerade fully-random", None, "drop"),
}


def translate(router, inside, kind):
    """Makes the router hide the host `inside` behind its interface `outer`."""
    out, back, others = TRANSLATION[kind]
    rules = f"""
table ip hide {{
  chain out {{
    type nat hook postrouting priority srcnat
    oifname outer {out}
  }}
  chain back {{
    type nat hook prerouting priority dstnat
    {(back or '').format(inside=inside)}
  }}
  chain through {{
    type filter hook forward priority filter
    iifname outer ct state established,related accept
    iifname outer {others}
  }}
  chain own {{
    type filter hook input priority filter
    iifname outer drop
  }}
}}
"""
    router.forward()
    router.run(["nft", "-f", "-"], rules)


class Internet:
    """Hosts `a` and `b`, each behind its own router or none, and a host `middle` between, which serves STUN and TURN.

        a 10.0.1.2 -- 10.0.1.1 router 198.51.100.2 -- 198.51.100.1 middle 203.0.113.1 -- 203.0.113.2 router 10.0.2.1 -- 10.0.2.2 b

    Without router the host has its outer address. `routers` are those there are.
    """

    MIDDLE = "198.51.100.1"

    def __init__(self, test, kind_a, kind_b):
        self.middle, self.routers = test.namespace("middle"), {}
        self.middle.forward()
        # What goes to addresses that are not there gets lost. Nobody says "no route", at which coturn would end a relay.
        void = test.namespace("void")
        connect(self.middle, void, "nowhere", "net")
        void.ip("link set net up")
        self.middle.ip("link set nowhere arp off up", "route add default dev nowhere")
        self.a = self.host(test, "a", "198.51.100", "10.0.1", kind_a)
        self.b = self.host(test, "b", "203.0.113", "10.0.2", kind_b)

    def host(self, test, name, outer, inner, kind):
        host = test.namespace(name)
        router = test.namespace(f"router of {name}") if kind else host
        connect(router, self.middle, "outer", f"to-{name}")
        router.address("outer", f"{outer}.2/24")
        self.middle.address(f"to-{name}", f"{outer}.1/24")
        router.ip(f"route add default via {outer}.1")
        if kind:
            connect(host, router, "net", "inner")
            host.address("net", f"{inner}.2/24")
            router.address("inner", f"{inner}.1/24")
            host.ip(f"route add default via {inner}.1")
            translate(router, f"{inner}.2", kind)
            self.routers[name] = router
        return host


def lossy_line(test, one, two, lost):
    """Links the two namespaces by interfaces `net`, between which a program of ours carries packets and loses some. It counts
    on its output."""
    line = test.start("line", [sys.executable, os.path.abspath(__file__), "line", str(one.pid), str(two.pid), str(lost)])
    line.wait_for("ready")
    return line


# ---------------------------------------------------------------- the lossy line

IFF_TUN, IFF_NO_PI, TUNSETIFF = 0x0001, 0x1000, 0x400454CA
CLONE_NEWNET = 0x40000000
LARGEST = 65536


def open_link(pid):
    """An interface `net` in the namespace of that process; what it sends is read from the descriptor."""
    with open(f"/proc/{pid}/ns/net", encoding="ascii") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    link = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(link, TUNSETIFF, struct.pack("16sH22x", b"net", IFF_TUN | IFF_NO_PI))
    return link


def carry(pids, lost):
    links = [open_link(pid) for pid in pids]
    across = dict(zip(links, reversed(links)))
    chance, carried, dropped = random.Random(1), 0, 0
    print("ready", flush=True)
    while True:
        for link in select.select(links, [], [])[0]:
            try:
                packet = os.read(link, LARGEST)
                if chance.random() * 100 < lost:
                    dropped += 1
                else:
                    carried += 1
                    os.write(across[link], packet)
            except OSError:
                continue  # the other end is not up yet
            if (carried + dropped) % 100 == 0:
                print(f"{carried} carried, {dropped} lost", flush=True)


def main():
    word, one, two, lost = sys.argv[1:]
    assert word == "line", shlex.join(sys.argv)
    carry((int(one), int(two)), float(lost))


if __name__ == "__main__":
    main()
