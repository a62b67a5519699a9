//! The streams of one session: they are opened for the first offer or answer, described in every later one, and flow as
//! both sides agreed.

mod changes;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use fs_proto::{DtmfEvent, MediaType, StreamDirection};

use super::hold;
use super::offer_answer::OfferAnswer;
use super::options::{Controlling, DigitWay, MediaOptions};
use super::problem::Problem;
use crate::endpoint::Body;
use crate::event::{Originator, StreamEvent};
use crate::media::{Backend, Fault, MediaError, MediaEvent, MediaStatistics, SessionId};
use crate::sdp::codecs::summary;
use crate::sdp::security::Keys;
use crate::sdp::{LocalMedia, RemoteMedia, SrtpPolicy};
use crate::stream::RtpStream;
use crate::stream::ice::Progress;
use crate::stream::rtp::{News, StreamOptions};
use crate::transport::LocalAddresses;

/// What a session needs for its streams.
pub(crate) struct StreamSetup {
    pub(crate) session: SessionId,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) local_ip: Option<IpAddr>,
    /// Where the peer is, and who knows our address on the way there; none where we are bound to one address.
    pub(crate) way: Option<(SocketAddr, Arc<dyn LocalAddresses>)>,
    pub(crate) options: MediaOptions,
}

/// One stream in the session.
struct Entry {
    stream: RtpStream,
    /// What our last line said.
    ours: StreamDirection,
    /// What the peer's last line said, seen from the peer; `None` while it has not, or refuses the stream.
    theirs: Option<StreamDirection>,
}

/// The streams of one session.
pub(crate) struct Streams {
    setup: StreamSetup,
    pub(crate) exchange: OfferAnswer,
    entries: Vec<Entry>,
    /// Whether we hold the peer.
    holding: bool,
    /// Whether the peer holds us.
    held: bool,
    /// The codecs of our last offer, for errors.
    offered: String,
    /// We made the first offer, so we choose ICE's pairs.
    controlling: bool,
    ice_told: Option<Progress>,
    /// An answer that came before the call stands, and the negotiator as it was before.
    early: Option<(Body, OfferAnswer)>,
    /// The kinds of the streams that were agreed last.
    standing: Vec<MediaType>,
}

impl Streams {
    pub(crate) fn new(setup: StreamSetup, exchange: OfferAnswer) -> Self {
        Self {
            setup,
            exchange,
            entries: Vec::new(),
            holding: false,
            held: false,
            offered: String::new(),
            controlling: false,
            ice_told: None,
            early: None,
            standing: Vec::new(),
        }
    }

    /// Opens the streams of our first offer.
    pub(crate) async fn open_all(&mut self) -> Result<(), Problem> {
        self.controlling = true;
        for kind in self.setup.options.kinds() {
            self.open(kind, Some(Controlling(true))).await?;
        }
        Ok(())
    }

    /// Opens the streams for the peer's offer.
    async fn open_for(&mut self, offer: &[RemoteMedia]) -> Result<(), Problem> {
        for remote in offer {
            if self.entries.iter().all(|entry| entry.stream.kind() != remote.kind) {
                let lite = remote.ice.as_ref().map(|ice| Controlling(ice.lite));
                self.open(remote.kind, lite).await?;
            }
        }
        Ok(())
    }

    async fn open(&mut self, kind: MediaType, ice: Option<Controlling>) -> Result<(), Problem> {
        let StreamSetup { session, backend, local_ip, options, .. } = &self.setup;
        let settings = options.settings(*session, kind, *local_ip, ice);
        let keys = match options.srtp {
            SrtpPolicy::Disabled => Keys::default(),
            _ => new_keys()?,
        };
        let stream_options = StreamOptions { srtp: options.srtp, keys, bandwidth: options.bandwidth(kind) };
        let stream = RtpStream::open(Arc::clone(backend), settings, stream_options).await?;
        self.entries.push(Entry { stream, ours: StreamDirection::NONE, theirs: None });
        Ok(())
    }

    /// Our address, if it is gone and another one leads to the peer: streams that are still there must not stay.
    pub(crate) fn has_moved(&mut self) -> Option<IpAddr> {
        let (Some((peer, addresses)), Some(old)) = (&self.setup.way, self.setup.local_ip) else {
            return None;
        };
        if self.entries.is_empty() || addresses.has(old) {
            return None;
        }
        let new = addresses.towards(*peer).filter(|new| *new != old)?;
        self.setup.local_ip = Some(new);
        Some(old)
    }

