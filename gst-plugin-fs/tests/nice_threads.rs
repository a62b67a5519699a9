//! Threads of eight ICE sessions. A program of its own, so that nothing else has any.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::fs;

use fs_core::prelude::*;
use fs_proto::StreamDirection;
use gst::prelude::*;

use support::Side;
use support::ice::{loopback, more_streams};
use support::peer::wait_until;

const SESSIONS: usize = 8;

/// Names of this process's threads.
fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(Result::unwrap);
    // A thread may end while it is looked at.
    tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok()).collect()
}

fn named(prefix: &str) -> usize {
    threads().iter().filter(|name| name.starts_with(prefix)).count()
}

#[test]
fn eight_sessions_share_one_thread() {
    let side = Side::new("a", 440.0, StreamDirection::BOTH);
    let more = more_streams(&side, SESSIONS - 1, &side.participant);
    // The test's own handler has a thread of GLib's pool compute the latency after each message that asks for it.
    let bus = side.pipeline.bus().unwrap();
    bus.unset_sync_handler();
    bus.set_sync_handler(|_, _| gst::BusSyncReply::Drop);
    // The source's and those of RTCP begin when they get to it.
    wait_until("everything else runs", || named("audiotestsrc") == 1 && named("rtpsession-rtcp") == SESSIONS);
    let before = threads().len();
    let streams: Vec<_> = more.iter().map(|(_, stream)| stream).chain([&side.stream]).collect();
    for stream in &streams {
        stream.set_transmitter("nice", &loopback(true)).unwrap();
    }
    assert_eq!(named("fs-nice"), 1, "{:?}", threads());
    let added = threads().len().saturating_sub(before);
    println!("{added} threads for {SESSIONS} sessions: {:?}", threads());
    // None that receives: only the one that is named above.
    assert!(added <= 1, "{added}: {:?}", threads());
    for (session, stream) in &more {
        stream.destroy();
        session.destroy();
    }
    side.end();
    wait_until("the shared thread ends", || named("fs-nice") == 0);
}
