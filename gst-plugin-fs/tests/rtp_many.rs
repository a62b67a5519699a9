//! Many calls in one process leave no thread and no open file behind. A program of its own: it counts them.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::time::{Duration, Instant};

use fs_core::prelude::*;
use fs_proto::StreamDirection;

use support::Side;

fn call() {
    let a = Side::new("a", 440.0, StreamDirection::BOTH);
    let b = Side::new("b", 660.0, StreamDirection::BOTH);
    let (of_a, of_b) = (a.open(), b.open());
    b.stream.set_remote_codecs(&a.session.codecs_without_config()).unwrap();
    a.stream.set_remote_codecs(&b.session.codecs_without_config()).unwrap();
    a.stream.force_remote_candidates(&of_b).unwrap();
    b.stream.force_remote_candidates(&of_a).unwrap();
    a.heard.wait(40);
    b.heard.wait(40);
    a.end();
    b.end();
}

fn count(folder: &str) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn nothing_stays_behind() {
    call();
    call();
    let (files, threads) = (count("/proc/self/fd"), count("/proc/self/task"));
    for _ in 0..8 {
        call();
    }
    // Threads of pools end a while after their work.
    let end = Instant::now() + support::PATIENCE;
    loop {
        let (more_files, more_threads) = (count("/proc/self/fd"), count("/proc/self/task"));
        if more_files <= files && more_threads <= threads + 4 {
            return;
        }
        let text = format!("files: {files}, later {more_files}; threads: {threads}, later {more_threads}");
        assert!(Instant::now() < end, "{text}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
