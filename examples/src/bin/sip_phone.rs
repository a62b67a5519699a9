//! A telephone at the command line: what the call API can do, one line of input for each of it.
//!
//! `cargo run -p fs-examples --bin sip_phone -- --local-uri sip:alice@127.0.0.1:5070`
//!
//! | Line | What it does |
//! |---|---|
//! | `call URI` | places a call |
//! | `answer`, `reject [STATUS]` | answers the call that comes, or refuses it |
//! | `hold`, `resume` | holds the peer, and ends that |
//! | `digits 12#` | sends digits |
//! | `video`, `novideo` | adds pictures to the call, and takes them out; `video` and `reject` also answer the peer that wants them |
//! | `transfer URI` | asks the peer to call somebody else |
//! | `follow`, `stay` | calls whom the peer has asked us to call, or refuses that |
//! | `hangup` | ends the call |
//! | `quit`, or the end of the input | ends everything |
//!
//! Everything that happens is told in lines. Further words: `--play FILE`, `--record FILE`, `--device`, `--codecs LIST`.

use std::process::ExitCode;
use std::sync::Arc;

use fs_examples::arguments::Arguments;
use fs_examples::call;
use fs_examples::phone::Phone;
use fs_proto::MediaType;
use fs_sip::sdp::codecs::preferences_of;
use fs_sip::session::VideoOptions;
use fs_sip::{Application, MediaOptions, Originator, Session, SessionEvent, StreamEvent, Transfer};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, unbounded_channel};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sip_phone: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    gst::init()?;
    gst_plugin_fs::plugin_register_static()?;
    let (phone, backend) = Phone::new(arguments.sounds.clone())?;
    let mut config = call::configure(&arguments)?;
    config.media = MediaOptions { ask_for_streams: true, ..config.media };
    let (application, incoming) = Application::start(config, backend).await?;
    println!("waiting at {}", application.identity().uri);
    Telephone { application, incoming, phone, session: None, former: None, asked: false }.run().await;
    Ok(())
}

struct Telephone {
    application: Application,
    incoming: Receiver<Session>,
    phone: Arc<Phone>,
    /// The call, if there is one: this telephone has one line.
    session: Option<Session>,
    /// The call whose peer has asked for the one above, until it ends.
    former: Option<Session>,
    /// The peer wants to add pictures.
    asked: bool,
}

impl Telephone {
    async fn run(mut self) {
        let mut lines = typed_lines();
        loop {
            tokio::select! {
                line = lines.recv() => match line {
                    Some(line) if line.trim() != "quit" => self.on_line(line.trim()).await,
                    _ => break,
                },
                Some(session) = self.incoming.recv() => self.called(session),
                event = next_event(&mut self.session) => self.on_event(event),
                event = next_event(&mut self.former) => self.on_former_event(event),
            }
        }
        self.session = None;
        self.application.shutdown().await;
    }

