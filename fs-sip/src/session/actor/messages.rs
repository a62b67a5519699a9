//! Messages inside the call (RFC 3428), one after the other: a request that overtakes another one is refused.

use super::Actor;
use crate::endpoint::{Body, Command};
use crate::event::SessionEvent;
use crate::limits;

impl Actor {
    pub(super) fn send_message(&mut self, body: Body) {
        match &mut self.messages {
            Some(waiting) if waiting.len() >= limits::MAX_MESSAGES => {
                let reason = "too many messages wait for their answer".to_owned();
                self.emit(SessionEvent::DidSendMessage { code: 0, reason });
            }
            Some(waiting) => waiting.push_back(body),
            None => {
                self.messages = Some(Default::default());
                self.send(Command::CallMessage { id: self.id, body });
            }
        }
    }

    /// The one before is answered, or never will be.
    pub(super) fn message_answered(&mut self, code: u16, reason: String) {
        let Some(mut waiting) = self.messages.take() else { return };
        self.emit(SessionEvent::DidSendMessage { code, reason });
        if let Some(body) = waiting.pop_front() {
            self.messages = Some(waiting);
            self.send(Command::CallMessage { id: self.id, body });
        }
    }
}
