//! Telephones at the command line call each other: ring, answer, digits, hold and resume, hang up; then a refusal; and
//! one is transferred to a third.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

struct Telephone {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Telephone {
    fn new(user: &str) -> (Self, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sip_phone"))
            .args(["--local-uri", &format!("sip:{user}@127.0.0.1:0"), "--codecs", "PCMU"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let telephone = Self { child, input, lines };
        let uri = telephone.hear("waiting at ");
        (telephone, uri)
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    /// Waits for a line with this beginning; the rest of it.
    fn hear(&self, beginning: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(30));
            let line = line.unwrap_or_else(|_| panic!("never said {beginning:?}"));
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.to_owned();
            }
        }
    }

    fn quit(mut self) {
        self.say("quit");
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn everything_a_telephone_does() {
    let (mut alice, _) = Telephone::new("alice");
    let (mut bob, uri) = Telephone::new("bob");
    alice.say("hold");
    alice.hear("hold is not possible now");
    alice.say(&format!("call {uri}"));
    bob.hear("called by ");
    alice.hear("ringing");
    bob.say("answer");
    for telephone in [&alice, &bob] {
        telephone.hear("the call stands");
        telephone.hear("hearing ");
    }
    alice.say("digits 7#");
    assert_eq!([bob.hear("digit "), bob.hear("digit ")], ["7", "#"]);
    bob.say("hold");
    bob.hear("held by the local side");
    alice.hear("held by the remote side");
    bob.say("resume");
    alice.hear("resumed by the remote side");
    alice.say("hangup");
    alice.hear("ended by the local side");
    bob.hear("ended by the remote side");

    alice.say(&format!("call {uri}"));
    bob.hear("called by ");
    bob.say("reject 486");
    alice.hear("failed: 486");
    alice.quit();
    bob.quit();
}

#[test]
fn pictures_come_and_go_in_the_call() {
    let (mut alice, _) = Telephone::new("alice");
    let (mut bob, uri) = Telephone::new("bob");
    alice.say(&format!("call {uri}"));
    bob.hear("called by ");
    bob.say("answer");
    for telephone in [&alice, &bob] {
        telephone.hear("the call stands");
        telephone.hear("hearing ");
    }
    alice.say("video");
    bob.hear("asked for pictures");
    bob.say("reject");
    alice.hear("no pictures: 488");
    for _ in 0..2 {
        alice.say("video");
        bob.hear("asked for pictures");
        bob.say("video");
        for telephone in [&alice, &bob] {
            telephone.hear("with video");
            telephone.hear("seeing ");
        }
        bob.say("novideo");
        alice.hear("without video");
        bob.hear("without video");
    }
    alice.say("digits 3");
    bob.hear("digit 3");
    alice.say("hangup");
    bob.hear("ended by the remote side");
    alice.quit();
    bob.quit();
}

#[test]
fn a_peer_is_sent_on_to_a_third() {
    let (mut alice, _) = Telephone::new("alice");
    let (mut bob, of_bob) = Telephone::new("bob");
    let (mut carol, of_carol) = Telephone::new("carol");
    alice.say(&format!("call {of_bob}"));
    bob.hear("called by ");
    bob.say("answer");
    alice.hear("the call stands");
    bob.hear("the call stands");
    // Bob does not want to.
    alice.say(&format!("transfer {of_carol}"));
    assert_eq!(bob.hear("asked to call "), of_carol);
    bob.say("stay");
    alice.hear("transfer failed: 603");
    // Carol does not want to.
    alice.say(&format!("transfer {of_carol}"));
    bob.hear("asked to call ");
    bob.say("follow");
    carol.hear("called by ");
    carol.say("reject 486");
    alice.hear("transfer failed: 486");
    bob.hear("back, as the transfer failed: 486");
    // All want to.
    alice.say(&format!("transfer {of_carol}"));
    bob.hear("asked to call ");
    bob.say("follow");
    carol.hear("called by ");
    carol.say("answer");
    bob.hear("the call stands");
    bob.hear("the former call has ended");
    carol.hear("the call stands");
    carol.hear("hearing ");
    alice.hear("transferred");
    alice.hear("ended by the local side");
    carol.say("hangup");
    bob.hear("ended by the remote side");
    for telephone in [alice, bob, carol] {
        telephone.quit();
    }
}
