"""Programs of others, each with a configuration of its own in the test's folder: baresip, linphonec, kamailio; and namespaces."""
import glob
import json
import os
import socket
import subprocess
import threading
import time

import namespaces
from programs import free_port
from sound import tone_seconds

BARESIP = """poll_method epoll
sip_listen {ip}:{sip}
sip_trans_def udp
net_interface {interface}
audio_player aubridge,dev0
audio_source ausine,440
ausrc_srate 48000
auplay_srate 48000
ausrc_channels 2
auplay_channels 2
rtp_ports {rtp}-{rtp_end}
rtp_stats yes
module_path /usr/lib/baresip/modules
module opus.so
module g711.so
module aubridge.so
module ausine.so
module sndfile.so
module uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {ip}:{control}
snd_path {folder}
"""

VIDEO = """module fakevideo.so
module vp8.so
video_source fakevideo,nil
video_display fakevideo,nil
video_size 320x240
video_fps 15
"""


class Baresip:
    """A baresip of its own that answers by itself and plays 440 Hz. `account` are further parameters of its account, `modules` further
    lines of its configuration."""

    def __init__(self, test, codecs, account="", modules="", ip="127.0.0.1", interface="127.0.0.1", prefix=(), aor=None):
        # It opens TLS on the port after that of UDP and TCP.
        self.port, self.control, rtp = free_port(2), free_port(), free_port(20) & ~1
        self.folder, self.events = test.path("baresip"), []
        os.makedirs(self.folder)
        settings = dict(ip=ip, interface=interface, sip=self.port, control=self.control, rtp=rtp, rtp_end=rtp + 20, folder=self.folder)
        accounts = f"<{aor or f'sip:alice@{ip}:{self.port}'}>;regint={120 if aor else 0};answermode=auto;audio_codecs={codecs}{account}\n"
        for name, text in (("config", BARESIP.format(**settings) + modules), ("contacts", ""), ("accounts", accounts)):
            with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
                file.write(text)
        self.program = test.start("baresip", [*prefix, "baresip", "-s", "-v", "-f", self.folder], cwd=self.folder)
        self.prefix, self.ip = list(prefix), ip
        self.connection = None if prefix else self._connect(ip)

    def _connect(self, ip):
        end = time.time() + 10
        while True:
            try:
                connection = socket.create_connection((ip, self.control), 1)
                break
            except OSError:
                assert time.time() < end and self.program.child.poll() is None, f"baresip did not start: {self.program.text()[-1500:]}"
                time.sleep(0.1)
        threading.Thread(target=self._listen, args=(connection,), daemon=True).start()
        return connection

    def _listen(self, connection):
        """Keeps what it says: netstrings of JSON."""
        connection.settimeout(None)
        data = b""
        while True:
            try:
                piece = connection.recv(65536)
            except OSError:
                return
            if not piece:
                return
            data += piece
            while b":" in data:
                size, _, rest = data.partition(b":")
                if len(rest) <= int(size):
                    break
                message, data = json.loads(rest[: int(size)]), rest[int(size) + 1 :]
                if message.get("event"):
                    self.events.append((message.get("type"), message.get("param")))

    def say(self, command, words=""):
        text = json.dumps({"command": command, "params": words, "token": "t"}).encode()
        self._send(b"%d:%s," % (len(text), text))

    def _send(self, data):
        """Into its control port, which may be in a namespace."""
        if self.connection:
            return self.connection.sendall(data)
        script = "import socket, sys, time; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5); s.sendall(sys.stdin.buffer.read()); time.sleep(0.5)"
        subprocess.run([*self.prefix, "/usr/bin/python3", "-c", script, self.ip, str(self.control)], input=data, check=True, timeout=20)

    def call(self, uri):
        self.say("dial", uri)

    def end(self):
        if self.connection:
            self.connection.close()
        self.program.end()

    def heard(self, frequency):
        """Seconds of the tone in what baresip decoded."""
        self.end()
        files = glob.glob(os.path.join(self.folder, "*-dec.wav"))
        assert files, f"baresip recorded nothing: {os.listdir(self.folder)} {self.program.text()[-3000:]}"
        return max(tone_seconds(file, frequency) for file in files)

    def each_heard(self, frequency):
        """The same of each of its calls."""
        self.end()
        return [tone_seconds(file, frequency) for file in glob.glob(os.path.join(self.folder, "*-dec.wav"))]


