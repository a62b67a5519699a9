//! Transfers (RFC 3515, RFC 5589).
//!
//! ```text
//!  ours:   transfer: REFER, NewOutgoing --2xx: DidStart--> watching --NOTIFY: GotProgress--+
//!            |>= 300: DidFail                 |       |  ^---------------------------------+
//!            V                                |       | last, 2xx: DidEnd, BYE
//!      the call goes on <---last, else: DidFail       V
//!                                                   ended
//!
//!  theirs: NewIncoming --accept: 202, DidStart--> calling --1xx: NOTIFY, GotProgress--+
//!            |reject: >= 300, DidFail          |       | ^----------------------------+
//!            V                                 |       | stands: NOTIFY 200, DidEnd, BYE
//!      the call goes on <--fails: NOTIFY, DidFail      V
//!                                                    ended
//! ```

use tokio::sync::oneshot;

use super::{Actor, Input, TransferNews};
use crate::endpoint::Command;
use crate::event::SessionEvent;
use crate::session::transfer::{Transfer, Wanted, wanted};
use crate::wire::{NameAddr, default_reason};

/// Ours.
impl Actor {
    pub(super) fn transfer(&mut self, transfer: Transfer) {
        if !self.state.is_connected() || self.transferring {
            return self.transfer_failed(491, "another transfer is under way, or the call does not stand");
        }
        self.transferring = true;
        self.emit(SessionEvent::TransferNewOutgoing);
        let Transfer { target, watched: subscribe } = transfer;
        self.send(Command::Refer { id: self.id, target, subscribe, headers: Vec::new() });
    }

    pub(super) fn transfer_answered(&mut self, status: u16, reason: String, subscribed: bool) {
        if status >= 300 {
            self.transferring = false;
            return self.transfer_failed(status, &reason);
        }
        self.emit(SessionEvent::TransferDidStart);
        if !subscribed {
            self.transferring = false;
            self.emit(SessionEvent::TransferDidEnd);
        }
    }

    pub(super) async fn transfer_progress(&mut self, status: u16, reason: String, last: bool) {
        self.emit(SessionEvent::TransferGotProgress { code: status, reason: reason.clone() });
        if !last {
            return;
        }
        self.transferring = false;
        if (200..300).contains(&status) {
            self.emit(SessionEvent::TransferDidEnd);
            self.hangup().await;
        } else {
            self.transfer_failed(status, &reason);
        }
    }
}

/// Theirs.
impl Actor {
    pub(super) fn referred(&mut self, refer_to: &NameAddr, referred_by: Option<NameAddr>) {
        let refusal = if self.transferring || self.asked.is_some() { Some(480) } else { None };
        let wanted = match refusal {
            Some(status) => Err(status),
            None => wanted(refer_to, referred_by.as_ref()),
        };
        match wanted {
            Ok(wanted) => {
                let destination = wanted.target.clone();
                self.asked = Some(wanted);
                self.emit(SessionEvent::TransferNewIncoming { destination, referred_by });
            }
            Err(status) => self.send(Command::AnswerRefer { id: self.id, status, reason: None }),
        }
    }

    pub(super) fn accept_transfer(&mut self, reply: oneshot::Sender<Option<Wanted>>) {
        let asked = self.asked.take_if(|_| self.state.is_connected());
        let found = asked.is_some();
        // Who asked may have gone; then the transfer still waits.
        if let Err(asked) = reply.send(asked) {
            self.asked = asked;
        } else if found {
            self.transferring = true;
            self.send(Command::AnswerRefer { id: self.id, status: 202, reason: None });
            self.emit(SessionEvent::TransferDidStart);
        }
    }

    pub(super) fn reject_transfer(&mut self, status: u16, reason: Option<String>) {
        if self.asked.take().is_some() {
            let said = reason.clone().unwrap_or_else(|| default_reason(status).to_owned());
            self.send(Command::AnswerRefer { id: self.id, status, reason });
            self.transfer_failed(status, &said);
        }
    }

    /// How far the call has come that the peer has asked for.
    pub(super) async fn on_transfer_news(&mut self, news: TransferNews) {
        if !self.transferring {
            return;
        }
        let id = self.id;
        let tell = |status, reason| Command::NotifyRefer { id, status, reason };
        match news {
            TransferNews::Progress(code, reason) => {
                self.send(tell(code, Some(reason.clone())));
                self.emit(SessionEvent::TransferGotProgress { code, reason });
            }
            TransferNews::Started => {
                self.transferring = false;
                self.send(tell(200, None));
                self.emit(SessionEvent::TransferDidEnd);
                self.hangup().await;
            }
            TransferNews::Failed(code, reason) => {
                self.transferring = false;
                let code = if code < 300 { 500 } else { code };
                self.send(tell(code, Some(reason.clone()).filter(|r| !r.is_empty())));
                self.transfer_failed(code, &reason);
            }
        }
    }

    fn transfer_failed(&self, code: u16, reason: &str) {
        self.emit(SessionEvent::TransferDidFail { code, reason: reason.to_owned() });
    }

    /// Tells the call whose peer has asked for this one.
    pub(super) fn report(&self, event: &SessionEvent) {
        let Some(reports_to) = &self.reports_to else { return };
        let news = match event {
            SessionEvent::GotProvisionalResponse { code, reason } => {
                TransferNews::Progress(*code, reason.clone())
            }
            SessionEvent::DidStart => TransferNews::Started,
            SessionEvent::DidFail { code, reason, .. } => TransferNews::Failed(*code, reason.clone()),
            _ => return,
        };
        // That call may be over.
        let _ = reports_to.send(Input::Transfer(news));
    }
}
