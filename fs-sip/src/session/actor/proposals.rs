//! Streams that come and go within the call (SIP SIMPLE: proposals).
//!
//! ```text
//!  ours:   add_video: NewProposal, re-INVITE --2xx: ProposalAccepted, DidRenegotiateStreams--> the stream flows
//!            | can't be opened: HadProposalFailure    |>= 300: ProposalRejected, the stream is closed
//!          remove_video: the stream is closed, re-INVITE --any answer: DidRenegotiateStreams-->
//!
//!  theirs: re-INVITE or UPDATE with a stream of a new kind
//!            |ask_for_streams: NewProposal --accept: 200, ProposalAccepted, DidRenegotiateStreams--> the stream flows
//!            |                   |reject, or 30 s: >= 300, ProposalRejected
//!            |                   |CANCEL: 487, ProposalRejected
//!            |else: 200, DidRenegotiateStreams where the settings have such a stream
//! ```

use std::time::Instant;

use fs_proto::MediaType;

use super::Actor;
use crate::endpoint::{Body, Command};
use crate::event::{Originator, SessionEvent};
use crate::limits;
use crate::sdp::RemoteMedia;
use crate::session::options::VideoOptions;
use crate::session::problem::Problem;
use crate::wire::default_reason;

/// What the application wants of pictures in a standing call.
#[derive(Debug)]
pub(crate) enum VideoWish {
    Add(VideoOptions),
    Remove,
}

/// A proposal of the peer that waits for the application.
#[derive(Debug)]
struct Asked {
    offer: Vec<RemoteMedia>,
    kinds: Vec<MediaType>,
    until: Instant,
}

/// What is wanted, and what is under way.
#[derive(Debug, Default)]
pub(super) struct Proposals {
    wish: Option<VideoWish>,
    /// Our offer has a new video stream; what was wanted of pictures before.
    out: Option<Option<VideoOptions>>,
    theirs: Option<Asked>,
}

impl Proposals {
    /// When the proposal of the peer is refused for want of a decision.
    pub(super) fn until(&self) -> Option<Instant> {
        self.theirs.as_ref().map(|asked| asked.until)
    }
}

/// Ours.
impl Actor {
    pub(super) async fn wish_video(&mut self, wish: VideoWish) {
        self.proposals.wish = Some(wish);
        self.follow_wishes().await;
    }

    /// Opens or closes the stream that the application wants; whether the peer has to be told.
    pub(super) async fn begin_proposal(&mut self) -> bool {
        let proposed = vec![MediaType::Video];
        match self.proposals.wish.take() {
            None => false,
            Some(VideoWish::Remove) => {
                let Some(end) = self.streams.remove_video().await else { return false };
                self.emit_stream(end);
                // Told again where another offer crosses this one.
                self.offer_wish = true;
                true
            }
            Some(VideoWish::Add(_)) if self.streams.has(MediaType::Video) => {
                self.proposal_failed(Originator::Local, "there is a video stream already", proposed);
                false
            }
            Some(VideoWish::Add(options)) => match self.streams.add_video(options).await {
                Ok(before) => {
                    self.proposals.out = Some(before);
                    self.emit(SessionEvent::NewProposal { originator: Originator::Local, proposed });
                    true
                }
                Err(Problem { text, .. }) => {
                    self.proposal_failed(Originator::Local, &text, proposed);
                    false
                }
            },
        }
    }

    /// Our offer was answered or refused.
    pub(super) async fn end_proposal(&mut self, status: u16, reason: &str) {
        let Some(before) = self.proposals.out.take() else {
            return self.settle(Originator::Local, Vec::new()).await;
        };
        let proposed = vec![MediaType::Video];
        if (200..300).contains(&status) {
            return self.settle(Originator::Local, proposed).await;
        }
        self.streams.want_video(before);
        self.settle(Originator::Local, Vec::new()).await;
        let reason = if reason.is_empty() { default_reason(status) } else { reason }.to_owned();
        let originator = Originator::Local;
        self.emit(SessionEvent::ProposalRejected { originator, code: status, reason, proposed });
    }

