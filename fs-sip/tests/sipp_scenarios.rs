//! Scenarios of our own with sipp (Debian package sip-tester) as the other side: it calls us with a
//! late offer, early media with PRACK and UPDATE, CANCEL before and after the answer, without ACK, with
//! an old CSeq, into a glare and to be redirected; we call it and cancel while it answers, and register
//! for too short a time. sipp exits with an error where a message is not the expected one.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use fs_sip::endpoint::{
    Body, Command, Endpoint, EndpointConfig, Event, FailureCause, TerminationReason, Timers,
};
use fs_sip::registration::{RegistrationEvent, RegistrationId, RegistrationSettings};
use fs_sip::wire::{NameAddr, Uri};
use tokio::task::JoinHandle;

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
    fn reply(self, line: &str) -> Self {
        self.reply_with(line, "", "Contact: <sip:p@[local_ip]:[local_port]>\n")
    }

    fn reply_with(mut self, line: &str, tag: &str, more: &str) -> Self {
        self.steps += &format!(
            "<send><![CDATA[\nSIP/2.0 {line}\n[last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n\
             [last_CSeq:]\n{more}Content-Length: 0\n\n]]></send>\n"
        );
        self.count += 1;
        self
    }

    /// Answers the INVITE, whose CSeq number was remembered, when its CANCEL has come.
    fn reply_to_cancelled(mut self, line: &str) -> Self {
        self.steps += &format!(
            "<send><![CDATA[\nSIP/2.0 {line}\n[last_Via:]\n[last_From:]\n[last_To:];tag=late\n[last_Call-ID:]\n\
             CSeq: [$kept] INVITE\nContact: <sip:p@[local_ip]:[local_port]>\nContent-Length: 0\n\n]]></send>\n"
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

    /// Like `expect_request`, with a header that fits; what fits is remembered.
    fn expect_saying(mut self, method: &str, header: &str, pattern: &str) -> Self {
        self.steps += &format!(
            "<recv request=\"{method}\" timeout=\"15000\"><action><ereg regexp=\"{pattern}\" search_in=\"hdr\" \
             header=\"{header}:\" check_it=\"true\" assign_to=\"kept\"/></action></recv>\n"
        );
        self.count += 1;
        self
    }

    fn pause(mut self, ms: u32) -> Self {
        self.steps += &format!("<pause milliseconds=\"{ms}\"/>\n");
        self.count += 1;
        self
    }

    /// Lets sipp call a callee with it; gives back the callee's events.
    async fn play(self, name: &str, callee: Callee, timers: Timers) -> Vec<Event> {
        let config = EndpointConfig { timers, ..EndpointConfig::default() };
        let (endpoint, mut events) = Endpoint::bind(config).await.expect("a port on loopback");
        let remote = endpoint.local_addr().to_string();
        let mut sipp = self.start(name, free_port(), Some(remote));
        let mut seen = Vec::new();
        loop {
            tokio::select! {
                said = &mut sipp => {
                    said.expect("no panic").unwrap_or_else(|said| panic!("{name}: {seen:?}\n{said}"));
                    break;
                }
                Some(event) = events.recv() => {
                    answer(callee, &event).into_iter().for_each(|command| endpoint.send(command));
                    seen.push(event);
                }
            }
        }
        while let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(300), events.recv()).await {
            seen.push(event);
        }
        seen
    }

    /// Starts sipp on a port, as caller where there is somebody to call. Its words where it fails.
    fn start(self, name: &str, port: u16, remote: Option<String>) -> JoinHandle<Result<(), String>> {
        let folder = std::env::temp_dir();
        let file = folder.join(format!("fs-sip-{name}-{}.xml", std::process::id()));
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"{name}\">\n{}</scenario>\n",
            self.steps
        );
        std::fs::write(&file, text).expect("a file in the folder for such");
        let (port, media) = (port.to_string(), free_port().to_string());
        tokio::task::spawn_blocking(move || {
            let output = Process::new("sipp")
                .arg("-sf")
                .arg(&file)
                .args(["-m", "1", "-i", "127.0.0.1", "-p", &port, "-mp", &media, "-nostdin"])
                .args(["-timeout", "25", "-timeout_error"])
                .args(remote)
                .current_dir(folder)
                .stdin(Stdio::null())
                .output()
                .expect("sipp is installed (Debian package sip-tester)");
            // Nobody needs the scenario any more.
            let _ = std::fs::remove_file(file);
            let said = [output.stdout, output.stderr].concat();
            output.status.success().then_some(()).ok_or(String::from_utf8_lossy(&said).into_owned())
        })
    }
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.local_addr().expect("its address").port()
}

