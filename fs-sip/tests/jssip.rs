//! A browser's phone, JsSIP in Node.js, and one of ours at the same kamailio,
//! over WebSocket and secure WebSocket: REGISTER, MESSAGE, INVITE and BYE both
//! ways. Its media is a fixed SDP. The packages come by npm into `build/`.

#[path = "support/kamailio.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use fs_sip::endpoint::{Body, Command, Event, RequestId};
use fs_sip::registration::RegistrationEvent;
use fs_sip::transport::Protocol;
use fs_sip::wire::Method;
use support::{DOMAIN, ID, Kamailio, LIMIT, address_of};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

/// The folder with the packages of `tests/jssip/package-lock.json`.
fn packages() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (from, to) = (here.join("tests/jssip"), here.join("../build/jssip"));
    std::fs::create_dir_all(&to).expect("a folder");
    let lock = std::fs::read(from.join("package-lock.json")).expect("the lock file");
    if std::fs::read(to.join("installed.json")).is_ok_and(|installed| installed == lock) {
        return to;
    }
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(from.join(name), to.join(name)).expect("copied");
    }
    let log = Process::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&to).output();
    let log = log.expect("npm runs (Debian packages nodejs and npm)");
    assert!(log.status.success(), "npm ci: {}", String::from_utf8_lossy(&log.stderr));
    std::fs::write(to.join("installed.json"), lock).expect("written");
    to
}

struct Browser {
    _process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Browser {
    fn new(kamailio: &Kamailio, scheme: &str, port: u16, user: &str, password: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jssip/phone.js");
        let mut process = tokio::process::Command::new("node")
            .arg(script)
            .args([&format!("{scheme}://127.0.0.1:{port}"), user, DOMAIN, password])
            .env("NODE_PATH", packages().join("node_modules"))
            .env("NODE_EXTRA_CA_CERTS", kamailio.folder.join("certificate.pem"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts (Debian package nodejs)");
        let input = process.stdin.take().expect("its input");
        let output = BufReader::new(process.stdout.take().expect("its output")).lines();
        Self { _process: process, input, output }
    }

    async fn say(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.expect("it listens");
    }

    /// Waits for this event.
    async fn expect(&mut self, what: &str) {
        let line = tokio::time::timeout(LIMIT, self.output.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("no {what}")).expect("output");
        assert_eq!(line.as_deref(), Some(what));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_registers_writes_calls_and_is_called() {
    let kamailio = Kamailio::start("MD5").await;
    for (scheme, port, protocol) in
        [("ws", kamailio.plain, Protocol::Ws), ("wss", kamailio.secure, Protocol::Wss)]
    {
        let mut stranger = Browser::new(&kamailio, scheme, port, "mallory", "wrong");
        stranger.expect("connected").await;
        stranger.expect("refused 401").await;

        let mut browser = Browser::new(&kamailio, scheme, port, "carol", "secret");
        browser.expect("connected").await;
        browser.expect("registered").await;
        let mut bob = kamailio.phone_that_reads("bob").await;
        bob.register(kamailio.proxy(protocol), 600);
        let event = bob.registration().await;
        assert!(matches!(event, RegistrationEvent::Registered { .. }), "{scheme}: {event:?}");

        // MESSAGE, both ways.
        browser.say("message bob hello from a browser").await;
        let Event::Message { from, body, .. } = bob.next().await else { panic!("{scheme}: no message") };
        assert_eq!((from.uri, &body.data[..]), (address_of("carol").uri, &b"hello from a browser"[..]));
        browser.expect("sent").await;
        bob.endpoint.send(Command::Request {
            id: RequestId(1),
            method: Method::Message,
            target: address_of("carol").uri,
            from: address_of("bob"),
            to: None,
            headers: Vec::new(),
            body: Some(Body { content_type: "text/plain".to_owned(), data: b"and back".to_vec() }),
        });
        browser.expect("message and back").await;
        let event = bob.next().await;
        assert!(matches!(event, Event::Answered { status: 200, .. }), "{scheme}: {event:?}");

        // It calls, we hang up.
        browser.say("call bob").await;
        let call = bob.called().await;
        bob.accept(call);
        browser.expect("confirmed").await;
        assert!(matches!(bob.next().await, Event::Confirmed { .. }));
        bob.hang_up(call);
        browser.expect("ended remote").await;
        assert!(matches!(bob.outcome().await, Event::Terminated { by_peer: false, .. }));

        // We call, it hangs up.
        let call = bob.call("carol", &kamailio.proxy(protocol));
        browser.expect("incoming bob").await;
        let event = bob.outcome().await;
        assert!(
            matches!(&event, Event::Established { id, body: Some(_), .. } if *id == call),
            "{scheme}: {event:?}"
        );
        browser.expect("confirmed").await;
        browser.say("hangup").await;
        browser.expect("ended local").await;
        assert!(matches!(bob.outcome().await, Event::Terminated { by_peer: true, .. }));

        bob.endpoint.send(Command::Unregister { id: ID });
        assert_eq!(bob.registration().await, RegistrationEvent::Ended);
    }
}
