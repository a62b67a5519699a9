//! Groups that change leave nothing behind. A program of its own, so that nothing else opens files.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::net::Ipv4Addr;

use fs_core::prelude::*;
use gst::prelude::*;

use support::multicast::{Bare, group, members};
use support::peer::wait_until;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn groups_change_without_leaks() {
    let bare = Bare::new();
    let stream = bare.stream(&[]);
    let first = group("239.192.77.10", 1);
    stream.force_remote_candidates(&first).unwrap();
    bare.send(b"first");
    wait_until("who sends hears itself", || bare.has(b"first"));
    let elements = bare.elements();
    // The system's libraries open a few descriptors for themselves, once; what groups leave behind grows with every round.
    let grows = (0..3).all(|_| {
        let open = descriptors();
        for i in 0..40u8 {
            stream.force_remote_candidates(&group(&format!("239.192.77.{}", 11 + i), 1)).unwrap();
        }
        descriptors() > open
    });
    assert_eq!(bare.elements(), elements);
    assert!(!grows, "now {} descriptors", descriptors());
    for i in 10..50u8 {
        assert_eq!(members(Ipv4Addr::new(239, 192, 77, i)), 0, "still in group {i}");
    }
    assert_eq!(members(Ipv4Addr::new(239, 192, 77, 50)), 1);
    bare.send(b"last");
    wait_until("the last group is heard", || bare.has(b"last"));
    let stats: gst::Structure = stream.property("stats");
    let components: gst::Array = stats.get("components").unwrap();
    let first = components.as_slice()[0].get::<gst::Structure>().unwrap();
    assert_eq!(first.get::<u64>("packets-sent"), Ok(1), "{first}");
    assert_eq!(first.get::<u64>("bytes-received"), Ok(4), "{first}");
    stream.stop();
    assert_eq!(members(Ipv4Addr::new(239, 192, 77, 50)), 0);
}
