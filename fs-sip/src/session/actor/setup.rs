//! From the first message to a standing call.

use std::time::Instant;

use super::{Actor, Early, Outgoing};
use crate::endpoint::{Body, Command};
use crate::event::{Originator, SessionEvent};
use crate::sdp::RemoteMedia;
use crate::session::problem::Problem;
use crate::session::state::{SessionState, Trigger};
use crate::wire::headers::name;

/// We call.
impl Actor {
    pub(super) async fn call(&mut self, outgoing: Outgoing) {
        let Outgoing { target, from, to, mut headers, late_offer, invite_timeout, reports_to } = outgoing;
        self.reports_to = reports_to;
        self.step(Trigger::Connect);
        let offer = match late_offer {
            true => Ok(None),
            false => match self.streams.open_all().await {
                Ok(()) => self.streams.make_offer().await.map(Some),
                Err(problem) => Err(problem),
            },
        };
        match offer {
            Ok(body) => {
                self.emit(SessionEvent::NewOutgoing);
                if let Some(time) = invite_timeout {
                    self.answer_by = Instant::now().checked_add(time);
                    headers.push((name::EXPIRES.to_owned(), time.as_secs().max(1).to_string()));
                }
                self.send(Command::Invite { id: self.id, target, from, to: Some(to), headers, body });
            }
            Err(problem) => {
                let why = format!("media stream did not initialize: {}", problem.text);
                self.finish(self.failure(Originator::Local, 0, "", &why)).await;
            }
        }
    }

    /// The peer is heard before it answers: an announcement, or its own ringing tone.
    pub(super) async fn hear_early(&mut self, body: Body) {
        if let Some(events) = self.streams.take_early_answer(body).await {
            self.tell_flow(events);
        }
    }

    /// An answer to an offer of ours came before the call stands: from a branch of our call, or in the PRACK of the
    /// caller to whom we have offered.
    pub(super) async fn early_answered(&mut self, body: Body) {
        match self.state {
            SessionState::Connecting => self.hear_early(body).await,
            SessionState::Incoming | SessionState::Accepting if self.streams.exchange.is_open() => {
                if let Err(problem) = self.take_answer(Some(body), "PRACK").await {
                    self.give_up(problem).await;
                }
            }
            _ => {}
        }
    }

    /// A branch of our call offers in a reliable provisional answer. The first one that does is heard.
    pub(super) async fn early_offered(&mut self, branch: String, body: Body) {
        if !matches!(self.early, Early::Nothing) {
            return self.decline_early(branch, &body);
        }
        let before = Box::new(self.streams.exchange.clone());
        match self.answer_offer(&body).await {
            Ok((answer, remote)) => {
                self.early = Early::OfferTaken { branch: branch.clone(), before };
                self.send(Command::AnswerEarly { id: self.id, branch, body: answer });
                self.flow_or_give_up(&remote).await;
            }
            Err(problem) => self.give_up(problem).await,
        }
    }

    /// A further branch offers. The streams belong to the first one, so it is answered without media; if it is the one that
    /// takes the call, an offer of ours brings them.
    fn decline_early(&mut self, branch: String, body: &Body) {
        let Early::OfferTaken { before, .. } = &self.early else { return };
        let mut exchange = (**before).clone();
        match exchange.decline(&body.content_type, &body.data) {
            Ok(answer) => {
                self.declined.push((branch.clone(), exchange));
                self.send(Command::AnswerEarly { id: self.id, branch, body: Body::sdp(answer) });
            }
            Err(error) => {
                tracing::info!(target: "fs::sip::session", id = self.id.0, "a branch offers what can't be read: {error}");
            }
        }
    }

    /// The branch that we have declined takes the call.
    async fn take_declined(&mut self, branch: &str) -> Result<(), Problem> {
        let at = self.declined.iter().position(|(declined, _)| declined == branch);
        let at = at.ok_or_else(|| Problem::missing_sdp("200 answer"))?;
        self.streams.exchange = self.declined.swap_remove(at).1;
        self.streams.silence().await;
        self.offer_wish = true;
        Ok(())
    }