    /// Whether a stream is still at that address.
    pub(crate) fn are_at(&self, ip: IpAddr) -> bool {
        self.entries.iter().any(|entry| entry.stream.is_at(ip))
    }

    /// Opens all streams anew, at the address that is ours now; the end of the old ones.
    pub(crate) async fn reopen(&mut self) -> Result<Vec<StreamEvent>, Problem> {
        let mut ends = Vec::new();
        for Entry { stream, ours, theirs } in std::mem::take(&mut self.entries) {
            let (kind, ice) = (stream.kind(), stream.ice_progress().map(|_| Controlling(self.controlling)));
            ends.push(StreamEvent::DidEnd { kind, statistics: stream.close().await });
            self.open(kind, ice).await?;
            let entry = self.entry(kind)?;
            (entry.ours, entry.theirs) = (ours, theirs);
        }
        Ok(ends)
    }

    /// Have we made the offer of the first exchange?
    pub(crate) fn has_offered(&self) -> bool {
        self.exchange.is_open() || self.early.is_some()
    }

    fn entry(&mut self, kind: MediaType) -> Result<&mut Entry, Problem> {
        let entry = self.entries.iter_mut().find(|entry| entry.stream.kind() == kind);
        let missing = || MediaError::new(Fault::Internal, format!("the session has no {kind} stream"));
        Ok(entry.ok_or_else(missing)?)
    }

    /// Describes all streams in an offer.
    pub(crate) async fn make_offer(&mut self) -> Result<Body, Problem> {
        let mut medias = Vec::new();
        for entry in &mut self.entries {
            let wanted = self.setup.options.wanted(entry.stream.kind());
            entry.ours = hold::offered(wanted, self.holding);
            medias.push(entry.stream.offer(entry.ours).await?);
        }
        let codecs: Vec<_> = medias.iter().flat_map(|media| media.codecs.clone()).collect();
        self.offered = summary(&codecs);
        Ok(Body::sdp(self.exchange.offer(&medias)?))
    }

    /// Takes the peer's codecs and makes the answer, without letting media flow yet. A stream with nothing in common is
    /// refused, unless it is the last one.
    pub(crate) async fn make_answer(&mut self, offer: &mut Vec<RemoteMedia>) -> Result<Body, Problem> {
        self.open_for(offer).await?;
        let mut medias: Vec<LocalMedia> = Vec::new();
        let mut refusal: Option<Problem> = None;
        let mut taken = Vec::new();
        for remote in offer.drain(..) {
            match self.answer_one(&remote).await {
                Ok(media) => {
                    medias.push(media);
                    taken.push(remote);
                }
                Err(problem) if problem.status == 488 => refusal = refusal.or(Some(problem)),
                Err(problem) => return Err(problem),
            }
        }
        *offer = taken;
        if let Some(problem) = refusal.filter(|_| medias.is_empty()) {
            return Err(problem);
        }
        Ok(Body::sdp(self.exchange.answer(&medias)?))
    }

    async fn answer_one(&mut self, remote: &RemoteMedia) -> Result<LocalMedia, Problem> {
        let (wanted, holding) = (self.setup.options.wanted(remote.kind), self.holding);
        let entry = self.entry(remote.kind)?;
        entry.stream.meets(remote)?;
        entry.stream.negotiate(remote).await?;
        entry.ours = hold::answered(remote.direction, wanted, holding);
        Ok(entry.stream.answer(remote, entry.ours).await?)
    }

    /// Takes the peer's answer to our offer and lets media flow.
    pub(crate) async fn take_answer(
        &mut self,
        body: Option<Body>,
        place: &str,
    ) -> Result<Vec<StreamEvent>, Problem> {
        let Some(body) = body else {
            self.exchange.roll_back();
            return Err(Problem::missing_sdp(place));
        };
        let answer = self.exchange.remote_answer(&body.content_type, &body.data)?;
        for remote in &answer {
            let entry = self.entry(remote.kind)?;
            entry.stream.meets(remote)?;
            entry.stream.accept_answer(remote)?;
            let negotiated = entry.stream.negotiate(remote).await;
            negotiated.map_err(|error| Problem { originator: Originator::Remote, ..Problem::from(error) })?;
        }
        self.flow(&answer).await
    }

