//! Digits that go by INFO: to peers that take no telephony events, or where the settings say so; one after the other, since
//! a request that overtakes another one is refused.

use super::Actor;
use crate::endpoint::{Body, Command};
use crate::event::StreamEvent;
use crate::stream::dtmf_relay;

impl Actor {
    /// Begins or ends the digit whose time has come.
    pub(super) async fn step_digits(&mut self) {
        let Some(digit) = self.streams.step_digits().await else { return };
        match &mut self.info {
            Some(waiting) => waiting.push_back(digit),
            None => {
                self.info = Some(Default::default());
                self.send(Command::Info { id: self.id, body: dtmf_relay::write(digit) });
            }
        }
    }

    pub(super) fn info_answered(&mut self, status: u16) {
        let Some(mut waiting) = self.info.take() else { return };
        if status >= 300 {
            // What one digit is refused for, the others would be too.
            let reason = format!("the peer takes no digits: it answers INFO with {status}");
            return self.emit_stream(StreamEvent::DidFail { reason });
        }
        if let Some(digit) = waiting.pop_front() {
            self.info = Some(waiting);
            self.send(Command::Info { id: self.id, body: dtmf_relay::write(digit) });
        }
    }

    /// The peer has sent one.
    pub(super) fn informed(&self, body: &Body) {
        match dtmf_relay::read(body) {
            Some(event) => self.emit_stream(StreamEvent::GotDtmf { digit: event.digit() }),
            None => tracing::debug!(target: "fs::sip::session", id = self.id.0, "INFO without a digit"),
        }
    }
}
