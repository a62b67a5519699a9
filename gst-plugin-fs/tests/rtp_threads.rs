//! What must not be done in a streaming thread. A program of its own: the refusal is a critical.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::cell::Cell;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, Once};

use fs_core::prelude::*;
use gst::prelude::*;

use support::peer::{Peer, listening, wait_until};
use support::{PATIENCE, Side};

thread_local! {
    static CRITICALS: Cell<u32> = const { Cell::new(0) };
}

/// Counts criticals, which must not end this program. Those about wrong use have no log domain: `gst_check_init` and other
/// harnesses listen there.
fn count_criticals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        glib::log_set_always_fatal(glib::LogLevels::LEVEL_ERROR);
        glib::log_set_handler(None, glib::LogLevels::LEVEL_CRITICAL, false, false, |_, _, _| {
            CRITICALS.set(CRITICALS.get() + 1);
        });
    });
}

/// Where `src-pad-added` came, and how many criticals destroying the session and the stream gave there.
type Attempt = (Option<String>, u32);

/// Destroys session and stream in `src-pad-added`.
fn try_to_destroy(side: &Side) -> Receiver<Attempt> {
    count_criticals();
    let (session, stream) = (side.session.downgrade(), side.stream.downgrade());
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    side.stream.connect_src_pad_added(move |_, _, _| {
        let before = CRITICALS.get();
        if let (Some(session), Some(stream)) = (session.upgrade(), stream.upgrade()) {
            session.destroy();
            stream.destroy();
        }
        let thread = std::thread::current().name().map(ToOwned::to_owned);
        let _ = tell.lock().unwrap().send((thread, CRITICALS.get() - before));
    });
    told
}

fn goes_on(side: Side) {
    side.heard.wait(100);
    assert!(side.session.property::<Option<gst::Pad>>("sink-pad").is_some());
    side.end();
}

#[test]
fn destroying_in_the_thread_of_a_jitter_buffer_is_refused() {
    let (side, to, _) = listening(-1);
    let attempts = try_to_destroy(&side);
    let mut peer = Peer::new();
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    peer.speak(to, 87);
    let (thread, criticals) = attempts.recv_timeout(PATIENCE).unwrap();
    assert_eq!(criticals, 2, "in {thread:?}");
    goes_on(side);
}

#[test]
fn destroying_in_the_thread_of_the_socket_loop_is_refused() {
    // A packet that waits in the jitter buffer may tell before the next one arrives.
    let in_the_loop = (0..20).any(|_| destroyed_while_packets_arrive().as_deref() == Some("fs-rawudp"));
    assert!(in_the_loop);
}

/// Destroys session and stream where it turns out whose the packets are that arrive, and answers in which thread.
fn destroyed_while_packets_arrive() -> Option<String> {
    let (side, to, _) = listening(-1);
    let attempts = try_to_destroy(&side);
    let mut peer = Peer::new();
    peer.speak(to, 88);
    let bins = side.conference.children();
    let rtpbin = bins.iter().find(|e| e.factory().is_some_and(|f| f.name() == "rtpbin")).unwrap();
    wait_until("reception", || rtpbin.pads().iter().any(|pad| pad.name().starts_with("recv_rtp_src_")));
    // Whose packets these are is known from now on, and the next one tells.
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    let (thread, criticals) = attempts.recv_timeout(PATIENCE).unwrap();
    assert_eq!(criticals, 2, "in {thread:?}");
    goes_on(side);
    thread
}