LINPHONE = """[sip]
use_ipv6=0
ipv6_migration_done=1
sip_port={sip}
sip_tcp_port={tcp}
sip_tls_port={tls}
verify_server_certs=1
verify_server_cn=0
guess_hostname=0
contact="lin" <sip:lin@{ip}:{sip}>
register_only_when_network_is_up=0
media_encryption={encryption}
bind_address={ip}
delayed_timeout=4
{sip_more}

[rtp]
audio_rtp_port={rtp}
video_rtp_port={video}
audio_jitt_comp=60
nortp_timeout=30

[net]
nat_policy_ref=np1
mtu=1300

[video]
enabled={pictures}
display={pictures}
capture={pictures}
automatically_initiate={pictures}
automatically_accept={pictures}
show_local=0
size=cif
device=StaticImage: Static picture

[nat_policy_0]
ref=np1
{nat}

[misc]
prefer_basic_chat_room=1

[sound]
remote_ring=

[audio_codec_0]
mime=opus
rate=48000
channels=2
enabled={opus}

[audio_codec_1]
mime=PCMU
rate=8000
channels=1
enabled=1

[video_codec_0]
mime=VP8
rate=90000
enabled=1
"""

LINPHONE_ACCOUNT = """
[proxy_0]
reg_proxy=<{registrar}>
reg_route=<{registrar};lr>
reg_identity=sip:lin@fs.invalid
reg_expires=600
reg_sendregister=1
publish=0

[auth_info_0]
username=lin
userid=lin
passwd=secret
realm=fs.invalid
domain=fs.invalid
"""


class Linphone:
    """A linphonec of its own that answers by itself, plays a file and records what it hears. It listens with one
    transport: udp, tcp or tls. With `pictures` it sends a still one, and has no screen to show what comes; with `registrar` it
    is the user lin there."""

    def __init__(self, test, play, encryption="none", sip_more="", nat="", opus=1, transport="udp", ip="127.0.0.1", prefix=(), pictures=False, registrar=None):
        self.port, rtp = free_port(), free_port(4) & ~1
        self.folder, self.record = test.path("linphone"), test.path("linphone.wav")
        # Without the folder of its data base it opens no socket.
        os.makedirs(os.path.join(self.folder, ".local", "share", "linphone"))
        rc = os.path.join(self.folder, "linphonerc")
        with open(rc, "w", encoding="ascii") as file:
            ports = {name: self.port if name == (transport if transport != "udp" else "sip") else 0 for name in ("sip", "tcp", "tls")}
            file.write(LINPHONE.format(ip=ip, encryption=encryption, sip_more=sip_more, nat=nat, opus=opus, rtp=rtp, video=rtp + 2, pictures=int(pictures), **ports))
            if registrar:
                file.write(LINPHONE_ACCOUNT.format(registrar=registrar))
        # Instances share a data base in the home folder, so each has its own.
        env = dict(os.environ, HOME=self.folder)
        self.program = test.start("linphone", [*prefix, "linphonec", "-d", "6", "-l", os.path.join(self.folder, "log"), "-c", rc, "-a", *(("-C", "-D") if pictures else ())], cwd=self.folder, env=env, stdin=subprocess.PIPE)
        self.program.wait_for("linphonec>")
        for line in ("soundcard use files", f"play {play}", f"record {self.record}"):
            self.program.type(line)
            time.sleep(0.2)

    def say(self, line):
        self.program.type(line)

    def call(self, uri):
        """Calls, and says its own words if that fails at once (no listening socket, no connection)."""
        self.say(f"call {uri}")
        self.program.wait_for("in progress")
        time.sleep(0.3)
        assert " error." not in self.program.text(), f"linphone can't call {uri}: {self.program.text()[-500:]}\n{self.log()[-3000:]}"

    def wait_for(self, words, limit=15):
        """Waits until its log has the words."""
        end = time.time() + limit
        while words not in self.log():
            assert time.time() < end, f"linphone never logged {words}: {self.log()[-3000:]}"
            time.sleep(0.05)

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def heard(self, frequency):
        """Seconds of the tone in what it recorded."""
        self.program.type("quit")
        self.program.wait(10)
        return tone_seconds(self.record, frequency)


