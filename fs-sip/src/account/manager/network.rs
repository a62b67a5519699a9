//! Between the endpoint and the application: what the registrar and the mail box say.

use std::time::Instant;

use super::{Account, AccountEvent, AccountManager, AccountNotification, Activity, FIRST_NUMBER};
use crate::account::summary::MessageSummary;
use crate::endpoint::{Command, Event};
use crate::registration::RegistrationEvent;
use crate::subscription::SubscriptionEvent;

/// Between the endpoint and the application.
impl AccountManager {
    /// Takes an event of the endpoint; `false` where it is none of ours.
    pub fn handle_event(&mut self, event: &Event) -> bool {
        let (number, is_registration) = match event {
            Event::Registration { id, .. } => (id.0, true),
            Event::Subscription { id, .. } => (id.0, false),
            _ => return false,
        };
        let found = self.accounts.iter().find(|(_, a)| a.number == number).map(|(id, _)| id.clone());
        let Some(id) = found else { return number > FIRST_NUMBER };
        match event {
            Event::Registration { event, .. } if is_registration => self.on_registration(&id, event),
            Event::Subscription { event, .. } => self.on_subscription(&id, event),
            _ => {}
        }
        true
    }

    fn on_registration(&mut self, id: &str, event: &RegistrationEvent) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        let notification = match event {
            RegistrationEvent::Asking { .. } if matches!(account.activity, Activity::Leaving(_)) => return,
            RegistrationEvent::Asking { .. } if account.refreshing => {
                AccountNotification::RegistrationWillRefresh
            }
            RegistrationEvent::Asking { .. } => AccountNotification::WillRegister,
            RegistrationEvent::Answered { status, reason, registrar } => {
                account.registrar = registrar.clone();
                AccountNotification::RegistrationGotAnswer {
                    code: *status,
                    reason: reason.clone(),
                    registrar: registrar.clone(),
                }
            }
            RegistrationEvent::Registered { expires, contacts, .. } => {
                account.registered = true;
                account.refreshing = true;
                AccountNotification::RegistrationDidSucceed {
                    contacts: contacts.clone(),
                    expires: *expires,
                    registrar: account.registrar.clone(),
                }
            }
            RegistrationEvent::Failed { status, reason, retry_after } => {
                account.registered = false;
                let (error, code) = (error_of(*status, reason), *status);
                AccountNotification::RegistrationDidFail { error, code, retry_after: *retry_after }
            }
            RegistrationEvent::Ended => AccountNotification::RegistrationDidEnd,
            RegistrationEvent::NotEnded { status, reason } => {
                AccountNotification::RegistrationDidNotEnd { code: *status, reason: reason.clone() }
            }
        };
        let over = matches!(event, RegistrationEvent::Ended | RegistrationEvent::NotEnded { .. });
        self.tell(id, notification);
        if over {
            self.deactivated(id);
        }
    }

    fn on_subscription(&mut self, id: &str, event: &SubscriptionEvent) {
        let SubscriptionEvent::Notified { body: Some(body), .. } = event else { return };
        let Some(summary) = MessageSummary::parse(&body.data) else { return };
        if let Some(account) = self.accounts.get_mut(id) {
            account.summary = Some(summary.clone());
            self.tell(id, AccountNotification::GotMessageSummary(summary));
        }
    }

    /// When [`Self::handle_timeout`] is due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let of = |account: &Account| match account.activity {
            Activity::Leaving(until) => Some(until),
            _ => None,
        };
        self.accounts.values().filter_map(of).min()
    }

    /// What can't be taken back in time is left.
    pub fn handle_timeout(&mut self, now: Instant) {
        let late = |a: &Account| matches!(a.activity, Activity::Leaving(until) if until <= now);
        let ids: Vec<String> =
            self.accounts.iter().filter(|(_, a)| late(a)).map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.deactivated(&id);
        }
    }

    /// The next command for the endpoint.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// The next thing to tell the application.
    pub fn poll_event(&mut self) -> Option<AccountEvent> {
        self.events.pop_front()
    }
}

/// The error in SIP SIMPLE's words.
fn error_of(status: u16, reason: &str) -> String {
    match status {
        401 | 407 => "Authentication failed".to_owned(),
        408 => "Request timeout".to_owned(),
        423 => "Interval too short".to_owned(),
        503 if ["no address", "no server", "no answer"].iter().any(|w| reason.starts_with(w)) => {
            format!("DNS lookup failed: {reason}")
        }
        _ => "No more routes to try".to_owned(),
    }
}
