//! One call of the SIP examples from its first to its last event, told line by line, with its figures at the end.

use std::time::{Duration, Instant};

use fs_sip::media::MediaStatistics;
use fs_sip::sdp::codecs::label;
use fs_sip::{Application, ApplicationConfig, Originator, Session, SessionEvent, StreamEvent};

use crate::arguments::Arguments;
use crate::phone::Phone;

/// What came of a call.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The codec agreed.
    pub codec: String,
    /// From the call to the first sample of the peer.
    pub first_sample: Option<Duration>,
    /// Packets and jitter.
    pub statistics: MediaStatistics,
    /// How long the call stood.
    pub talked: Duration,
    /// Why it failed; `None` when it went well.
    pub failure: Option<String>,
}

impl Outcome {
    /// The figures as `name: value` lines, for people and for the demo.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let first =
            self.first_sample.map_or("never".to_owned(), |d| format!("{:.1}", d.as_secs_f64() * 1000.0));
        let jitter = self.statistics.jitter.as_secs_f64() * 1000.0;
        vec![
            format!("codec: {}", self.codec),
            format!("talked-s: {:.1}", self.talked.as_secs_f64()),
            format!("first-sample-ms: {first}"),
            format!("packets-sent: {}", self.statistics.packets_sent),
            format!("packets-received: {}", self.statistics.packets_received),
            format!("packets-lost: {}", self.statistics.packets_lost),
            format!("jitter-ms: {jitter:.2}"),
        ]
    }
}

/// Settings of the SIP side from the command line. Without `--local-uri` the system chooses a port of 127.0.0.1.
///
/// # Errors
/// Names the argument that is wrong.
pub fn configure(arguments: &Arguments) -> Result<ApplicationConfig, String> {
    let mut config = ApplicationConfig::default();
    config.media.codecs = fs_sip::sdp::codecs::preferences(&arguments.codecs)?;
    if let Some(uri) = &arguments.local_uri {
        let own =
            fs_sip::wire::NameAddr::parse(uri).map_err(|error| format!("--local-uri {uri}: {error}"))?;
        let ip = own.uri.host().and_then(|host| host.ip());
        let ip =
            ip.ok_or_else(|| format!("--local-uri {uri}: the host has to be an address of this computer"))?;
        config.endpoint.bind = (ip, own.uri.port().unwrap_or(5060)).into();
        config.identity = Some(own);
    }
    Ok(config)
}

/// Places a call and follows it to its end.
///
/// # Errors
/// When the address can't be called.
pub async fn place(
    application: &Application,
    target: &str,
    phone: &Phone,
    limit: Duration,
) -> Result<Outcome, String> {
    let begun = Instant::now();
    println!("calling {target}");
    let session = application.call(target).await.map_err(|error| error.to_string())?;
    Ok(follow(session, phone, begun, Some(limit)).await)
}

/// Follows a session to its end; hangs up after `limit`, or leaves that to the peer.
pub async fn follow(mut session: Session, phone: &Phone, begun: Instant, limit: Option<Duration>) -> Outcome {
    let id = session.id();
    let mut outcome = Outcome::default();
    let mut started: Option<Instant> = None;
    let mut hung_up = false;
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        let end = started.filter(|_| !hung_up).and_then(|since| limit.map(|limit| since + limit));
        tokio::select! {
            event = session.next_event() => {
                let Some(event) = event else {
                    outcome.failure.get_or_insert_with(|| "the session broke off".to_owned());
                    break;
                };
                outcome.first_sample = phone.first_sample(id).map(|at| at - begun).or(outcome.first_sample);
                let last = event.is_last();
                on_event(event, &session, phone, &mut outcome, &mut started);
                if last {
                    break;
                }
            }
            _ = tick.tick() => {
                if let Some(error) = phone.error() {
                    outcome.failure = Some(error);
                    session.hangup();
                }
                if let Some(since) = started.filter(|since| since.elapsed() > Duration::from_millis(500)) {
                    println!("talking for {:.0} s", since.elapsed().as_secs_f64());
                }
            }
            () = sleep_until(end) => {
                session.hangup();
                hung_up = true;
            }
        }
    }
    phone.forget(id);
    outcome
}

fn on_event(
    event: SessionEvent,
    session: &Session,
    phone: &Phone,
    outcome: &mut Outcome,
    started: &mut Option<Instant>,
) {
    match event {
        SessionEvent::GotRingIndication => println!("ringing"),
        SessionEvent::DidStart => {
            println!("the call stands");
            *started = Some(Instant::now());
            if let Err(error) = phone.play(session.id()) {
                outcome.failure = Some(format!("can't play: {error}"));
                session.hangup();
            }
        }
        SessionEvent::Stream(StreamEvent::CodecsAgreed(codecs)) => {
            outcome.codec = codecs.first().map(label).unwrap_or_default();
            println!("codec agreed: {}", outcome.codec);
        }
        SessionEvent::Stream(StreamEvent::DidStart { codec, .. }) => println!("hearing {}", label(&codec)),
        SessionEvent::Stream(StreamEvent::DidFail { reason }) => println!("media: {reason}"),
        SessionEvent::Stream(StreamEvent::DidEnd { statistics, .. }) => outcome.statistics = statistics,
        SessionEvent::DidChangeHoldState { originator, on_hold } => {
            println!("{} by the {originator} side", if on_hold { "held" } else { "resumed" });
        }
        SessionEvent::WillEnd { .. } => {
            if let Some(since) = started {
                outcome.talked = since.elapsed();
            }
        }
        SessionEvent::DidFail { code, reason, failure_reason, .. } => {
            // The longer text says more: what was offered, for example.
            let text = if failure_reason.starts_with(&reason) { failure_reason } else { reason };
            outcome.failure.get_or_insert_with(|| if code == 0 { text } else { format!("{code} {text}") });
        }
        SessionEvent::DidEnd { originator, end_reason } => {
            println!("ended by the {originator} side: {end_reason}");
            if originator == Originator::Local && end_reason != "user request" {
                outcome.failure.get_or_insert(end_reason);
            }
        }
        _ => {}
    }
}

async fn sleep_until(end: Option<Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end.into()).await,
        None => std::future::pending().await,
    }
}