    async fn on_line(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, &self.session) {
            ("call", None) => match self.application.call(rest.trim()).await {
                Ok(session) => self.session = Some(session),
                Err(error) => println!("{error}"),
            },
            ("answer", Some(session)) => session.accept(),
            ("video", Some(session)) => match std::mem::take(&mut self.asked) {
                true => session.accept_proposal(video()),
                false => session.add_video(video()),
            },
            ("novideo", Some(session)) => session.remove_video(),
            ("reject", Some(session)) if std::mem::take(&mut self.asked) => {
                session.reject_proposal(rest.trim().parse().unwrap_or(488), None);
            }
            ("reject", Some(session)) => session.reject(rest.trim().parse().unwrap_or(603), None),
            ("hold", Some(session)) => session.hold(),
            ("resume", Some(session)) => session.unhold(),
            ("digits", Some(session)) => {
                if let Err(error) = session.send_digits(rest) {
                    println!("{error}");
                }
            }
            ("transfer", Some(session)) => match Transfer::to(rest.trim()) {
                Ok(transfer) => session.transfer(transfer),
                Err(error) => println!("{error}"),
            },
            ("stay", Some(session)) => session.reject_transfer(603, None),
            ("follow", Some(session)) => match self.application.accept_transfer(&session.control()).await {
                Ok(new) => self.former = self.session.replace(new),
                Err(error) => println!("{error}"),
            },
            ("hangup", Some(session)) => session.hangup(),
            ("", _) => {}
            _ => println!("{word} is not possible now"),
        }
    }

    fn called(&mut self, session: Session) {
        if self.session.is_some() {
            session.reject(486, None);
            return;
        }
        println!("called by {}", session.remote().uri);
        session.ring();
        self.session = Some(session);
    }

    fn on_event(&mut self, event: Option<SessionEvent>) {
        let Some(event) = event else {
            self.session = None;
            return;
        };
        match &event {
            SessionEvent::DidStart => {
                println!("the call stands");
                let id = self.session.as_ref().map(Session::id);
                if let Some(Err(error)) = id.map(|id| self.phone.play(id)) {
                    println!("can't play: {error}");
                }
            }
            SessionEvent::GotRingIndication => println!("ringing"),
            SessionEvent::DidChangeHoldState { originator, on_hold } => {
                println!("{} by the {originator} side", if *on_hold { "held" } else { "resumed" });
            }
            SessionEvent::TransferNewIncoming { destination, .. } => {
                println!("asked to call {}", destination.uri);
            }
            SessionEvent::TransferGotProgress { code, reason } => println!("transfer: {code} {reason}"),
            SessionEvent::TransferDidEnd => println!("transferred"),
            SessionEvent::TransferDidFail { code, reason } => {
                println!("transfer failed: {code} {reason}");
            }
            SessionEvent::Stream(StreamEvent::GotDtmf { digit }) => println!("digit {digit}"),
            SessionEvent::Stream(StreamEvent::DidStart { codec, kind }) => {
                println!("{} {codec}", if *kind == MediaType::Video { "seeing" } else { "hearing" });
            }
            SessionEvent::DidFail { code, failure_reason, .. } => println!("failed: {code} {failure_reason}"),
            SessionEvent::DidEnd { originator, end_reason } => {
                println!("ended by the {originator} side: {end_reason}");
            }
            event => self.tell_of_pictures(event),
        }
        if event.is_last()
            && let Some(session) = self.session.take()
        {
            self.asked = false;
            self.phone.forget(session.id());
        }
    }
}

impl Telephone {
    /// Pictures come and go.
    fn tell_of_pictures(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::NewProposal { originator: Originator::Remote, .. } => {
                self.asked = true;
                println!("asked for pictures");
            }
            SessionEvent::ProposalRejected { code, reason, .. } => {
                self.asked = false;
                println!("no pictures: {code} {reason}");
            }
            SessionEvent::HadProposalFailure { failure_reason, .. } => {
                println!("no pictures: {failure_reason}")
            }
            SessionEvent::ProposalAccepted { accepted, .. } if accepted.is_empty() => {
                println!("no pictures: the peer takes none");
            }
            SessionEvent::DidRenegotiateStreams { added, removed, .. } => {
                added.iter().for_each(|kind| println!("with {kind}"));
                removed.iter().for_each(|kind| println!("without {kind}"));
            }
            _ => {}
        }
    }

    /// The call that was left for another one ends when that one stands; till then it goes on.
    fn on_former_event(&mut self, event: Option<SessionEvent>) {
        let last = event.as_ref().is_none_or(SessionEvent::is_last);
        if let Some(SessionEvent::TransferDidFail { code, reason }) = event {
            println!("back, as the transfer failed: {code} {reason}");
            self.session = self.former.take();
        } else if last && let Some(former) = self.former.take() {
            println!("the former call has ended");
            self.phone.forget(former.id());
        }
    }
}

/// Pictures in the codecs that everybody decodes.
fn video() -> VideoOptions {
    let codecs = preferences_of(MediaType::Video, "VP8,H264").unwrap_or_default();
    VideoOptions { codecs, ..VideoOptions::default() }
}

/// The lines of the input; closed at its end.
fn typed_lines() -> UnboundedReceiver<String> {
    let (sender, lines) = unbounded_channel();
    // Reading blocks until a line is there, which may be never.
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

async fn next_event(session: &mut Option<Session>) -> Option<SessionEvent> {
    match session {
        Some(session) => session.next_event().await,
        None => std::future::pending().await,
    }
}