    /// Takes an answer that came in a provisional response, so that early media is heard. `None` where it is no answer to an
    /// open offer, or can't be used: the final answer decides.
    pub(crate) async fn take_early_answer(&mut self, body: Body) -> Option<Vec<StreamEvent>> {
        if self.early.is_some() || !self.exchange.is_open() {
            return None;
        }
        let open = self.exchange.clone();
        match self.take_answer(Some(body.clone()), "provisional answer").await {
            Ok(events) => {
                self.early = Some((body, open));
                Some(events)
            }
            Err(problem) => {
                tracing::info!(target: "fs::sip::session", "early media is not used: {}", problem.text);
                self.exchange = open;
                None
            }
        }
    }

    /// Takes the answer of the 2xx; it may repeat one that came before (RFC 6337 section 3.1.1), or come from another
    /// branch of a forked call.
    pub(crate) async fn take_final_answer(
        &mut self,
        body: Option<Body>,
    ) -> Result<Vec<StreamEvent>, Problem> {
        if let Some((early, open)) = self.early.take() {
            if body.as_ref().is_none_or(|body| *body == early) {
                return Ok(Vec::new());
            }
            self.exchange = open;
        }
        self.take_answer(body, "200 answer").await
    }

    /// Lets media flow as both sides have agreed; streams that are not in it stop.
    pub(crate) async fn flow(&mut self, remote: &[RemoteMedia]) -> Result<Vec<StreamEvent>, Problem> {
        let mut events = Vec::new();
        for entry in &mut self.entries {
            let Some(remote) = remote.iter().find(|remote| remote.kind == entry.stream.kind()) else {
                entry.theirs = None;
                entry.stream.set_direction(StreamDirection::NONE).await?;
                continue;
            };
            entry.theirs = Some(remote.direction);
            let was_encrypted = entry.stream.security().is_some();
            entry.stream.flow(remote, hold::agreed(entry.ours, remote.direction)).await?;
            events.push(StreamEvent::CodecsAgreed(entry.stream.codecs().await?));
            if let Some(security) = entry.stream.security().filter(|_| !was_encrypted) {
                let (kind, cipher) = (remote.kind, security.ours.suite.name());
                events.push(StreamEvent::DidEnableEncryption { kind, cipher });
            }
        }
        Ok(events)
    }

    /// Whether the peer holds us, if that has changed.
    pub(crate) fn changed_hold(&mut self) -> Option<bool> {
        let options = &self.setup.options;
        let mut alive =
            self.entries.iter().filter_map(|e| Some((options.wanted(e.stream.kind()), e.theirs?)));
        let held = !self.entries.is_empty() && alive.all(|(wanted, theirs)| hold::held_by(theirs, wanted));
        (std::mem::replace(&mut self.held, held) != held).then_some(held)
    }

    /// Whether we hold the peer.
    pub(crate) fn is_holding(&self) -> bool {
        self.holding
    }

    /// Holds or resumes in the next offer or answer.
    pub(crate) fn set_holding(&mut self, holding: bool) {
        self.holding = holding;
    }

    /// Our side of a hold takes effect at once, before the peer has agreed.
    pub(crate) async fn apply_hold(&mut self) {
        for entry in &mut self.entries {
            let ours = hold::offered(self.setup.options.wanted(entry.stream.kind()), self.holding);
            let theirs = entry.theirs.unwrap_or(StreamDirection::NONE);
            // A broken engine reports itself.
            let _ = entry.stream.set_direction(hold::agreed(ours, theirs)).await;
        }
    }

    /// Stops media at once.
    pub(crate) async fn silence(&mut self) {
        for entry in &mut self.entries {
            // A broken engine is closed with the session anyway.
            let _ = entry.stream.set_direction(StreamDirection::NONE).await;
        }
    }

    /// Sends digits on the audio stream.
    pub(crate) fn send_digits(&mut self, events: &[u8]) {
        if let Ok(entry) = self.entry(MediaType::Audio) {
            entry.stream.send_digits(events);
        }
    }

