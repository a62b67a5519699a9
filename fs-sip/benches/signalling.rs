//! What signalling costs: CPU and memory per call as UAS and as UAC beside
//! sipp's own UAS, and the parser beside rsip's.
//!
//! ```text
//! signalling [parser|core|calls [TURNS]]   default: all, printed as tables; exit status 1 where an aim is missed
//! ```
//!
//! Every program of a call runs in a process of its own, and all are measured
//! alike: by the CPU time the system has counted when they end (`wait4`), each
//! from its start. Ours waits for the end of its last transaction (32 s) before
//! it ends, so that the work of its timers counts as well; sipp ends with its
//! last call. sipp and ours take turns, as other load on the machine moves both.
#![allow(clippy::zombie_processes, reason = "`end_of` waits for all of them, with wait4")]

use std::collections::{HashSet, VecDeque};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use fs_sip::endpoint::{
    Body, Command, Endpoint, EndpointConfig, EndpointCore, Event, Input, InviteId, Output, Resolution,
};
use fs_sip::transport::{Local, Peer};
use fs_sip::wire::{NameAddr, Uri, parse_datagram};
use rsip::headers::ToTypedHeader;
use rsip::message::HeadersExt;

/// Calls a second.
const RATE: usize = 1600;
/// Calls of one turn: 12 s, so that no transaction ends before the last call.
const CALLS: usize = 19_200;
const TURNS: usize = 3;
/// Largest CPU time a call, as a multiple of sipp's own UAS beside it.
const MOST_OF_SIPP: f64 = 1.7;
/// Largest memory of a call while its timers hold it, kB.
const MOST_KB: f64 = 25.0;
/// What may be left when all are over, MB.
const MOST_LEFT_MB: f64 = 5.0;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                   m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|w| w != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let fine = match words[..] {
        ["uas", calls] => role(true, calls, None),
        ["uac", calls, target] => role(false, calls, Some(target)),
        ["calls"] => calls(TURNS),
        ["calls", turns] => calls(turns.parse().expect("a number of turns")),
        ["parser"] => parser(),
        ["core"] => core(),
        [] => parser() & core() & calls(TURNS),
        _ => panic!("usage: signalling [parser|core|calls [TURNS]]"),
    };
    std::process::exit(i32::from(!fine));
}

// ------------------------------------------------------------- the programs

fn role(uas: bool, calls: &str, target: Option<&str>) -> bool {
    let calls = calls.parse().expect("a number of calls");
    let target = target.map(|t| t.parse().expect("address and port"));
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let (endpoint, events) = Endpoint::bind(EndpointConfig::default()).await.expect("a port on loopback");
        let idle = resident();
        println!("{}", endpoint.local_addr());
        let ended = match (uas, target) {
            (false, Some(target)) => place(calls, target, &endpoint, events).await,
            _ => take(calls, &endpoint, events).await,
        };
        let (held, cpu) = (resident(), own_cpu());
        loop {
            let now = endpoint.statistics().await.expect("it runs");
            if now.client_transactions + now.server_transactions == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        println!("{} {} {} {} {}", idle, held, resident(), cpu.as_micros(), calls - ended);
    });
    true
}

type Events = tokio::sync::mpsc::UnboundedReceiver<Event>;

/// Rings and accepts; gives back how many calls have come to their end, which
/// a caller that loses messages may leave out.
async fn take(calls: usize, endpoint: &Endpoint, mut events: Events) -> usize {
    let (mut begun, mut ended) = (0, 0);
    while ended < calls {
        let patience = if begun == 0 { Duration::from_secs(20) } else { Duration::from_secs(5) };
        let Ok(event) = tokio::time::timeout(patience, events.recv()).await else { break };
        match event.expect("the endpoint lives") {
            Event::Incoming { id, .. } => {
                begun += 1;
                endpoint.send(Command::Provisional { id, status: 180, reason: None, body: None });
                endpoint.send(Command::Accept { id, body: Some(Body::sdp(SDP)) });
            }
            Event::Terminated { .. } => ended += 1,
            _ => {}
        }
    }
    ended
}

