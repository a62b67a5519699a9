//! Scenarios of our own in which sipp (Debian package sip-tester) calls us: late offer, early media
//! with PRACK and UPDATE, CANCEL, missing ACK, old CSeq, glare, 302. sipp exits with an error where
//! an answer is not the expected one.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use fs_sip::endpoint::{Body, Command, Endpoint, EndpointConfig, Event, TerminationReason, Timers};

/// How the called side answers an INVITE.
#[derive(Clone, Copy, PartialEq)]
enum Callee {
    EarlyMedia,
    Rings,
    Accepts,
    Reinvites,
    Redirects,
}

fn sdp() -> Option<Body> {
    Some(Body::sdp(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n",
    ))
}

fn answer(callee: Callee, event: &Event) -> Vec<Command> {
    let accept = |id| Command::Accept { id, body: sdp() };
    match event {
        Event::Incoming { id, .. } => match callee {
            Callee::EarlyMedia => {
                vec![Command::Provisional { id: *id, status: 183, reason: None, body: sdp() }]
            }
            Callee::Rings => vec![Command::Provisional { id: *id, status: 180, reason: None, body: None }],
            Callee::Redirects => {
                let headers = vec![("Contact".to_owned(), "<sip:x@127.0.0.1:9>".to_owned())];
                vec![Command::Reject { id: *id, status: 302, reason: None, headers }]
            }
            Callee::Accepts | Callee::Reinvites => vec![accept(*id)],
        },
        Event::Reinvite { id, .. } => {
            let answer = Command::AnswerReinvite { id: *id, status: 200, reason: None, body: sdp() };
            if callee == Callee::EarlyMedia { vec![answer, accept(*id)] } else { vec![answer] }
        }
        Event::Confirmed { id, .. } if callee == Callee::Reinvites => {
            vec![Command::Reinvite { id: *id, body: sdp() }]
        }
        _ => Vec::new(),
    }
}

/// A scenario as it grows.
#[derive(Default)]
struct Script {
    steps: String,
    count: usize,
}

impl Script {
    /// Sends a request; `after` is the number of the step whose branch it shares.
    fn send(mut self, method: &str, cseq: u32, more: &str, offer: bool, after: Option<usize>) -> Self {
        let branch = after.map_or("[branch]".to_owned(), |n| format!("[branch-{}]", self.count - n));
        let to = if self.count == 0 || method == "CANCEL" { "" } else { "[peer_tag_param]" };
        let body = if offer {
            "Content-Type: application/sdp\nContent-Length: [len]\n\nv=0\no=- 1 1 IN IP4 [local_ip]\ns=-\n\
             c=IN IP4 [local_ip]\nt=0 0\nm=audio 9 RTP/AVP 0\n"
        } else {
            "Content-Length: 0\n\n"
        };
        self.steps += &format!(
            "<send><![CDATA[\n{method} sip:x@[remote_ip]:[remote_port] SIP/2.0\n\
             Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}\nMax-Forwards: 70\n\
             From: <sip:p@[local_ip]:[local_port]>;tag=t[call_number]\nTo: <sip:x@[remote_ip]:[remote_port]>{to}\n\
             Call-ID: [call_id]\nCSeq: {cseq} {method}\nContact: <sip:p@[local_ip]:[local_port]>\n{more}{body}]]></send>\n"
        );
        self.count += 1;
        self
    }

    /// Answers the request that came last.
    fn reply(mut self, line: &str) -> Self {
        self.steps += &format!(
            "<send><![CDATA[\nSIP/2.0 {line}\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n\
             Contact: <sip:p@[local_ip]:[local_port]>\nContent-Length: 0\n\n]]></send>\n"
        );
        self.count += 1;
        self
    }

    fn invite(self, more: &str, offer: bool) -> Self {
        let mut script = self.send("INVITE", 1, more, offer, None);
        script.steps += "<recv response=\"100\" optional=\"true\"/>\n";
        script.count += 1;
        script
    }

    fn expect(mut self, status: u16) -> Self {
        self.steps += &format!("<recv response=\"{status}\"/>\n");
        self.count += 1;
        self
    }

    /// Like `expect`, and remembers its RSeq.
    fn expect_reliable(mut self, status: u16) -> Self {
        self.steps += &format!(
            "<recv response=\"{status}\"><action><ereg regexp=\"[0-9]+\" search_in=\"hdr\" header=\"RSeq:\" \
             check_it=\"true\" assign_to=\"rseq\"/></action></recv>\n"
        );
        self.count += 1;
        self
    }

    fn expect_request(mut self, method: &str) -> Self {
        self.steps += &format!("<recv request=\"{method}\" timeout=\"15000\"/>\n");
        self.count += 1;
        self
    }

    fn pause(mut self, ms: u32) -> Self {
        self.steps += &format!("<pause milliseconds=\"{ms}\"/>\n");
        self.count += 1;
        self
    }