    fn proposal_failed(&self, originator: Originator, why: &str, proposed: Vec<MediaType>) {
        let failure_reason = why.to_owned();
        self.emit(SessionEvent::HadProposalFailure { originator, failure_reason, proposed });
    }
}

/// Theirs.
impl Actor {
    /// Asks the application about streams of a new kind; gives the offer back where there are none, or nobody has to be
    /// asked.
    pub(super) fn ask_about(&mut self, offer: Vec<RemoteMedia>) -> Option<Vec<RemoteMedia>> {
        let kinds = self.streams.new_in(&offer);
        if kinds.is_empty() || !self.streams.asks() || !self.state.is_connected() {
            return Some(offer);
        }
        let proposed = kinds.clone();
        let until = Instant::now() + limits::PROPOSAL_TIME;
        self.proposals.theirs = Some(Asked { offer, kinds, until });
        self.emit(SessionEvent::NewProposal { originator: Originator::Remote, proposed });
        None
    }

    pub(super) async fn accept_proposal(&mut self, video: VideoOptions) {
        let Some(Asked { mut offer, kinds, .. }) = self.proposals.theirs.take() else { return };
        let before = match kinds.contains(&MediaType::Video) {
            true => Some(self.streams.want_video(Some(video))),
            false => None,
        };
        match self.streams.make_answer(&mut offer).await {
            Ok(answer) => {
                self.answer_reinvite(200, None, Some(answer));
                self.flow_or_give_up(&offer).await;
                self.settle(Originator::Remote, kinds).await;
            }
            Err(problem) => {
                if let Some(before) = before {
                    self.streams.want_video(before);
                }
                self.streams.exchange.roll_back();
                self.answer_reinvite(problem.status, None, None);
                self.proposal_failed(Originator::Remote, &problem.text, kinds);
                self.settle(Originator::Remote, Vec::new()).await;
                self.follow_wishes().await;
            }
        }
    }

    pub(super) async fn reject_proposal(&mut self, status: u16, reason: Option<String>) {
        if self.proposals.theirs.is_some() {
            self.answer_reinvite(status, reason.clone(), None);
            self.proposal_over(status, reason).await;
        }
    }

    /// The peer's proposal is refused, or the peer has taken it back.
    pub(super) async fn proposal_over(&mut self, status: u16, reason: Option<String>) {
        let Some(asked) = self.proposals.theirs.take() else { return };
        self.streams.exchange.roll_back();
        let (originator, code, proposed) = (Originator::Remote, status, asked.kinds);
        let reason = reason.unwrap_or_else(|| default_reason(status).to_owned());
        self.emit(SessionEvent::ProposalRejected { originator, code, reason, proposed });
        self.follow_wishes().await;
    }
}

/// Both.
impl Actor {
    /// An exchange in the standing call is over. `proposed` are the kinds of the streams that it was to add.
    pub(super) async fn settle(&mut self, originator: Originator, proposed: Vec<MediaType>) {
        let change = self.streams.settle().await;
        change.ends.into_iter().for_each(|end| self.emit_stream(end));
        let (added, removed) = (change.added, change.removed);
        if !proposed.is_empty() {
            let accepted = proposed.iter().filter(|kind| added.contains(kind)).copied().collect();
            self.emit(SessionEvent::ProposalAccepted { originator, accepted, proposed });
        }
        if !added.is_empty() || !removed.is_empty() {
            self.emit(SessionEvent::DidRenegotiateStreams { originator, added, removed });
        }
    }

    /// The first exchange is over: nobody is told which streams there are now.
    pub(super) async fn settle_first(&mut self) {
        let change = self.streams.settle().await;
        change.ends.into_iter().for_each(|end| self.emit_stream(end));
    }

    pub(super) fn answer_reinvite(&self, status: u16, reason: Option<String>, body: Option<Body>) {
        self.send(Command::AnswerReinvite { id: self.id, status, reason, body });
    }
}
