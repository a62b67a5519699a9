//! Element `fssipcall`: pipelines in one process that call each other on loopback, as gst-launch lines would.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use fs_sip::endpoint::{Body, Command, Endpoint, EndpointConfig, Event, InviteId};
use fs_sip::wire::NameAddr;
use gst::prelude::*;

const LIMIT: Duration = Duration::from_secs(30);
const RATE: f64 = 8000.0;
const EAR: &str = "c.audio_src ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=8000,channels=1 ! \
                   fakesink name=ear signal-handoffs=true sync=false async=false";

fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        glib::log_set_always_fatal(glib::LogLevels::LEVEL_CRITICAL | glib::LogLevels::LEVEL_ERROR);
        gst::init().unwrap();
        gst_plugin_fs::plugin_register_static().unwrap();
    });
}

/// Seconds of a tone, counted in windows of 0.1 s.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<f64>>>);

impl Ear {
    fn listen(&self, bytes: &[u8]) {
        let samples = bytes.chunks_exact(2).map(|s| f64::from(i16::from_le_bytes([s[0], s[1]])));
        self.0.lock().unwrap().extend(samples);
    }

    fn seconds(&self, frequency: f64) -> f64 {
        let samples = self.0.lock().unwrap();
        let heard = samples.chunks_exact(800).filter(|window| {
            let (mut cosine, mut sine, mut power) = (0.0, 0.0, 1.0);
            for (i, sample) in window.iter().enumerate() {
                let angle = std::f64::consts::TAU * frequency * i as f64 / RATE;
                cosine += sample * angle.cos();
                sine += sample * angle.sin();
                power += sample * sample;
            }
            let tone = (cosine * cosine + sine * sine) * 2.0 / window.len() as f64;
            power > 800.0 * 1000.0 && tone > power * 0.5
        });
        heard.count() as f64 / 10.0
    }
}

/// One pipeline with one call.
struct Line {
    pipeline: gst::Pipeline,
    ear: Ear,
}

impl Line {
    fn new(description: &str) -> Self {
        init();
        let pipeline = gst::parse::launch(description).unwrap().downcast::<gst::Pipeline>();
        // One element alone comes without a pipeline around it.
        let pipeline = pipeline.unwrap_or_else(|element| {
            let pipeline = gst::Pipeline::new();
            pipeline.add(&element).unwrap();
            pipeline
        });
        let ear = Ear::default();
        if let Some(sink) = pipeline.by_name("ear") {
            let ear = ear.clone();
            sink.connect("handoff", false, move |values| {
                let buffer = values[1].get::<gst::Buffer>().unwrap();
                ear.listen(&buffer.map_readable().unwrap());
                None
            });
        }
        Self { pipeline, ear }
    }

    fn waiting(tone: u32, more: &str) -> Self {
        let line = Self::new(&format!(
            "fssipcall name=c local-uri=sip:bob@127.0.0.1:0 {more} audiotestsrc is-live=true freq={tone} ! c.audio_sink {EAR}"
        ));
        line.start();
        line
    }

    fn calling(uri: &str, tone: u32, more: &str) -> Self {
        let line = Self::new(&format!(
            "fssipcall name=c uri={uri} {more} audiotestsrc is-live=true freq={tone} ! c.audio_sink {EAR}"
        ));
        line.start();
        line
    }

    fn start(&self) {
        let paused = self.pipeline.set_state(gst::State::Paused).unwrap();
        assert_eq!(paused, gst::StateChangeSuccess::NoPreroll, "a call is live");
        self.pipeline.set_state(gst::State::Playing).unwrap();
    }

    fn call(&self) -> gst::Element {
        self.pipeline.by_name("c").unwrap()
    }

    fn uri(&self) -> String {
        self.call().property("local-uri")
    }

    fn state(&self) -> String {
        let state = self.call().property_value("state");
        glib::EnumValue::from_value(&state).unwrap().1.nick().to_owned()
    }

    /// Waits for the message that `wanted` knows.
    fn wait<T>(&self, what: &str, wanted: impl Fn(&gst::Message) -> Option<T>) -> T {
        let bus = self.pipeline.bus().unwrap();
        let end = Instant::now() + LIMIT;
        while Instant::now() < end {
            let Some(message) = bus.timed_pop(gst::ClockTime::from_mseconds(100)) else { continue };
            if let Some(found) = wanted(&message) {
                return found;
            }
            if let gst::MessageView::Error(error) = message.view() {
                panic!("waiting for {what}: {} {:?}", error.error(), error.debug());
            }
        }
        panic!("{what} did not come; the call is {}", self.state());
    }

