//! What must not be done in a streaming thread. A program of its own: the refusal is a critical.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fs_core::prelude::*;
use gst::prelude::*;

use support::peer::{Peer, listening, wait_until};

#[test]
fn destroying_in_a_streaming_thread_is_refused() {
    let (side, to, _) = listening(-1);
    // The critical that says so must not end this test.
    glib::log_set_always_fatal(glib::LogLevels::LEVEL_ERROR);
    let mut peer = Peer::new();
    let (session, stream) = (side.session.downgrade(), side.stream.downgrade());
    let tried = Arc::new(AtomicBool::new(false));
    let done = tried.clone();
    side.stream.connect_src_pad_added(move |_, _, _| {
        if let (Some(session), Some(stream)) = (session.upgrade(), stream.upgrade()) {
            session.destroy();
            stream.destroy();
        }
        done.store(true, Ordering::Release);
    });
    side.stream.force_remote_candidates(&[peer.candidate(1), peer.candidate(2)]).unwrap();
    peer.speak(to, 87);
    wait_until("the attempt", || tried.load(Ordering::Acquire));
    side.heard.wait(100);
    assert!(side.session.property::<Option<gst::Pad>>("sink-pad").is_some());
    side.end();
}