/// Calls, and hangs up when answered; gives back how many calls went well. sipp
/// takes a repeated INVITE for one more call, ends too early then, and leaves some
/// of ours ringing: they are given up.
async fn place(calls: usize, target: SocketAddr, endpoint: &Endpoint, mut events: Events) -> usize {
    let uri = Uri::sip(Some("service"), target.ip(), Some(target.port()));
    let from = NameAddr::new(Uri::sip(Some("caller"), target.ip(), None));
    let start = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    let (mut begun, mut ended, mut open) = (0, 0, HashSet::new());
    while begun < calls || !open.is_empty() {
        tokio::select! {
            event = events.recv() => match event.expect("the endpoint lives") {
                Event::Established { id, .. } => endpoint.send(Command::Hangup { id, headers: Vec::new() }),
                Event::Terminated { id, .. } => ended += usize::from(open.remove(&id)),
                Event::Failed { id, .. } => drop(open.remove(&id)),
                _ => {}
            },
            () = tokio::time::sleep(Duration::from_secs(5)), if begun == calls => {
                for id in &open {
                    endpoint.send(Command::Hangup { id: *id, headers: Vec::new() });
                }
            }
            _ = tick.tick(), if begun < calls => {
                let due = (start.elapsed().as_secs_f64() * RATE as f64) as usize;
                while begun < due.min(calls) {
                    begun += 1;
                    let id = endpoint.new_invite_id();
                    open.insert(id);
                    endpoint.send(Command::Invite {
                        id,
                        target: uri.clone(),
                        from: from.clone(),
                        to: None,
                        headers: Vec::new(),
                        body: Some(Body::sdp(SDP)),
                    });
                }
            }
        }
    }
    ended
}

/// Resident memory in kB.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("a line for it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

// --------------------------------------------------------- CPU and processes

fn time_of(usage: &libc::rusage) -> Duration {
    let part =
        |t: libc::timeval| Duration::from_secs(t.tv_sec as u64) + Duration::from_micros(t.tv_usec as u64);
    part(usage.ru_utime) + part(usage.ru_stime)
}

fn own_cpu() -> Duration {
    // SAFETY: all-zero bytes are a value of this C struct of integers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is writable for as long as the call takes.
    let result = unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    assert_eq!(result, 0);
    time_of(&usage)
}

/// The CPU time of this thread, to the nanosecond.
fn thread_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is writable for as long as the call takes.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Waits for the end of a program; gives back the CPU time it has used.
fn end_of(child: &Child, name: &str) -> Duration {
    let mut status = 0;
    // SAFETY: all-zero bytes are a value of this C struct of integers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the process is our child and nobody else waits for it; both
    // places are writable for as long as the call takes.
    let pid = unsafe { libc::wait4(child.id() as libc::pid_t, &raw mut status, 0, &raw mut usage) };
    // sipp ends with 1 where one of its calls has failed; ours counts them.
    assert!(pid > 0 && (status == 0 || status == 1 << 8), "{name} ended with status {status}");
    time_of(&usage)
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.local_addr().expect("its address").port()
}

fn sipp(arguments: &[&str]) -> Child {
    let (port, calls) = (free_port().to_string(), CALLS.to_string());
    sipp_at(&port, &[arguments, &["-m", &calls]].concat())
}

fn sipp_at(port: &str, arguments: &[&str]) -> Child {
    let media = free_port().to_string();
    Process::new("sipp")
        .args(arguments)
        .args(["-i", "127.0.0.1", "-p", port, "-mp", &media, "-nostdin", "-timeout", "120"])
        // With the system's default it loses messages at this rate.
        .args(["-buff_size", "1000000"])
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("sipp is installed (Debian package sip-tester)")
}