    /// Our INVITE is accepted.
    pub(super) async fn established(&mut self, branch: &str, body: Option<Body>) {
        self.answer_by = None;
        self.emit(SessionEvent::WillStart);
        let early = std::mem::take(&mut self.early);
        let has_offered = self.streams.has_offered();
        let result = match (early, body) {
            // The offer was made and answered before.
            (Early::OfferTaken { branch: taken, .. }, None) if taken == branch => Ok(()),
            (Early::OfferTaken { .. }, None) => self.take_declined(branch).await,
            (Early::OfferTaken { before, .. }, Some(body)) => {
                self.streams.exchange = *before;
                self.answer_in_ack(&body).await
            }
            (_, body) if has_offered => match self.streams.take_final_answer(body).await {
                Ok(events) => {
                    self.tell_flow(events);
                    Ok(())
                }
                Err(problem) => Err(problem),
            },
            (_, Some(body)) => self.answer_in_ack(&body).await,
            (_, None) => Err(Problem::missing_sdp("200 answer")),
        };
        match result {
            Ok(()) => {
                self.settle_first().await;
                self.step(Trigger::Accepted);
                self.emit(SessionEvent::DidStart);
                self.follow_wishes().await;
            }
            Err(problem) => self.give_up(problem).await,
        }
    }

    async fn answer_in_ack(&mut self, offer: &Body) -> Result<(), Problem> {
        let (body, remote) = self.answer_offer(offer).await?;
        self.send(Command::AckBody { id: self.id, body });
        self.flow(&remote).await
    }
}

/// We are called.
impl Actor {
    pub(super) fn provisional(&mut self, status: u16, body: Option<Body>) {
        self.send(Command::Provisional { id: self.id, status, reason: None, body });
    }

    /// The caller hears us before we accept (183).
    pub(super) async fn early_media(&mut self) {
        if !matches!(self.early, Early::Nothing) {
            return;
        }
        let Some(mut remote) = self.offer.take() else { return self.early_offer().await };
        match self.streams.make_answer(&mut remote).await {
            Ok(body) => {
                self.early = Early::Answered(body.clone());
                self.provisional(183, Some(body));
                self.flow_or_give_up(&remote).await;
            }
            Err(problem) => {
                let headers = problem.warning_header();
                self.reject(problem.status, None, headers, &problem.text).await;
            }
        }
    }

    /// The INVITE had no offer: ours may only go out reliably (RFC 3262 section 5).
    async fn early_offer(&mut self) {
        if !self.reliable {
            return self.provisional(183, None);
        }
        match self.open_and_offer().await {
            Ok(body) => {
                self.early = Early::Offered;
                self.provisional(183, Some(body));
            }
            Err(problem) => self.reject(problem.status, None, Vec::new(), &problem.text).await,
        }
    }

    async fn open_and_offer(&mut self) -> Result<Body, Problem> {
        self.streams.open_all().await?;
        self.streams.make_offer().await
    }

    pub(super) async fn accept(&mut self) {
        let mut offer = self.offer.take();
        let answer = match (&mut offer, &self.early) {
            (_, Early::Answered(body)) => Ok(Some(body.clone())),
            (_, Early::Offered) => Ok(None),
            (Some(remote), _) => self.streams.make_answer(remote).await.map(Some),
            (None, _) => self.open_and_offer().await.map(Some),
        };
        let body = match answer {
            Ok(body) => body,
            Err(problem) => {
                let headers = problem.warning_header();
                return self.reject(problem.status, None, headers, &problem.text).await;
            }
        };
        self.step(Trigger::Accept);
        self.send(Command::Accept { id: self.id, body });
        self.emit(SessionEvent::WillStart);
        if let Some(remote) = offer {
            // The peer may send as soon as it has our answer, so media does not wait for the ACK.
            self.flow_or_give_up(&remote).await;
        }
    }

    /// The ACK came.
    pub(super) async fn confirmed(&mut self, body: Option<Body>) {
        if self.streams.exchange.is_open()
            && let Err(problem) = self.take_answer(body, "ACK").await
        {
            return self.give_up(problem).await;
        }
        self.settle_first().await;
        self.step(Trigger::Confirmed);
        self.emit(SessionEvent::DidStart);
        self.follow_wishes().await;
    }
}

/// Both.
impl Actor {
    /// Our answer to an offer, and the streams in it.
    pub(super) async fn answer_offer(&mut self, offer: &Body) -> Result<(Body, Vec<RemoteMedia>), Problem> {
        let mut remote = self.read_offer(offer)?;
        let answer = self.streams.make_answer(&mut remote).await?;
        Ok((answer, remote))
    }

    /// The streams in an offer of the peer.
    pub(super) fn read_offer(&mut self, offer: &Body) -> Result<Vec<RemoteMedia>, Problem> {
        Ok(self.streams.exchange.remote_offer(&offer.content_type, &offer.data)?)
    }

    pub(super) async fn flow_or_give_up(&mut self, remote: &[RemoteMedia]) {
        if let Err(problem) = self.flow(remote).await {
            self.give_up(problem).await;
        }
    }
}
