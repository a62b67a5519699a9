//! Accounts in use and out of use: what is asked of the endpoint for them.

use std::time::Instant;

use super::{AccountError, AccountEvent, AccountManager, AccountNotification, Activity, GOODBYE, address};
use crate::account::settings::AccountSettings;
use crate::endpoint::Command;
use crate::registration::{RegistrationId, RegistrationSettings};
use crate::subscription::{SubscriptionId, SubscriptionSettings};
use crate::wire::Params;
use crate::wire::auth::Credentials;
use crate::wire::headers::EventType;

/// In use and out of use.
impl AccountManager {
    /// Activates all enabled accounts.
    pub fn start(&mut self, now: Instant) {
        if self.started {
            return;
        }
        self.started = true;
        self.events.push_back(AccountEvent::WillStart);
        let ids: Vec<String> = self.accounts.keys().cloned().collect();
        for id in ids {
            self.apply(now, &id);
        }
        self.choose_default();
        self.events.push_back(AccountEvent::DidStart);
    }

    /// Deactivates all accounts; [`AccountEvent::DidEnd`] comes after 2 s at the
    /// latest.
    pub fn stop(&mut self, now: Instant) {
        if !self.started {
            return;
        }
        self.started = false;
        self.ending = true;
        self.events.push_back(AccountEvent::WillEnd);
        let ids: Vec<String> = self.accounts.keys().cloned().collect();
        for id in ids {
            self.apply(now, &id);
        }
        self.end_if_over();
    }

    /// Registers an account anew.
    ///
    /// # Errors
    /// When there is none of this name, or it is not in use.
    pub fn reregister(&mut self, id: &str) -> Result<(), AccountError> {
        if self.account(id)?.activity != Activity::Active {
            return Err(AccountError::Disabled(id.to_owned()));
        }
        self.register(id);
        Ok(())
    }

    /// Subscribes anew to what an account wants to know.
    ///
    /// # Errors
    /// When there is none of this name, or it is not in use.
    pub fn resubscribe(&mut self, id: &str) -> Result<(), AccountError> {
        if self.account(id)?.activity != Activity::Active {
            return Err(AccountError::Disabled(id.to_owned()));
        }
        self.subscribe(id);
        Ok(())
    }