    /// Lets sipp play it against a callee; gives back the callee's events.
    async fn play(self, name: &str, callee: Callee, timers: Timers) -> Vec<Event> {
        let config = EndpointConfig { timers, ..EndpointConfig::default() };
        let (endpoint, mut events) = Endpoint::bind(config).await.expect("a port on loopback");
        let remote = endpoint.local_addr().to_string();
        let folder = std::env::temp_dir();
        let file = folder.join(format!("fs-sip-{name}-{}.xml", std::process::id()));
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"{name}\">\n{}</scenario>\n",
            self.steps
        );
        std::fs::write(&file, text).expect("a file in the folder for such");
        let free = || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            socket.local_addr().expect("its address").port().to_string()
        };
        let (port, media, scenario) = (free(), free(), file.clone());
        let mut sipp = tokio::task::spawn_blocking(move || {
            Process::new("sipp")
                .arg("-sf")
                .arg(scenario)
                .args(["-m", "1", "-i", "127.0.0.1", "-p", &port, "-mp", &media, "-nostdin"])
                .args(["-timeout", "25", "-timeout_error", &remote])
                .current_dir(folder)
                .stdin(Stdio::null())
                .output()
        });
        let mut seen = Vec::new();
        let output = loop {
            tokio::select! {
                output = &mut sipp => break output,
                Some(event) = events.recv() => {
                    answer(callee, &event).into_iter().for_each(|command| endpoint.send(command));
                    seen.push(event);
                }
            }
        };
        let output = output.expect("no panic").expect("sipp is installed (Debian package sip-tester)");
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {seen:?}\n{said}");
        // Nobody needs the scenario any more.
        let _ = std::fs::remove_file(file);
        while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(300), events.recv()).await {
            seen.push(event);
        }
        seen
    }
}

fn hung_up(events: &[Event]) -> bool {
    let bye = TerminationReason::Bye(None);
    matches!(events.last(), Some(Event::Terminated { by_peer: true, reason, .. }) if *reason == bye)
}

#[tokio::test(flavor = "multi_thread")]
async fn late_offer() {
    let script = Script::default().invite("", false).expect(200).send("ACK", 1, "", true, None);
    let script = script.pause(100).send("BYE", 2, "", false, None).expect(200);
    let events = script.play("late-offer", Callee::Accepts, Timers::default()).await;
    assert!(events.iter().any(|e| matches!(e, Event::Confirmed { body: Some(_), .. })), "{events:?}");
    assert!(hung_up(&events), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn early_media_with_prack_and_update() {
    let script = Script::default().invite("Require: 100rel\n", true).expect_reliable(183);
    let script = script.send("PRACK", 2, "RAck: [$rseq] 1 INVITE\n", false, None).expect(200);
    // The answer to the UPDATE, then that to the INVITE.
    let script = script.send("UPDATE", 3, "", true, None).expect(200).expect(200);
    let script = script.send("ACK", 1, "", false, None).pause(100);
    let script = script.send("BYE", 4, "", false, None).expect(200);
    let events = script.play("prack-update", Callee::EarlyMedia, Timers::default()).await;
    assert!(events.iter().any(|e| matches!(e, Event::Reinvite { .. })) && hung_up(&events), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel() {
    let script = Script::default().invite("", true).expect(180).send("CANCEL", 1, "", false, Some(0));
    let script = script.expect(200).expect(487).send("ACK", 1, "", false, Some(0));
    let events = script.play("cancel", Callee::Rings, Timers::default()).await;
    assert!(matches!(events.last(), Some(Event::Cancelled { .. })), "{events:?}");
}

/// With a short T1 the end of waiting comes soon.
#[tokio::test(flavor = "multi_thread")]
async fn missing_ack() {
    let timers = Timers { t1: Duration::from_millis(50), ..Timers::default() };
    let script = Script::default().invite("", true).expect(200).expect_request("BYE").reply("200 OK");
    let events = script.play("missing-ack", Callee::Accepts, timers).await;
    let last = events.last();
    assert!(matches!(last, Some(Event::Terminated { reason: TerminationReason::NoAck, .. })), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_cseq() {
    let script = Script::default().invite("", true).expect(200).send("ACK", 1, "", false, None).pause(50);
    let script = script.send("OPTIONS", 9, "", false, None).expect(200);
    let script = script.send("OPTIONS", 5, "", false, None).expect(500);
    let script = script.send("BYE", 10, "", false, None).expect(200);
    assert!(hung_up(&script.play("old-cseq", Callee::Accepts, Timers::default()).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn glare() {
    let script = Script::default().invite("", true).expect(200).send("ACK", 1, "", false, None);
    // Our re-INVITE is refused with 491 and comes again.
    let script = script.expect_request("INVITE").reply("491 Request Pending").expect_request("ACK");
    let script = script.expect_request("INVITE").reply("200 OK").expect_request("ACK").pause(50);
    let script = script.send("BYE", 2, "", false, None).expect(200);
    let events = script.play("glare", Callee::Reinvites, Timers::default()).await;
    assert!(events.iter().any(|e| matches!(e, Event::ReinviteResult { status: 200, .. })), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redirection() {
    let script = Script::default().invite("", true).expect(302).send("ACK", 1, "", false, Some(0));
    let events = script.play("redirection", Callee::Redirects, Timers::default()).await;
    assert_eq!(events.len(), 1, "{events:?}");
}
