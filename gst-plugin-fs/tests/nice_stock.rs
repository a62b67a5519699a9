//! An ICE call with stock Farstream, in a process of its own, on the other side.

#![allow(clippy::unwrap_used)] // the helpers here are part of tests

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use fs_core::enums;
use fs_core::prelude::*;
use fs_proto::{Candidate, StreamDirection, StreamState};

use support::ice::{Progress, follow, gather, loopback};
use support::{PATIENCE, Side, audio};

const OURS: f64 = 440.0;
const THEIRS: f64 = 660.0;
/// Variables that lead to another library or other plugins than Debian's.
const NOT_STOCK: [&str; 7] = [
    "LD_LIBRARY_PATH",
    "GI_TYPELIB_PATH",
    "GST_PLUGIN_PATH",
    "GST_PLUGIN_PATH_1_0",
    "FS_PLUGIN_PATH",
    "XDG_DATA_DIRS",
    "GST_REGISTRY",
];

/// The process with the stock library.
struct Stock {
    process: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Vec<String>>,
    folder: PathBuf,
}

impl Stock {
    fn start(controlling: bool) -> Self {
        let folder = std::env::temp_dir().join(format!("fs-stock-{}-{controlling}", std::process::id()));
        let plugins = folder.join("plugins");
        std::fs::create_dir_all(&plugins).unwrap();
        link_plugins(&plugins);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/stock_nice.py");
        let mut command = Command::new("/usr/bin/python3");
        for name in NOT_STOCK {
            command.env_remove(name);
        }
        let mut process = command
            .arg(script)
            .args([THEIRS.to_string().as_str(), if controlling { "1" } else { "0" }])
            .env("GST_PLUGIN_SYSTEM_PATH", &plugins)
            .env("GST_REGISTRY", folder.join("registry"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let output = BufReader::new(process.stdout.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let words = line.split_whitespace().map(str::to_owned).collect();
                if tell.send(words).is_err() {
                    return;
                }
            }
        });
        Self { input: process.stdin.take(), process, lines, folder }
    }

    fn next(&self) -> Vec<String> {
        self.lines.recv_timeout(3 * PATIENCE).expect("stock says something")
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }
}

impl Drop for Stock {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// All plugins but srtp, with which stock Farstream is silent.
fn link_plugins(into: &Path) {
    let from = format!("/usr/lib/{}-linux-gnu/gstreamer-1.0", std::env::consts::ARCH);
    for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let name = file.file_name();
        if name != "libgstsrtp.so" {
            std::os::unix::fs::symlink(file.path(), into.join(name)).unwrap();
        }
    }
}

fn write(c: &Candidate) -> String {
    let or = |text: &String| if text.is_empty() { "-".to_owned() } else { text.clone() };
    format!(
        "candidate {} {} {} {} {} {} {} {} {} {} {}",
        c.foundation,
        c.component_id,
        c.kind as u32,
        c.proto as u32,
        c.ip,
        c.port,
        c.priority,
        or(&c.base_ip),
        c.base_port,
        c.username,
        c.password
    )
}

fn read(words: &[String]) -> Candidate {
    let text = |i: usize| if words[i] == "-" { String::new() } else { words[i].clone() };
    let number = |i: usize| words[i].parse::<u32>().unwrap();
    let port = |i: usize| words[i].parse::<u16>().unwrap();
    let kind = enums::CandidateType::from_c(number(2)).unwrap().into();
    Candidate {
        proto: enums::NetworkProtocol::from_c(number(3)).unwrap().into(),
        priority: number(6),
        base_ip: text(7),
        base_port: port(8),
        username: text(9),
        password: text(10),
        ..Candidate::new(&words[0], number(1), kind, &words[4], port(5))
    }
}

fn call(we_control: bool) {
    support::init();
    let mut stock = Stock::start(!we_control);
    let mut theirs = Vec::new();
    loop {
        let words = stock.next();
        match words[0].as_str() {
            "library" => assert!(words[1].starts_with("/usr/lib/"), "{words:?} is not Debian's"),
            "candidate" => theirs.push(read(&words[1..])),
            "prepared" => break,
            _ => {}
        }
    }
    let side = Side::new("a", OURS, StreamDirection::BOTH);
    let mut told: Progress = gather(&side, &loopback(we_control));
    side.stream.set_remote_codecs(&[audio(0, "PCMU", 8000)]).unwrap();
    stock.say(&format!("listen {OURS}"));
    told.locals.iter().for_each(|candidate| stock.say(&write(candidate)));
    stock.say("go");
    side.stream.add_remote_candidates(&theirs).unwrap();
    follow(&side, &mut told, Progress::is_ready);
    side.heard.wait_for_tone(THEIRS);
    let mut ready = [false; 2];
    loop {
        let words = stock.next();
        match words[0].as_str() {
            "state" if words[2].parse() == Ok(StreamState::Ready as u32) => {
                ready[words[1].parse::<usize>().unwrap() - 1] = true;
            }
            "share" if words[2].parse::<f64>().unwrap() > 0.9 => break,
            _ => {}
        }
    }
    assert_eq!(ready, [true; 2], "stock's components are ready");
    side.end();
}

#[test]
fn we_control_and_stock_follows() {
    call(true);
}

#[test]
fn stock_controls_and_we_follow() {
    call(false);
}