KAMAILIO = """#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=2
tcp_children=2
auto_aliases=no
alias="fs.invalid"
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
enable_tls=yes
listen=tls:127.0.0.1:{tls}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/aarch64-linux-gnu/kamailio/modules/"
loadmodule "tls.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "private_key", "{folder}/key.pem")
modparam("tls", "certificate", "{folder}/certificate.pem")
modparam("rr", "enable_full_lr", 1)
modparam("rr", "enable_double_rr", 1)
modparam("tm", "fr_timer", 5000)

request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{
            # A GRUU (RFC 5627) is an address of ours that stands for one of a phone.
            if (uri==myself && !lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
            t_relay(); exit;
        }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        sl_send_reply("404", "Not here"); exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("fs.invalid", "secret", "0")) {{ www_challenge("fs.invalid", "1"); exit; }}
        if (!save("location")) sl_reply_error();
        exit;
    }}
    if (is_method("INVITE") && $fd=="fs.invalid") {{
        if (!pv_proxy_authenticate("fs.invalid", "secret", "0")) {{ proxy_challenge("fs.invalid", "1"); exit; }}
        consume_credentials();
    }}
    remove_hf("Route");
    if (is_method("INVITE")) record_route();
    if (uri==myself && !lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    if (!t_relay()) sl_reply_error();
}}
"""


class Kamailio:
    """A registrar and proxy of its own for the domain fs.invalid; everybody's password is "secret"."""

    def __init__(self, test):
        self.port, self.tls, self.folder = free_port(), free_port(), test.path("kamailio")
        os.makedirs(self.folder)
        self.authority = certificate(self.folder)
        config = os.path.join(self.folder, "kamailio.cfg")
        with open(config, "w", encoding="ascii") as file:
            file.write(KAMAILIO.format(port=self.port, tls=self.tls, folder=self.folder))
        self.program = test.start("kamailio", ["kamailio", "-f", config, "-DD", "-E", "-m", "32", "-M", "4", "-Y", self.folder, "-P", os.path.join(self.folder, "pid")], cwd=self.folder)
        for port in (self.port, self.tls):
            end = time.time() + 10
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert time.time() < end and self.program.child.poll() is None, f"kamailio did not start: {self.program.text()[-1500:]}"
                    time.sleep(0.05)

    def proxy(self, transport):
        return f"sip:127.0.0.1:{self.tls if transport == 'tls' else self.port}"


def certificate(folder, ip="127.0.0.1"):
    """Makes key.pem, certificate.pem and both.pem for an address in the folder; returns the path of the certificate, which is its own
    authority."""
    key, cert = os.path.join(folder, "key.pem"), os.path.join(folder, "certificate.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=test", "-addext", f"subjectAltName=IP:{ip}", "-addext", "basicConstraints=critical,CA:FALSE"], check=True, capture_output=True)
    with open(os.path.join(folder, "both.pem"), "wb") as both:
        for path in (key, cert):
            with open(path, "rb") as file:
                both.write(file.read())
    return cert


class Wire:
    """Two network namespaces with a wire between them: 192.0.2.1 and 192.0.2.2. Close it at the end."""

    def __init__(self):
        why = namespaces.allowed()
        assert why is None, why
        self.sides = [namespaces.Namespace(name) for name in ("one", "two")]
        namespaces.connect(*self.sides, "wire", "wire")
        for number, side in enumerate(self.sides, 1):
            side.address("wire", f"192.0.2.{number}/24")
            side.ip(f"route add default via 192.0.2.{3 - number}")
        for side in self.sides:
            side.settle()

    def inside(self, side):
        """What stands before a command that runs on a side, 1 or 2."""
        return self.sides[side - 1].command([])

    def close(self):
        for side in self.sides:
            side.close()