    /// Brings an account into use or out of it, as its settings want.
    pub(super) fn apply(&mut self, now: Instant, id: &str) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        let wanted = self.started && account.settings.enabled;
        match (account.activity, wanted) {
            (Activity::Inactive | Activity::Leaving(_), true) => {
                account.activity = Activity::Active;
                self.tell(id, AccountNotification::WillActivate);
                self.introduce(id);
                self.tell(id, AccountNotification::DidActivate);
                self.register(id);
                self.subscribe(id);
            }
            (Activity::Active, false) => {
                let known = account.settings.register;
                let number = account.number;
                account.activity = Activity::Leaving(now + GOODBYE);
                account.registered = false;
                account.refreshing = false;
                self.tell(id, AccountNotification::WillDeactivate);
                self.commands.push_back(Command::Unsubscribe { id: SubscriptionId(number) });
                self.commands.push_back(Command::Unregister { id: RegistrationId(number) });
                if !known {
                    self.deactivated(id);
                }
            }
            _ => {}
        }
    }

    pub(super) fn deactivated(&mut self, id: &str) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        if !matches!(account.activity, Activity::Leaving(_)) {
            return;
        }
        account.activity = Activity::Inactive;
        self.tell(id, AccountNotification::DidDeactivate);
        if let Ok(identity) = address(id) {
            self.commands.push_back(Command::IdentityCredentials { identity, credentials: None });
        }
        self.name_certificate(id, false);
        self.sweep(id);
        self.end_if_over();
    }

    /// Forgets an account that was removed, once it is out of use.
    pub(super) fn sweep(&mut self, id: &str) {
        let over = self.accounts.get(id).is_some_and(|a| a.removed && a.activity == Activity::Inactive);
        if over && self.accounts.remove(id).is_some_and(|account| !account.renamed) {
            self.events.push_back(AccountEvent::DidRemoveAccount { account: id.to_owned() });
        }
    }

    fn end_if_over(&mut self) {
        if self.ending && self.accounts.values().all(|a| a.activity == Activity::Inactive) {
            self.ending = false;
            self.events.push_back(AccountEvent::DidEnd);
        }
    }

    /// What has changed is told to the network.
    pub(super) fn renew(&mut self, id: &str, before: &AccountSettings) {
        self.introduce(id);
        let Some(account) = self.accounts.get(id) else { return };
        let now = &account.settings;
        let proof = before.username != now.username || before.password != now.password;
        let way = before.outbound_proxy != now.outbound_proxy || before.tls_name != now.tls_name;
        let registration =
            before.register != now.register || before.register_interval != now.register_interval;
        let name = before.display_name != now.display_name;
        let summary = before.message_summary != now.message_summary
            || before.voicemail_uri != now.voicemail_uri
            || before.subscribe_interval != now.subscribe_interval;
        if proof || way || registration || name {
            self.register(id);
        }
        if proof || way || summary {
            self.subscribe(id);
        }
    }

    /// Gives the endpoint what proves who the account is.
    fn introduce(&mut self, id: &str) {
        let (Some(account), Ok(identity)) = (self.accounts.get(id), address(id)) else { return };
        let user = id.rsplit_once('@').map_or(id, |(user, _)| user);
        let username = account.settings.username.clone().unwrap_or_else(|| user.to_owned());
        let password = account.settings.password.clone();
        let credentials = Some(Credentials { realm: None, username, password });
        self.commands.push_back(Command::IdentityCredentials { identity, credentials });
        self.name_certificate(id, true);
    }

    /// Tells the endpoint, or takes it back, whom the certificates of the account's servers are for.
    fn name_certificate(&mut self, id: &str, used: bool) {
        let (Some(account), Ok(identity)) = (self.accounts.get_mut(id), address(id)) else { return };
        let settings = &account.settings;
        let servers = settings.outbound_proxy.as_ref().unwrap_or(&identity).host();
        let wanted = servers.cloned().zip(settings.tls_name.clone()).filter(|_| used);
        if account.certified == wanted {
            return;
        }
        let before = std::mem::replace(&mut account.certified, wanted.clone());
        let taken_back = before.map(|(host, _)| Command::CertificateName { host, name: None });
        let told = wanted.map(|(host, name)| Command::CertificateName { host, name: Some(name) });
        self.commands.extend(taken_back.into_iter().chain(told));
    }

    fn register(&mut self, id: &str) {
        let Ok(identity) = self.identity(id) else { return };
        let Some(account) = self.accounts.get_mut(id) else { return };
        let number = RegistrationId(account.number);
        if !account.settings.register {
            if account.refreshing {
                account.registered = false;
                account.refreshing = false;
                self.commands.push_back(Command::Unregister { id: number });
            }
            return;
        }
        let settings = RegistrationSettings {
            outbound_proxy: account.settings.outbound_proxy.clone(),
            expires: account.settings.register_interval,
            instance: Some(self.instance.clone()),
            contact_user: Some(account.contact_user.clone()),
            tell_all: true,
            ..RegistrationSettings::new(identity)
        };
        self.commands.push_back(Command::Register { id: number, settings });
    }

    fn subscribe(&mut self, id: &str) {
        let Ok(identity) = self.identity(id) else { return };
        let Some(account) = self.accounts.get_mut(id) else { return };
        let number = SubscriptionId(account.number);
        if !account.settings.message_summary {
            if account.summary.take().is_some() {
                self.commands.push_back(Command::Unsubscribe { id: number });
            }
            return;
        }
        let target = account.settings.voicemail_uri.clone().unwrap_or_else(|| identity.uri.clone());
        let event = EventType { package: "message-summary".to_owned(), params: Params::new() };
        let settings = SubscriptionSettings {
            accept: vec!["application/simple-message-summary".to_owned()],
            outbound_proxy: account.settings.outbound_proxy.clone(),
            expires: account.settings.subscribe_interval,
            ..SubscriptionSettings::new(identity, target, event)
        };
        self.commands.push_back(Command::Subscribe { id: number, settings: Box::new(settings) });
    }

    pub(super) fn tell(&mut self, id: &str, notification: AccountNotification) {
        self.events.push_back(AccountEvent::Account { account: id.to_owned(), notification });
    }
}
