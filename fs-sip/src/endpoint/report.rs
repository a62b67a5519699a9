//! The fate of each transaction of a session, where the settings ask for it.

use super::command::InviteId;
use super::core::{EndpointCore, Purpose};
use super::event::{AckFate, Event};
use crate::transaction::{ClientId, ServerId};
use crate::wire::{Method, Response};

impl EndpointCore {
    /// A request of theirs is answered finally. That of an INVITE is told when
    /// the fate of its ACK is known.
    pub(super) fn report_theirs(&mut self, server: ServerId, response: &Response) {
        if !self.config.report_transactions || response.is_provisional() {
            return;
        }
        let Some(id) = self.their_requests.get(&server).copied() else { return };
        let Ok(cseq) = response.cseq() else { return };
        if cseq.method == Method::Invite {
            self.unreported.insert(server, (id, response.status));
        } else {
            self.processed(id, cseq.method, false, response.status, AckFate::None);
        }
    }

    /// What became of the ACK to our final answer.
    pub(super) fn report_ack(&mut self, server: ServerId, ack: AckFate) {
        if let Some((id, status)) = self.unreported.remove(&server) {
            self.processed(id, Method::Invite, false, status, ack);
        }
    }

    /// A request of ours is answered finally (`status`), or never will be. The
    /// further 2xx of an INVITE are not told.
    pub(super) fn report_ours(&mut self, client: ClientId, purpose: &Purpose, status: u16) {
        let Some((id, method)) = purpose.session() else { return };
        if self.config.report_transactions && self.reported.insert(client) {
            self.processed(id, method, true, status, AckFate::None);
        }
    }

    fn processed(&mut self, id: InviteId, method: Method, ours: bool, status: u16, ack: AckFate) {
        self.event(Event::Processed { id, method, ours, status, ack });
    }
}
