//! Offers within the call: ours for a hold, for streams that come or go, and for what ICE has found, and the peer's, which an UPDATE or PRACK may bring
//! before the call stands too (RFC 3311, RFC 6337).

use std::time::Instant;

use super::Actor;
use crate::endpoint::{Body, Command};
use crate::event::{Originator, SessionEvent};
use crate::limits;
use crate::session::state::{SessionState, Trigger};

impl Actor {
    pub(super) async fn reinvited(&mut self, body: Option<Body>) {
        let answer = match &body {
            Some(body) => match self.read_offer(body).map(|offer| self.ask_about(offer)) {
                Ok(None) => return,
                Ok(Some(mut offer)) => {
                    self.streams.make_answer(&mut offer).await.map(|body| (body, Some(offer)))
                }
                Err(problem) => Err(problem),
            },
            None => self.streams.make_offer().await.map(|offer| (offer, None)),
        };
        match answer {
            Ok((answer, remote)) => {
                self.answer_reinvite(200, None, Some(answer));
                if let Some(remote) = remote {
                    self.flow_or_give_up(&remote).await;
                    self.settle_if_connected().await;
                }
            }
            Err(problem) => {
                tracing::info!(target: "fs::sip::session", id = self.id.0, "re-INVITE refused: {}", problem.text);
                if problem.status != 491 {
                    self.streams.exchange.roll_back();
                }
                self.answer_reinvite(problem.status, None, None);
            }
        }
    }

    /// Before the call stands, another branch or the final answer may still want what this offer leaves out.
    async fn settle_if_connected(&mut self) {
        if self.state.is_connected() {
            self.settle(Originator::Remote, Vec::new()).await;
        }
    }

    pub(super) async fn reinvite_confirmed(&mut self, body: Option<Body>) {
        if self.streams.exchange.is_open() && self.state != SessionState::Renegotiating {
            match self.take_answer(body, "ACK").await {
                Ok(()) => self.settle_if_connected().await,
                Err(problem) => self.give_up(problem).await,
            }
        }
        self.follow_wishes().await;
    }

    /// The addresses of this machine have changed. The media engine may follow by itself.
    pub(super) fn network_changed(&mut self) {
        if let Some(old) = self.streams.has_moved() {
            self.left = Some((old, Instant::now() + limits::ENGINE_TIME));
        }
    }

    /// What the media engine has left at an address that is gone is opened anew.
    pub(super) async fn leave_address(&mut self) {
        if let Some((old, _)) = self.left.take() {
            self.moved |= self.streams.are_at(old);
            self.follow_wishes().await;
        }
    }

    /// Sends the re-INVITE for a hold or its end, for streams that come or go, or for what ICE has found, as soon as the
    /// session allows it.
    pub(super) async fn follow_wishes(&mut self) {
        if self.state != SessionState::Connected || self.streams.exchange.is_open() || self.again.is_some() {
            return;
        }
        if std::mem::take(&mut self.moved) {
            match self.streams.reopen().await {
                Ok(ends) => ends.into_iter().for_each(|end| self.emit_stream(end)),
                Err(problem) => return self.give_up(problem).await,
            }
            self.offer_wish = true;
        }
        let streams = self.begin_proposal().await;
        let hold = self.hold_wish != self.streams.is_holding();
        if !hold && !streams && !self.offer_wish && !self.streams.wants_ice_update() {
            return;
        }
        self.hold_is_out = hold;
        self.offer_is_out = std::mem::take(&mut self.offer_wish);
        self.streams.set_holding(self.hold_wish);
        match self.streams.make_offer().await {
            Ok(body) => {
                self.step(Trigger::Renegotiate);
                self.send(Command::Reinvite { id: self.id, body: Some(body) });
            }
            Err(problem) => return self.give_up(problem).await,
        }
        self.streams.apply_hold().await;
    }

    pub(super) async fn renegotiated(&mut self, status: u16, reason: &str, body: Option<Body>) {
        self.step(Trigger::Renegotiated);
        let told = std::mem::take(&mut self.offer_is_out);
        if (200..300).contains(&status) {
            if let Err(problem) = self.take_answer(body, "200 answer").await {
                return self.give_up(problem).await;
            }
        } else {
            tracing::info!(target: "fs::sip::session", id = self.id.0, "re-INVITE was refused: {status} {reason}");
            self.streams.exchange.roll_back();
            // Another offer was under way, or the connection went with the address; any other refusal would come again.
            if told && matches!(status, 491 | 503) {
                self.offer_wish = true;
                self.again = Some(Instant::now() + limits::OFFER_AGAIN);
            }
        }
        self.end_proposal(status, reason).await;
        if std::mem::take(&mut self.hold_is_out) {
            // Our own side changed in any case; a refusal only means that the peer was not told.
            let on_hold = self.streams.is_holding();
            self.emit(SessionEvent::DidChangeHoldState { originator: Originator::Local, on_hold });
        }
        self.follow_wishes().await;
    }
}
