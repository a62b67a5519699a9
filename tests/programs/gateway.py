#!/usr/bin/python3
"""A router that forwards ports by UPnP (InternetGatewayDevice:1), for tests: searched by SSDP, described and told by HTTP. What it
forwards becomes rules of nftables in the namespace it runs in (namespaces.translate made the table).

Usage: gateway.py INNER OUTER SECONDS: its addresses, and how long it lets searches of a group wait, as their MX allows. Each thing that it
does is a line of its output.
"""
import http.server
import os
import re
import socket
import subprocess
import sys
import threading
import time

GROUP, PORT = "239.255.255.250", 1900
SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1"
DESCRIPTION = (f"<root><device><serviceList><service><serviceType>{SERVICE}</serviceType><controlURL>/control</controlURL></service>"
               "</serviceList></device></root>")


def nft(rule):
    subprocess.run(["nft", *rule.split()], check=True)


def say(*words):
    # In one piece: several threads say something, and print writes each word by itself.
    os.write(sys.stdout.fileno(), (" ".join(map(str, words)) + "\n").encode())


class Router(http.server.BaseHTTPRequestHandler):
    inner = outer = None
    mapped = {}

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_GET(self):
        self.answer(200, DESCRIPTION)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        action = self.headers["SOAPAction"].strip('"').partition("#")[2]
        field = lambda name: re.search(f"<{name}>(.*?)</{name}>", body).group(1)
        if action == "GetExternalIPAddress":
            return self.answer(200, f"<NewExternalIPAddress>{self.outer}</NewExternalIPAddress>")
        port = int(field("NewExternalPort"))
        if action == "AddPortMapping":
            to = field("NewInternalClient"), int(field("NewInternalPort"))
            if self.mapped.setdefault(port, to) != to:
                return self.answer(500, "<errorCode>718</errorCode>")
            nft(f"add rule ip hide back iifname outer udp dport {port} dnat to {to[0]}:{to[1]}")
            say("forwards", port, "to", *to)
        elif action == "DeletePortMapping":
            say("forgets", port, "of", *self.mapped.pop(port))
        return self.answer(200, "")

    def log_message(self, *_words):
        pass


def searched(group, inner, web, wait):
    """Answers searches: those of the group after a while, those for itself at once."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((GROUP if group else inner, PORT))
    if group:
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + socket.inet_aton(inner))
    while True:
        request, peer = listener.recvfrom(2000)
        if not request.startswith(b"M-SEARCH * HTTP/1.1\r\n"):
            continue
        assert group == (b"\r\nMX:" in request), request
        time.sleep(wait if group else 0)
        say("is found", "in the group" if group else "by itself")
        listener.sendto(f"HTTP/1.1 200 OK\r\nLOCATION: http://{inner}:{web}/root.xml\r\n\r\n".encode(), peer)


def main():
    inner, outer, wait = sys.argv[1:]
    Router.inner, Router.outer = inner, outer
    nft("insert rule ip hide through iifname outer ct status dnat accept")
    server = http.server.ThreadingHTTPServer((inner, 0), Router)
    for group in (True, False):
        threading.Thread(target=searched, args=(group, inner, server.server_address[1], float(wait)), daemon=True).start()
    say("ready")
    server.serve_forever()


main()
