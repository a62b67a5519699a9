//! sipp's built-in scenarios (Debian package sip-tester) against the endpoint:
//! 100 calls each way, then more and more calls a second, none may fail.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use fs_sip::endpoint::{Body, Command, Endpoint, EndpointConfig, Event, TerminationReason};
use fs_sip::wire::{NameAddr, Uri};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::time::Instant;

const CALLS: usize = 100;
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                   m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

/// sipp's own port and the port of its media must be given; the system picks
/// free ones.
fn free_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.local_addr().expect("its address").port()
}

/// Runs sipp to its end, which its own time limit bounds.
async fn run_sipp(arguments: Vec<String>) -> (bool, String) {
    let run = move || {
        Process::new("sipp")
            .args(arguments)
            .args(["-i", "127.0.0.1", "-nostdin", "-timeout", "60", "-timeout_error"])
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .output()
    };
    let output = tokio::task::spawn_blocking(run).await.expect("no panic");
    let output = output.expect("sipp is installed (Debian package sip-tester)");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

async fn endpoint() -> (Endpoint, UnboundedReceiver<Event>) {
    Endpoint::bind(EndpointConfig::default()).await.expect("a port on loopback")
}

/// What became of the calls of a run.
#[derive(Default)]
struct Tally {
    begun: usize,
    ended_by_peer: usize,
}

/// Rings and accepts until all calls of the run are ended by the peer, or
/// `stop` comes. The endpoint is given back: as long as sipp runs, it must be
/// there to repeat its answers.
async fn answer(
    calls: usize,
    endpoint: Endpoint,
    mut events: UnboundedReceiver<Event>,
    mut stop: oneshot::Receiver<()>,
) -> (Tally, Endpoint) {
    let mut tally = Tally::default();
    while tally.ended_by_peer < calls {
        let event = tokio::select! {
            event = events.recv() => event.expect("the endpoint lives"),
            _ = &mut stop => break,
        };
        match event {
            Event::Incoming { id, body, .. } => {
                assert!(body.is_some_and(|b| b.content_type == "application/sdp"));
                endpoint.send(Command::Provisional { id, status: 180, reason: None, body: None });
                endpoint.send(Command::Accept { id, body: Some(Body::sdp(SDP)) });
                tally.begun += 1;
            }
            Event::Terminated { by_peer, .. } => tally.ended_by_peer += usize::from(by_peer),
            Event::Confirmed { .. } => {}
            other => panic!("unexpected: {other:?}"),
        }
    }
    (tally, endpoint)
}

async fn answer_sipp(calls: usize, rate: usize, extra: &[&str], patience: Duration) -> Tally {
    let (endpoint, events) = endpoint().await;
    let target = endpoint.local_addr();
    let (stop, stopped) = oneshot::channel();
    let mut answerer = tokio::spawn(answer(calls, endpoint, events, stopped));
    let arguments = ["-sn", "uac", "-d", "100"];
    let mut arguments: Vec<String> = arguments.iter().chain(extra).map(|a| (*a).to_owned()).collect();
    arguments.extend(["-m".into(), calls.to_string(), "-r".into(), rate.to_string()]);
    arguments.extend(["-p".into(), free_port().to_string(), "-mp".into(), free_port().to_string()]);
    arguments.push(target.to_string());
    let (ok, text) = run_sipp(arguments).await;
    assert!(ok, "sipp says:\n{text}");
    let tally = match tokio::time::timeout(patience, &mut answerer).await {
        Ok(tally) => tally,
        Err(_) => {
            // It may have ended just now; then nobody needs to be told.
            let _ = stop.send(());
            answerer.await
        }
    };
    tally.expect("no unexpected event").0
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_us_100_times() {
    let tally = answer_sipp(CALLS, 50, &[], Duration::from_secs(20)).await;
    assert_eq!((tally.begun, tally.ended_by_peer), (CALLS, CALLS));
}

/// Calls a second, for two seconds each.
const RATES: [usize; 3] = [50, 100, 200];

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_us_more_and_more_often() {
    for rate in RATES {
        let tally = answer_sipp(2 * rate, rate, &[], Duration::from_secs(20)).await;
        assert_eq!((tally.begun, tally.ended_by_peer), (2 * rate, 2 * rate), "at {rate} calls a second");
    }
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

/// Every tenth message of either side is lost; the soak loses every fifth, in
/// `FS_SIP_SIPP_CALLS` calls (`FS_SIP_SIPP_LOST` per cent). sipp takes a repeated 200 of
/// the INVITE for that of its BYE, so some calls lack the BYE; it counts its
/// calls itself, and exits with an error when one has failed.
#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_us_100_times_over_a_bad_line() {
    let (calls, lost) = (setting("FS_SIP_SIPP_CALLS", CALLS), setting("FS_SIP_SIPP_LOST", 10).to_string());
    let tally = answer_sipp(calls, 50, &["-lost", &lost], Duration::ZERO).await;
    assert_eq!(tally.begun, calls);
    assert!(tally.ended_by_peer > calls / 2, "{}", tally.ended_by_peer);
}

#[tokio::test(flavor = "multi_thread")]
async fn we_call_sipp_100_times() {
    call_sipp(CALLS, 50, None).await;
}

/// What sipp plays on a bad line: its own `uas`, which forgets a call 4 s after its BYE though the answer may be lost more often.
/// sipp takes a BYE before the ACK, which was lost, or a further ACK after the BYE, because its 200 went out again, for a mistake:
/// we hang up when that is over.
const PATIENT: &str = r#"<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="patient">
<recv request="INVITE"/>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPp[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
]]></send>
<recv request="ACK"/>
<recv request="BYE"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
<timewait milliseconds="60000"/>
</scenario>
"#;

/// The same the other way round, with the same settings. sipp is not asked how many calls it had: it has not seen their end
/// when we have.
#[tokio::test(flavor = "multi_thread")]
async fn we_call_sipp_100_times_over_a_bad_line() {
    let (calls, lost) = (setting("FS_SIP_SIPP_CALLS", CALLS), setting("FS_SIP_SIPP_LOST", 10));
    call_sipp(calls, 50, Some(lost)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn we_call_sipp_more_and_more_often() {
    for rate in RATES {
        call_sipp(2 * rate, rate, None).await;
    }
}

/// sipp where it is called.
enum Callee {
    /// It counts its calls and ends by itself.
    Counting(tokio::task::JoinHandle<(bool, String)>),
    /// It is ended when we have seen the end of all calls.
    Patient(tokio::process::Child),
}

impl Callee {
    fn start(port: u16, calls: usize, lost: Option<usize>) -> Self {
        let ports = ["-p", &port.to_string(), "-mp", &free_port().to_string()].map(str::to_owned);
        let Some(lost) = lost else {
            let arguments = ["-sn", "uas", "-m", &calls.to_string()].map(str::to_owned);
            return Self::Counting(tokio::spawn(run_sipp([arguments, ports].concat())));
        };
        let file = std::env::temp_dir().join(format!("fs-sip-patient-{}.xml", std::process::id()));
        std::fs::write(&file, PATIENT).expect("written");
        let sipp = tokio::process::Command::new("sipp")
            .arg("-sf")
            .arg(&file)
            .args(ports)
            .args(["-lost", &lost.to_string(), "-i", "127.0.0.1", "-nostdin"])
            .args(["-max_invite_retrans", "20", "-max_non_invite_retrans", "20"])
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        Self::Patient(sipp.expect("sipp is installed (Debian package sip-tester)"))
    }

    /// How long a call stands: until its 200 is not repeated any more.
    fn pause(&self) -> Duration {
        match self {
            Self::Counting(_) => Duration::ZERO,
            Self::Patient(_) => Duration::from_secs(32),
        }
    }

    async fn end(self) {
        match self {
            Self::Counting(server) => {
                let (ok, text) = server.await.expect("sipp was waited for");
                assert!(ok, "sipp says:\n{text}");
            }
            Self::Patient(mut sipp) => sipp.kill().await.expect("it runs to the end"),
        }
    }
}

/// sipp is no SIP stack: it counts a repeated INVITE of a finished call as one
/// more call, so the next call waits its turn.
async fn call_sipp(calls: usize, rate: usize, lost: Option<usize>) {
    let port = free_port();
    let sipp = Callee::start(port, calls, lost);
    let remote = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    wait_for_listener(remote).await;
    let (endpoint, mut events) = endpoint().await;
    let target = Uri::sip(Some("service"), remote.ip(), Some(port));
    let from = NameAddr::new(Uri::sip(Some("caller"), remote.ip(), None));
    let mut turn = tokio::time::interval(Duration::from_secs(1) / u32::try_from(rate).expect("small"));
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut begun, mut established, mut ended) = (0, 0, 0);
    let mut hang_ups = VecDeque::new();
    let patience = tokio::time::sleep(Duration::from_secs(180));
    tokio::pin!(patience);
    while ended < calls {
        let event = tokio::select! {
            _ = turn.tick(), if begun < calls => {
                endpoint.send(Command::Invite {
                    id: endpoint.new_invite_id(),
                    target: target.clone(),
                    from: from.clone(),
                    to: None,
                    headers: Vec::new(),
                    body: Some(Body::sdp(SDP)),
                });
                begun += 1;
                continue;
            }
            () = wait_for(hang_ups.front().map(|(at, _)| *at)) => {
                let due = hang_ups.pop_front();
                let due = due.map(|(_, id)| Command::Hangup { id, headers: Vec::new() });
                due.into_iter().for_each(|command| endpoint.send(command));
                continue;
            }
            event = events.recv() => event.expect("the endpoint lives"),
            () = &mut patience => panic!("{begun} begun, {established} established, {ended} ended"),
        };
        match event {
            Event::Established { id, status, body, .. } => {
                assert_eq!((status, body.is_some()), (200, true));
                established += 1;
                hang_ups.push_back((Instant::now() + sipp.pause(), id));
            }
            Event::Terminated { by_peer, reason, .. } => {
                assert_eq!((by_peer, reason), (false, TerminationReason::Bye(None)));
                ended += 1;
            }
            Event::Progress { .. } => {}
            other => panic!("unexpected: {other:?}"),
        }
    }
    assert_eq!(established, calls);
    sipp.end().await;
    endpoint.shutdown().await;
}

async fn wait_for(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The port is taken once sipp has bound it.
async fn wait_for_listener(remote: SocketAddr) {
    for _ in 0..200 {
        if UdpSocket::bind(remote).is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("sipp did not bind {remote}");
}
