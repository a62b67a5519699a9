//! sipp's built-in scenarios against the endpoint: 100 calls each way, none
//! may fail. Skipped with a line where sipp is not installed.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use fs_sip::endpoint::{Body, Command, Endpoint, EndpointConfig, Event};
use fs_sip::wire::{NameAddr, Uri};
use tokio::sync::mpsc::UnboundedReceiver;

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

#[tokio::test(flavor = "multi_thread")]
async fn sipp_calls_us_100_times() {
    let Some(sipp) = sipp() else { return };
    let (endpoint, mut events) = endpoint().await;
    let target = endpoint.local_addr();
    let answerer = tokio::spawn(async move {
        let mut ended = 0;
        while ended < CALLS {
            match events.recv().await.expect("the endpoint lives") {
                Event::Incoming { id, body, .. } => {
                    assert!(body.is_some_and(|b| b.content_type == "application/sdp"));
                    endpoint.send(Command::Provisional { id, status: 180, reason: None, body: None });
                    endpoint.send(Command::Accept { id, body: Some(Body::sdp(SDP)) });
                }
                Event::Terminated { by_peer, .. } => {
                    assert!(by_peer);
                    ended += 1;
                }
                Event::Confirmed { .. } => {}
                other => panic!("unexpected: {other:?}"),
            }
        }
        endpoint
    });
    let arguments = ["-sn", "uac", "-m", "100", "-r", "50", "-d", "100", "-p"].map(str::to_owned);
    let ports = [free_port().to_string(), "-mp".into(), free_port().to_string(), target.to_string()];
    let (ok, text) = run_sipp(sipp, [&arguments[..], &ports[..]].concat()).await;
    assert!(ok, "sipp says:\n{text}");
    let ended = tokio::time::timeout(Duration::from_secs(20), answerer).await;
    ended.expect("all calls end").expect("no unexpected event").shutdown().await;
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