    fn wait_state(&self, nick: &str) {
        self.wait(nick, |message| {
            let structure = message.structure().filter(|s| s.name() == "fssip-call-state")?;
            let state = structure.value("state").unwrap();
            let (_, value) = glib::EnumValue::from_value(state).unwrap();
            (value.nick() == nick).then_some(())
        });
    }

    fn wait_eos(&self) {
        self.wait("EOS", |message| (message.type_() == gst::MessageType::Eos).then_some(()));
    }

    /// The text and the status of the ERROR message.
    fn wait_error(&self) -> (String, u32) {
        self.wait("ERROR", |message| match message.view() {
            gst::MessageView::Error(error) => {
                let status = error.details().and_then(|d| d.get::<u32>("status").ok());
                Some((error.error().to_string(), status.unwrap_or_default()))
            }
            _ => None,
        })
    }

    fn wait_heard(&self, frequency: f64, seconds: f64) {
        let end = Instant::now() + LIMIT;
        while self.ear.seconds(frequency) < seconds {
            assert!(Instant::now() < end, "heard {frequency} Hz for {} s only", self.ear.seconds(frequency));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

#[test]
fn two_lines_hear_each_other_and_end_together() {
    let bob = Line::waiting(660, "auto-accept=true");
    let alice = Line::calling(&bob.uri(), 440, "");
    alice.wait_heard(660.0, 1.0);
    bob.wait_heard(440.0, 1.0);
    assert_eq!((alice.ear.seconds(440.0), bob.ear.seconds(660.0)), (0.0, 0.0), "nobody hears himself");
    assert_eq!((alice.state().as_str(), bob.state().as_str()), ("established", "established"));
    alice.pipeline.send_event(gst::event::Eos::new());
    alice.wait_eos();
    bob.wait_eos();
    assert_eq!((alice.state().as_str(), bob.state().as_str()), ("ended", "ended"));
}

#[test]
fn each_codec_of_the_list_is_used() {
    for (codec, tone) in [("PCMU", 440), ("PCMA", 450), ("OPUS", 460)] {
        let bob = Line::waiting(660, "auto-accept=true");
        let alice = Line::calling(&bob.uri(), tone, &format!("codecs={codec}"));
        let agreed = alice.wait("the codec", |message| {
            message.structure().filter(|s| s.name() == "fssip-call-codec")?.get::<String>("codec").ok()
        });
        assert!(agreed.starts_with(codec), "{agreed}");
        bob.wait_heard(f64::from(tone), 0.5);
        bob.call().emit_by_name::<()>("hangup", &[]);
        alice.wait_eos();
        bob.wait_eos();
    }
}

#[test]
fn a_side_that_waited_long_is_heard_at_once() {
    let bob = Line::waiting(660, "auto-accept=true");
    std::thread::sleep(Duration::from_secs(2));
    let alice = Line::calling(&bob.uri(), 440, "codecs=PCMU");
    alice.wait_state("established");
    std::thread::sleep(Duration::from_secs(2));
    let heard = alice.ear.seconds(660.0);
    assert!(heard > 1.0, "of 2 s, {heard} s were heard");
}

#[test]
fn the_application_decides_with_action_signals() {
    let bob = Line::waiting(660, "");
    let alice = Line::calling(&bob.uri(), 440, "");
    bob.wait_state("incoming");
    alice.wait_state("ringing");
    bob.call().emit_by_name::<()>("reject", &[&486u32]);
    let (text, status) = alice.wait_error();
    assert_eq!(status, 486, "{text}");
    assert!(text.contains("486") && text.contains("Busy Here"), "{text}");
    bob.wait_state("waiting");

    let again = Line::calling(&bob.uri(), 440, "");
    bob.wait_state("incoming");
    bob.call().emit_by_name::<()>("accept", &[]);
    again.wait_state("established");
    bob.wait_state("established");
}

#[test]
fn a_second_caller_finds_the_line_busy() {
    let bob = Line::waiting(660, "auto-accept=true");
    let alice = Line::calling(&bob.uri(), 440, "");
    alice.wait_state("established");
    let eve = Line::calling(&bob.uri(), 550, "");
    assert_eq!(eve.wait_error().1, 486);
    assert_eq!(bob.state(), "established");
}

#[test]
fn the_end_of_the_own_sound_ends_the_call() {
    let bob = Line::waiting(660, "auto-accept=true");
    let alice = Line::new(&format!(
        "fssipcall name=c uri={} audiotestsrc is-live=true freq=440 num-buffers=100 ! c.audio_sink {EAR}",
        bob.uri()
    ));
    alice.start();
    alice.wait_eos();
    bob.wait_eos();
    assert!(bob.ear.seconds(440.0) > 0.5, "{}", bob.ear.seconds(440.0));
}

#[test]
fn a_change_to_null_hangs_up() {
    let bob = Line::waiting(660, "auto-accept=true");
    let alice = Line::calling(&bob.uri(), 440, "");
    alice.wait_heard(660.0, 0.3);
    alice.pipeline.set_state(gst::State::Null).unwrap();
    bob.wait_eos();
    assert_eq!(alice.state(), "null");
}

#[test]
fn a_pipeline_can_be_started_again() {
    let bob = Line::waiting(660, "auto-accept=true");
    let alice = Line::calling(&bob.uri(), 440, "");
    bob.wait_heard(440.0, 0.3);
    alice.pipeline.set_state(gst::State::Ready).unwrap();
    bob.wait_eos();
    let carol = Line::waiting(770, "auto-accept=true");
    alice.call().set_property("uri", carol.uri());
    // The line linked the first audio_src; the next one is ours to link.
    let ear = alice.pipeline.by_name("ear").unwrap().static_pad("sink").unwrap();
    let first = std::iter::successors(Some(ear), |pad| {
        let before = pad.peer()?.parent_element()?;
        before.static_pad("sink")
    });
    let first = first.last().unwrap();
    alice.call().connect_pad_added(move |_, pad| {
        pad.link(&first).unwrap();
    });
    alice.start();
    carol.wait_heard(440.0, 0.3);
    alice.wait_heard(770.0, 0.3);
}

#[test]
fn hanging_up_while_it_rings_ends_with_eos() {
    let bob = Line::waiting(660, "");
    let alice = Line::calling(&bob.uri(), 440, "");
    alice.wait_state("ringing");
    alice.pipeline.send_event(gst::event::Eos::new());
    alice.wait_eos();
    bob.wait_state("waiting");
}

#[test]
fn listening_needs_no_sound_of_our_own() {
    let bob = Line::waiting(660, "auto-accept=true");
    let alice = Line::new(&format!("fssipcall name=c uri={} {EAR}", bob.uri()));
    alice.start();
    alice.wait_heard(660.0, 0.5);
    alice.pipeline.send_event(gst::event::Eos::new());
    alice.wait_eos();
    bob.wait_eos();
}

#[test]
fn nothing_in_common_is_488_and_the_callee_waits_on() {
    let bob = Line::waiting(660, "auto-accept=true codecs=PCMA");
    let alice = Line::calling(&bob.uri(), 440, "codecs=PCMU");
    let (text, status) = alice.wait_error();
    assert_eq!(status, 488);
    assert!(text.contains("we offered: PCMU/8000"), "{text}");
    bob.wait_state("waiting");
    let again = Line::calling(&bob.uri(), 440, "codecs=PCMA");
    bob.wait_heard(440.0, 0.3);
    drop(again);
}

#[test]
fn bad_settings_are_named() {
    let bob = Line::waiting(660, "");
    let taken = bob.uri();
    for (settings, named) in [
        (format!("local-uri={taken}"), "in use"),
        ("local-uri=mailto:x@y".to_owned(), "local-uri"),
        ("codecs=PCMU/x".to_owned(), "codecs"),
        ("codecs=G729A uri=sip:x@127.0.0.1:9".to_owned(), "G729A"),
        ("uri=tel:123".to_owned(), "tel:123"),
    ] {
        let line = Line::new(&format!("fssipcall name=c {settings}"));
        // A state change that fails has posted its error, too.
        let _ = line.pipeline.set_state(gst::State::Playing);
        let (text, _) = line.wait_error();
        assert!(text.contains(named), "{settings}: {text}");
    }
}

#[test]
fn a_port_of_the_system_is_that_of_the_transport() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let folder = std::env::temp_dir().join(format!("fs-sip-call-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let trust = format!("ca-file={}", certificate.display());
    let own = format!("certificate={} private-key={} {trust}", certificate.display(), key.display());
    for transport in ["tcp", "tls", "ws", "wss"] {
        let bob = Line::waiting(660, &format!("auto-accept=true transport={transport} {own}"));
        let uri = bob.uri();
        let named = if transport == "tcp" { "" } else { transport };
        assert_eq!(uri.split_once(";transport=").map_or("", |(_, named)| named), named, "{uri}");
        let alice = Line::calling(&format!("\"{uri}\""), 440, &format!("transport={transport} {trust}"));
        bob.wait_heard(440.0, 0.3);
        alice.pipeline.send_event(gst::event::Eos::new());
        bob.wait_eos();
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn hold_digits_and_their_messages() {
    let bob = Line::waiting(660, "auto-accept=true");
    let alice = Line::calling(&bob.uri(), 440, "codecs=PCMU");
    alice.wait_heard(660.0, 0.3);
    let held = |line: &Line, originator: &str, on_hold: bool| {
        line.wait("a change of hold", |message| {
            let hold = message.structure().filter(|s| s.name() == "fssip-call-hold")?;
            let is = (hold.get::<String>("originator").unwrap(), hold.get::<bool>("on-hold").unwrap());
            (is == (originator.to_owned(), on_hold)).then_some(())
        });
    };
    alice.call().emit_by_name::<()>("hold", &[]);
    held(&alice, "local", true);
    held(&bob, "remote", true);
    alice.call().emit_by_name::<()>("unhold", &[]);
    held(&alice, "local", false);
    held(&bob, "remote", false);
    bob.call().emit_by_name::<()>("send-dtmf", &[&"9#"]);
    for digit in ["9", "#"] {
        let came = alice.wait("a digit", |message| {
            message.structure().filter(|s| s.name() == "fssip-call-dtmf")?.get::<String>("digit").ok()
        });
        assert_eq!(came, digit);
    }
    let heard = alice.ear.seconds(660.0);
    alice.wait_heard(660.0, heard + 0.3);
}

/// A peer without any media engine: what it sends is made by a plain pipeline.
struct Peer {
    endpoint: Endpoint,
    events: tokio::sync::mpsc::UnboundedReceiver<Event>,
}

impl Peer {
    async fn call(uri: &str, port: u16) -> (Self, InviteId, u16) {
        let (endpoint, events) = Endpoint::bind(EndpointConfig::default()).await.unwrap();
        let mut peer = Self { endpoint, events };
        let id = peer.endpoint.new_invite_id();
        let target = NameAddr::parse(uri).unwrap().uri;
        let from = NameAddr::parse("sip:peer@127.0.0.1").unwrap();
        let body = Body::sdp(format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
        ));
        peer.endpoint.send(Command::Invite {
            id,
            target,
            from,
            to: None,
            headers: Vec::new(),
            body: Some(body),
        });
        let answer = loop {
            match tokio::time::timeout(LIMIT, peer.events.recv()).await.unwrap().unwrap() {
                Event::Established { body, .. } => break body.unwrap(),
                Event::Failed { status, reason, .. } => panic!("refused: {status} {reason}"),
                _ => {}
            }
        };
        let answer = String::from_utf8(answer.data).unwrap();
        let line = answer.lines().find_map(|line| line.strip_prefix("m=audio ")).unwrap();
        let theirs = line.split(' ').next().unwrap().parse().unwrap();
        (peer, id, theirs)
    }
}

fn free_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_source_keeps_the_pad() {
    let bob = Line::waiting(660, "auto-accept=true");
    let pads = Arc::new(Mutex::new(0));
    let count = Arc::clone(&pads);
    bob.call().connect_pad_added(move |_, _| *count.lock().unwrap() += 1);
    let ours = free_port();
    let (peer, id, theirs) = Peer::call(&bob.uri(), ours).await;
    for (ssrc, tone) in [(1111, 440), (2222, 880)] {
        let source = gst::parse::launch(&format!(
            "audiotestsrc is-live=true freq={tone} samplesperbuffer=160 ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! \
             rtppcmupay ssrc={ssrc} ! udpsink host=127.0.0.1 port={theirs} bind-port={ours} sync=false"
        ))
        .unwrap();
        source.set_state(gst::State::Playing).unwrap();
        bob.wait_heard(f64::from(tone), 0.5);
        source.set_state(gst::State::Null).unwrap();
    }
    assert_eq!(*pads.lock().unwrap(), 1);
    peer.endpoint.send(Command::Hangup { id, headers: Vec::new() });
    bob.wait_eos();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_gone_holds_nobody_up() {
    let bob = Line::waiting(660, "auto-accept=true");
    let (peer, _, _) = Peer::call(&bob.uri(), free_port()).await;
    bob.wait_state("established");
    let address = peer.endpoint.local_addr();
    drop(peer);
    // Nobody answers there from now on, not even the system with "port unreachable".
    let _deaf = loop {
        match std::net::UdpSocket::bind(address) {
            Ok(socket) => break socket,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    bob.pipeline.send_event(gst::event::Eos::new());
    bob.wait_eos();
    assert_eq!(bob.state(), "ended");
}