    /// Begins or ends the digit whose time has come.
    ///
    /// The digit that can't be sent in the stream, and goes by INFO.
    pub(crate) async fn step_digits(&mut self) -> Option<DtmfEvent> {
        let way = self.setup.options.digits;
        let refused = self.entry(MediaType::Audio).ok()?.stream.step_digits(way != DigitWay::Info).await?;
        match way {
            DigitWay::Events => {
                // As RFC 4733 has it, a peer that lists no events is sent none.
                tracing::info!(target: "fs::sip::media", "the peer takes no telephony events");
                None
            }
            DigitWay::Any | DigitWay::Info => DtmfEvent::from_number(refused),
        }
    }

    /// Whether the pairs that ICE has found have to be told to the peer in a new offer, which is up to us.
    pub(crate) fn wants_ice_update(&self) -> bool {
        let checked = |entry: &Entry| entry.stream.ice_progress() != Some(Progress::Checking);
        self.controlling
            && self.entries.iter().all(checked)
            && self.entries.iter().any(|entry| entry.stream.wants_ice_update())
    }

    /// What has become of ICE on all streams together, if that is news.
    pub(crate) fn ice_news(&mut self) -> Option<StreamEvent> {
        let progress: Vec<Progress> = self.entries.iter().filter_map(|e| e.stream.ice_progress()).collect();
        let now = match progress.as_slice() {
            [] => return None,
            all if all.contains(&Progress::Failed) => Progress::Failed,
            all if all.contains(&Progress::Checking) => Progress::Checking,
            _ => Progress::Done,
        };
        if self.ice_told.replace(now) == Some(now) {
            return None;
        }
        match now {
            Progress::Checking => None,
            Progress::Done => Some(StreamEvent::IceDidSucceed),
            Progress::Failed => Some(StreamEvent::IceDidFail),
        }
    }

    /// The codecs of our last offer.
    pub(crate) fn offered(&self) -> &str {
        &self.offered
    }

    /// The figures of one kind of media so far; zeros when there is no such stream.
    pub(crate) async fn statistics(&mut self, kind: MediaType) -> MediaStatistics {
        match self.entry(kind) {
            Ok(entry) => entry.stream.statistics().await,
            Err(_) => MediaStatistics::default(),
        }
    }

    /// Closes all streams; the figures of each.
    pub(crate) async fn close(&mut self) -> Vec<StreamEvent> {
        let mut ends = Vec::new();
        for entry in self.entries.drain(..) {
            let kind = entry.stream.kind();
            ends.push(StreamEvent::DidEnd { kind, statistics: entry.stream.close().await });
        }
        ends
    }

    /// The next news of any stream, with its kind; pends for ever when there is none. May be dropped while it waits.
    pub(crate) async fn next_news(&mut self) -> (MediaType, News) {
        let [first, second] = match self.entries.as_mut_slice() {
            [] => return std::future::pending().await,
            [only] => return (only.stream.kind(), only.stream.next_news().await),
            [first, second, ..] => [first, second],
        };
        let kinds = (first.stream.kind(), second.stream.kind());
        tokio::select! {
            news = first.stream.next_news() => (kinds.0, news),
            news = second.stream.next_news() => (kinds.1, news),
        }
    }
}

/// Turns what the media engine says into what applications are told; `None` for what concerns the session alone.
pub(crate) fn told(kind: MediaType, event: MediaEvent) -> Option<StreamEvent> {
    Some(match event {
        MediaEvent::SendCodecChanged(codec) => StreamEvent::SendCodecChanged(codec),
        MediaEvent::RecvCodecsChanged(codecs) => StreamEvent::RecvCodecsChanged(codecs),
        MediaEvent::SourceAdded(codec) => StreamEvent::DidStart { kind, codec },
        MediaEvent::DigitReceived(event) => StreamEvent::GotDtmf {
            digit: fs_proto::DtmfEvent::from_number(event).map(fs_proto::DtmfEvent::digit)?,
        },
        _ => return None,
    })
}

/// Keys from the system's generator.
fn new_keys() -> Result<Keys, MediaError> {
    let provider = tokio_rustls::rustls::crypto::ring::default_provider();
    let mut broken = false;
    let keys = Keys::new(|octets| broken |= provider.secure_random.fill(octets).is_err());
    if broken {
        return Err(MediaError::new(Fault::Internal, "the system gives no random keys"));
    }
    Ok(keys)
}