/// sipp waits to be called on this port.
async fn sipp_waits(script: Script, name: &str) -> (u16, JoinHandle<Result<(), String>>) {
    let port = free_port();
    let sipp = script.start(name, port, None);
    for _ in 0..200 {
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
            return (port, sipp);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("sipp did not bind {port}");
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

/// The call stands already when the CANCEL comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_is_too_late() {
    let script = Script::default().invite("", true).expect(200).send("CANCEL", 1, "", false, Some(0));
    let script = script.expect(200).send("ACK", 1, "", false, None).pause(50);
    let script = script.send("BYE", 2, "", false, None).expect(200);
    let events = script.play("late-cancel", Callee::Accepts, Timers::default()).await;
    assert!(!events.iter().any(|e| matches!(e, Event::Cancelled { .. })) && hung_up(&events), "{events:?}");
}

/// Our CANCEL crosses the 200: it gets ACK and BYE (RFC 3261 section 9.1).
#[tokio::test(flavor = "multi_thread")]
async fn our_cancel_crosses_the_answer() {
    let script = Script::default().expect_saying("INVITE", "CSeq", "[0-9]+");
    let script = script.reply_with("180 Ringing", ";tag=late", "Contact: <sip:p@[local_ip]:[local_port]>\n");
    let script = script.expect_request("CANCEL").reply("200 OK").reply_to_cancelled("200 OK");
    let script = script.expect_request("ACK").expect_request("BYE").reply("200 OK");
    let (port, sipp) = sipp_waits(script, "crossing").await;
    let (endpoint, mut events) = Endpoint::bind(EndpointConfig::default()).await.expect("a port on loopback");
    let me = NameAddr::parse("<sip:me@127.0.0.1>").expect("address");
    let target = Uri::sip(Some("x"), IpAddr::from(Ipv4Addr::LOCALHOST), Some(port));
    let id = endpoint.new_invite_id();
    let headers = Vec::new();
    endpoint.send(Command::Invite { id, target, from: me, to: None, headers, body: sdp() });
    let mut seen = Vec::new();
    while let Some(event) = events.recv().await {
        if matches!(event, Event::Progress { .. }) {
            endpoint.send(Command::Hangup { id, headers: Vec::new() });
        }
        let over = matches!(event, Event::Failed { .. });
        seen.push(event);
        if over {
            break;
        }
    }
    sipp.await.expect("no panic").unwrap_or_else(|said| panic!("{seen:?}\n{said}"));
    let last = seen.last();
    assert!(matches!(last, Some(Event::Failed { cause: FailureCause::Cancelled, .. })), "{seen:?}");
}

/// The registrar wants registrations of two hours at least (RFC 3261 section 10.2.8).
#[tokio::test(flavor = "multi_thread")]
async fn too_brief_a_registration() {
    let script = Script::default().expect_saying("REGISTER", "Expires", "^ *600$");
    let script = script.reply_with("423 Interval Too Brief", ";tag=r", "Min-Expires: 7200\n");
    let script = script.expect_saying("REGISTER", "Expires", "^ *7200$");
    let script = script.reply_with("200 OK", ";tag=r", "[last_Contact:]\nExpires: 7200\n");
    let (port, sipp) = sipp_waits(script, "423").await;
    let (endpoint, mut events) = Endpoint::bind(EndpointConfig::default()).await.expect("a port on loopback");
    let identity = Uri::sip(Some("me"), IpAddr::from(Ipv4Addr::LOCALHOST), Some(port));
    let settings =
        RegistrationSettings { expires: 600, ..RegistrationSettings::new(NameAddr::new(identity)) };
    endpoint.send(Command::Register { id: RegistrationId(1), settings });
    let event = events.recv().await;
    sipp.await.expect("no panic").unwrap_or_else(|said| panic!("{event:?}\n{said}"));
    let Some(Event::Registration { event: RegistrationEvent::Registered { expires, .. }, .. }) = event else {
        panic!("{event:?}")
    };
    assert_eq!(expires, 7200);
}