/// sipp's own UAS; ready when its port is taken.
fn sipp_uas() -> (Child, SocketAddr) {
    let port = free_port();
    let child = sipp_at(&port.to_string(), &["-sn", "uas", "-m", &CALLS.to_string()]);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    for _ in 0..200 {
        if UdpSocket::bind(address).is_err() {
            return (child, address);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("sipp did not bind {address}");
}

/// sipp's UAC against an address.
fn sipp_uac(target: SocketAddr) -> Child {
    let rate = RATE.to_string();
    sipp(&["-sn", "uac", "-r", &rate, "-l", "100000", "-d", "0", &target.to_string()])
}

/// This program in a role; its lines come from the reader.
fn ours(words: &[&str]) -> (Child, impl FnMut() -> String + use<>) {
    let program = std::env::current_exe().expect("our own path");
    let mut child = Process::new(program).args(words).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    (child, move || lines.next().expect("a line").expect("text"))
}

// ---------------------------------------------------------------- the tables

/// One turn of a program.
struct Turn {
    /// µs of CPU a call.
    cpu: f64,
    /// The same without what the timers cost when all calls are over.
    calls_only: f64,
    /// kB a call while timers hold it.
    held: f64,
    /// MB more than when it was idle, when all are over.
    left: f64,
    /// Calls that did not come to their end.
    failed: f64,
}

fn per_call(cpu: Duration) -> f64 {
    cpu.as_secs_f64() * 1e6 / CALLS as f64
}

fn turn_of(total: Duration, line: &str) -> Turn {
    let figures: Vec<f64> = line.split(' ').map(|w| w.parse().expect("a figure")).collect();
    let [idle, held, left, calls_only, failed] = figures[..] else { panic!("five figures, not {line}") };
    Turn {
        cpu: per_call(total),
        calls_only: calls_only / CALLS as f64,
        held: (held - idle) / CALLS as f64,
        left: (left - idle) / 1024.0,
        failed,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn calls(turns: usize) -> bool {
    let count = CALLS.to_string();
    let (mut sipps, mut uas, mut uac, mut beside) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..turns {
        let (server, address) = sipp_uas();
        let client = sipp_uac(address);
        sipps.push(per_call(end_of(&server, "sipp as UAS")));
        end_of(&client, "sipp as UAC");

        let (server, mut line) = ours(&["uas", &count]);
        let client = sipp_uac(line().parse().expect("its address"));
        end_of(&client, "sipp as UAC");
        let figures = line();
        uas.push(turn_of(end_of(&server, "our UAS"), &figures));

        let (server, address) = sipp_uas();
        let (client, mut line) = ours(&["uac", &count, &address.to_string()]);
        line();
        beside.push(per_call(end_of(&server, "sipp as UAS")));
        let figures = line();
        uac.push(turn_of(end_of(&client, "our UAC"), &figures));
    }
    let floor = median(sipps);
    let mut text = format!(
        "{CALLS} calls at {RATE}/s over UDP on loopback, one thread; medians of {turns} turns\n\
         program       CPU µs/call  without timers  of sipp's UAS  held kB/call  left MB  failed\n\
         sipp UAS      {floor:11.1}\n"
    );
    let mut fine = true;
    for (name, turns, sipp) in [("our UAS", &uas, floor), ("our UAC", &uac, median(beside))] {
        let of = |what: fn(&Turn) -> f64| median(turns.iter().map(what).collect());
        let (cpu, held, left) = (of(|t| t.cpu), of(|t| t.held), of(|t| t.left));
        let without = of(|t| t.calls_only);
        let ratio = cpu / sipp;
        fine &= ratio <= MOST_OF_SIPP && held <= MOST_KB && left <= MOST_LEFT_MB;
        let _ = writeln!(
            text,
            "{name:13} {cpu:11.1} {without:15.1} {ratio:14.2} {held:13.1} {left:8.1} {:7}",
            of(|t| t.failed)
        );
    }
    print!("{text}");
    if !fine {
        println!(
            "FAILED: allowed are {MOST_OF_SIPP} of sipp's UAS, {MOST_KB} kB a call, {MOST_LEFT_MB} MB left"
        );
    }
    let _ = std::io::stdout().flush();
    fine
}

/// Two pure endpoints call each other in virtual time: what is left when nothing is sent.
fn core() -> bool {
    const CALLS: usize = 60_000;
    let seed = |n| EndpointCore::new(EndpointConfig::default(), [n; 32]);
    let mut ends = [(seed(1), Duration::ZERO), (seed(2), Duration::ZERO)];
    let (mut now, mut ended) = (Instant::now(), 0);
    let addresses = [1, 2].map(|n| SocketAddr::from(([127, 0, 0, n], 5060)));
    let from = NameAddr::new(Uri::sip(Some("caller"), addresses[0].ip(), None));
    let target = Uri::sip(Some("service"), addresses[1].ip(), Some(5060));
    for n in 0..CALLS {
        // 1,000 calls a second.
        now += Duration::from_millis(1);
        let (from, target) = (from.clone(), target.clone());
        let (id, body) = (InviteId(2 * n as u64), Some(Body::sdp(SDP)));
        let invite = Command::Invite { id, target, from, to: None, headers: Vec::new(), body };
        let mut inputs =
            VecDeque::from([(0, Input::Command(invite)), (0, Input::Timeout), (1, Input::Timeout)]);
        let mut datagrams: VecDeque<(usize, Vec<u8>)> = VecDeque::new();
        loop {
            let (end, input) = match (inputs.pop_front(), datagrams.front()) {
                (Some(next), _) => next,
                (None, Some((end, data))) => {
                    let source = Peer::udp(addresses[1 - *end]);
                    (*end, Input::Message { data, source, local: Local::udp(addresses[*end]) })
                }
                (None, None) => break,
            };
            let taken = matches!(input, Input::Message { .. });
            let (endpoint, cpu) = &mut ends[end];
            let mut outputs = Vec::new();
            let start = thread_cpu();
            endpoint.handle(now, input);
            while let Some(output) = endpoint.poll_output() {
                outputs.push(output);
            }
            *cpu += thread_cpu() - start;
            if taken {
                datagrams.pop_front();
            }
            for output in outputs {
                match output {
                    Output::Transmit(transmit) => datagrams.push_back((1 - end, transmit.data)),
                    Output::Resolve(token, _) => {
                        let (peer, local) = (Peer::udp(addresses[1 - end]), Local::udp(addresses[end]));
                        let resolution = Resolution { peer, local, rest: Vec::new() };
                        inputs.push_back((end, Input::Resolved(token, Ok(resolution))));
                    }
                    Output::Event(Event::Incoming { id, .. }) => {
                        let ring = Command::Provisional { id, status: 180, reason: None, body: None };
                        inputs.push_back((end, Input::Command(ring)));
                        let accept = Command::Accept { id, body: Some(Body::sdp(SDP)) };
                        inputs.push_back((end, Input::Command(accept)));
                    }
                    Output::Event(Event::Established { id, .. }) => {
                        inputs.push_back((end, Input::Command(Command::Hangup { id, headers: Vec::new() })));
                    }
                    Output::Event(Event::Terminated { .. }) => ended += 1,
                    _ => {}
                }
            }
        }
    }
    assert_eq!(ended, 2 * CALLS, "calls end on both sides");
    println!("{CALLS} calls at 1000/s between two pure endpoints, timers included");
    for ((_, cpu), name) in ends.iter().zip(["caller", "callee"]) {
        println!("{name} {:6.1} µs/call", cpu.as_secs_f64() * 1e6 / CALLS as f64);
    }
    true
}

/// An INVITE with 16 headers and a description.
fn invite() -> Vec<u8> {
    let head = "INVITE sip:bob@biloxi.example.com;user=phone SIP/2.0\r\n\
         Via: SIP/2.0/UDP proxy.example.com:5060;branch=z9hG4bK87asdks7;received=192.0.2.1;rport=5060\r\n\
         Via: SIP/2.0/UDP 192.0.2.4:5062;branch=z9hG4bK776asdhds\r\n\
         Max-Forwards: 69\r\nFrom: \"Alice\" <sip:alice@atlanta.example.com>;tag=1928301774\r\n\
         To: \"Bob\" <sip:bob@biloxi.example.com>\r\nCall-ID: a84b4c76e66710@pc33.atlanta.example.com\r\n\
         CSeq: 314159 INVITE\r\nContact: <sip:alice@192.0.2.4:5062>\r\n\
         Record-Route: <sip:proxy.example.com;lr>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE\r\n\
         Supported: 100rel, timer, replaces\r\nUser-Agent: phone/1.0\r\nSession-Expires: 1800\r\n\
         Subject: A call\r\nContent-Type: application/sdp\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{SDP}", SDP.len()).into_bytes()
}

/// Runs it for about 0.3 s of CPU time; gives back µs a run.
fn micros(mut run: impl FnMut()) -> f64 {
    let start = thread_cpu();
    let mut runs = 0;
    loop {
        (0..500).for_each(|_| run());
        runs += 500;
        let used = thread_cpu() - start;
        if used > Duration::from_millis(300) {
            return used.as_secs_f64() * 1e6 / f64::from(runs);
        }
    }
}

/// What is measured, and how it is called.
type Case<'a> = (&'a str, Box<dyn FnMut() + 'a>);

fn parser() -> bool {
    let data = invite();
    let rsip_parses = || rsip::Request::try_from(std::hint::black_box(&data[..])).expect("a request");
    let mut cases: [Case<'_>; 4] = [
        (
            "ours, all checks",
            Box::new(|| drop(parse_datagram(std::hint::black_box(&data)).expect("a message"))),
        ),
        ("rsip, lines only", Box::new(|| drop(rsip_parses()))),
        (
            "rsip, typed Via, From, To, CSeq, Contact, Max-Forwards",
            Box::new(|| {
                let request = rsip_parses();
                let via = request.via_header().expect("Via").typed();
                let from = request.from_header().expect("From").typed();
                let to = request.to_header().expect("To").typed();
                let cseq = request.cseq_header().expect("CSeq").typed();
                let contact = request.contact_header().expect("Contact").typed();
                let hops = request.max_forwards_header().expect("Max-Forwards").num();
                assert!(via.is_ok() && from.is_ok() && to.is_ok() && cseq.is_ok());
                assert!(contact.is_ok() && hops.is_ok());
            }),
        ),
        (
            "ours, read and written",
            Box::new(|| match parse_datagram(&data).expect("a message") {
                fs_sip::wire::Datagram::Message(message) => drop(std::hint::black_box(message.encode())),
                fs_sip::wire::Datagram::KeepAlive => unreachable!("it has a message"),
            }),
        ),
    ];
    println!("an INVITE of {} bytes with 16 headers; the least of {TURNS} turns", data.len());
    let mut least = [f64::MAX; 4];
    for _ in 0..TURNS {
        for (best, (_, run)) in least.iter_mut().zip(&mut cases) {
            *best = best.min(micros(run));
        }
    }
    for (best, (name, _)) in least.iter().zip(&cases) {
        println!("{name:56} {best:6.2} µs {:7.0} k/s", 1e3 / best);
    }
    true
}
