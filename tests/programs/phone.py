#!/usr/bin/python3
"""A phone made of one pipeline with an fssipcall named c: it does at its time what a person would do, and says what it hears.

Usage: phone.py [--at SECONDS ACTION[=VALUE]] ... PIPELINE

The time counts from the moment the call stands. ACTION is hold, unhold, hangup, send-dtmf=DIGITS or accept. Every message of the
element is printed as a line "NAME field=value ...". Ends with 0 at EOS and with 1 at an ERROR, whose text is printed.
"""
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst


def main():
    words, actions = sys.argv[1:], []
    while words[0] == "--at":
        _, seconds, action = words[:3]
        actions.append((float(seconds), action))
        words = words[3:]
    Gst.init(None)
    pipeline, loop, result = Gst.parse_launch(" ".join(words)), GLib.MainLoop(), [0]
    call = pipeline.get_by_name("c")
    with open("/proc/self/maps", encoding="utf-8") as maps:
        libraries = {line.split()[-1] for line in maps if "/libfarstream-0.2.so" in line}
    assert len(libraries) == 1 and not any(library.startswith("/usr/lib/") for library in libraries), libraries

    def act(action):
        name, _, value = action.partition("=")
        print("doing", name, value, flush=True)
        call.emit(name, *([value] if value else []))
        return False

    def on_message(_bus, message):
        if message.type == Gst.MessageType.ERROR:
            error, debug = message.parse_error()
            print("ERROR", error.message, debug, flush=True)
            result[0] = 1
            loop.quit()
        elif message.type == Gst.MessageType.EOS:
            print("EOS", flush=True)
            loop.quit()
        elif message.type == Gst.MessageType.ELEMENT and message.src == call:
            s = message.get_structure()
            names = [s.nth_field_name(n) for n in range(s.n_fields())]
            values = {name: s.get_value(name) for name in names if name != "state" or s.get_name() != "fssip-call-state"}
            if s.get_name() == "fssip-call-state":
                # A type of the element's own, which has no Python class.
                values["state"] = call.get_property("state").value_nick
                if values["state"] == "established":
                    while actions:
                        seconds, action = actions.pop()
                        GLib.timeout_add(int(seconds * 1000), act, action)
            print(s.get_name(), *(f"{name}={value}" for name, value in sorted(values.items())), flush=True)

    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message", on_message)
    if pipeline.set_state(Gst.State.PLAYING) == Gst.StateChangeReturn.FAILURE:
        result[0] = 1
        GLib.timeout_add(200, loop.quit)
    loop.run()
    pipeline.set_state(Gst.State.NULL)
    return result[0]


if __name__ == "__main__":
    sys.exit(main())
