//! sipp's built-in scenarios against the endpoint: 100 calls each way, none
//! may fail. Skipped with a line where sipp is not installed.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use fs_sip::endpoint::{Body, Command, Endpoint, EndpointConfig, Event};
use fs_sip::wire::{NameAddr, Uri};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

const CALLS: usize = 100;
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                   m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

fn sipp() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join("sipp")).find(|p| p.is_file());
    if found.is_none() {
        eprintln!("skipped: sipp is not installed (Debian package sip-tester)");
    }
    found
}

/// sipp's own port and the port of its media must be given; the system picks
/// free ones.
fn free_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.local_addr().expect("its address").port()
}

/// Runs sipp to its end, which its own time limit bounds.
async fn run_sipp(sipp: PathBuf, arguments: Vec<String>) -> (bool, String) {
    let run = move || {
        Process::new(sipp)
            .args(arguments)
            .args(["-i", "127.0.0.1", "-nostdin", "-timeout", "60", "-timeout_error"])
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .output()
    };
    let output = tokio::task::spawn_blocking(run).await.expect("no panic").expect("sipp starts");
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

async fn answer_sipp(calls: usize, extra: &[&str], patience: Duration) -> Option<Tally> {
    let sipp = sipp()?;
    let (endpoint, events) = endpoint().await;
    let target = endpoint.local_addr();
    let (stop, stopped) = oneshot::channel();
    let mut answerer = tokio::spawn(answer(calls, endpoint, events, stopped));
    let arguments = ["-sn", "uac", "-r", "50", "-d", "100"];
    let mut arguments: Vec<String> = arguments.iter().chain(extra).map(|a| (*a).to_owned()).collect();
    arguments.extend(["-m".into(), calls.to_string()]);
    arguments.extend(["-p".into(), free_port().to_string(), "-mp".into(), free_port().to_string()]);
    arguments.push(target.to_string());
    let (ok, text) = run_sipp(sipp, arguments).await;
    assert!(ok, "sipp says:\n{text}");
    let tally = match tokio::time::timeout(patience, &mut answerer).await {
        Ok(tally) => tally,
        Err(_) => {
            // It may have ended just now; then nobody needs to be told.
            let _ = stop.send(());
            answerer.await
        }
    };
    Some(tally.expect("no unexpected event").0)
}

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_us_100_times() {
    if let Some(tally) = answer_sipp(CALLS, &[], Duration::from_secs(20)).await {
        assert_eq!((tally.begun, tally.ended_by_peer), (CALLS, CALLS));
    }
}

/// Every tenth message of either side is lost; the soak loses every fifth, in
/// `FS_SIP_SIPP_CALLS` calls (`FS_SIP_SIPP_LOST` per cent). sipp takes a repeated 200 of
/// the INVITE for that of its BYE, so some calls lack the BYE; it counts its
/// calls itself, and exits with an error when one has failed.
#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_us_100_times_over_a_bad_line() {
    let setting = |name: &str, default: usize| {
        std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
    };
    let (calls, lost) = (setting("FS_SIP_SIPP_CALLS", CALLS), setting("FS_SIP_SIPP_LOST", 10).to_string());
    if let Some(tally) = answer_sipp(calls, &["-lost", &lost], Duration::ZERO).await {
        assert_eq!(tally.begun, calls);
        assert!(tally.ended_by_peer > calls / 2, "{}", tally.ended_by_peer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn we_call_sipp_100_times() {
    let Some(sipp) = sipp() else { return };
    let port = free_port();
    let arguments = ["-sn", "uas", "-m", "100", "-p"].map(str::to_owned);
    let ports = [port.to_string(), "-mp".into(), free_port().to_string()];
    let arguments = [&arguments[..], &ports[..]].concat();
    let server = tokio::spawn(run_sipp(sipp, arguments));
    let remote = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    wait_for_listener(remote).await;
    let (endpoint, mut events) = endpoint().await;
    let target = Uri::sip(Some("service"), remote.ip(), Some(port));
    let from = NameAddr::new(Uri::sip(Some("caller"), remote.ip(), None));
    for _ in 0..CALLS {
        endpoint.send(Command::Invite {
            id: endpoint.new_invite_id(),
            target: target.clone(),
            from: from.clone(),
            to: None,
            headers: Vec::new(),
            body: Some(Body::sdp(SDP)),
        });
        // sipp is no SIP stack: it counts a repeated INVITE of a finished
        // call as one more call, so it must not fall behind.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (mut established, mut ended) = (0, 0);
    while ended < CALLS {
        let event = tokio::time::timeout(Duration::from_secs(40), events.recv()).await;
        match event.expect("something happens").expect("the endpoint lives") {
            Event::Established { id, status, body } => {
                assert_eq!((status, body.is_some()), (200, true));
                established += 1;
                endpoint.send(Command::Hangup { id, headers: Vec::new() });
            }
            Event::Terminated { by_peer, .. } => {
                assert!(!by_peer);
                ended += 1;
            }
            Event::Progress { .. } => {}
            other => panic!("unexpected: {other:?}"),
        }
    }
    assert_eq!(established, CALLS);
    let (ok, text) = server.await.expect("sipp was waited for");
    assert!(ok, "sipp says:\n{text}");
    endpoint.shutdown().await;
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
