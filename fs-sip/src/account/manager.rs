//! All accounts as a pure machine: it is told what the endpoint says and what
//! its user wants, and gives back commands and notifications.
//!
//! ```text
//!             start, or enabled and saved: WillActivate
//!   inactive ------------------------------------------> active: DidActivate
//!      ^                                                  |  WillRegister, RegistrationDid...
//!      |  DidDeactivate                                   |
//!      +--------- leaving <-------------------------------+
//!   taken back,              stop, or disabled and saved: WillDeactivate
//!   or not within 2 s
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::settings::{AccountSettings, LoadFailure};
use super::summary::MessageSummary;
use crate::endpoint::{Command, Event, Random};
use crate::registration::{RegistrationEvent, RegistrationId, RegistrationSettings};
use crate::settings::{Group, Storage, StorageError, Value};
use crate::subscription::{SubscriptionEvent, SubscriptionId, SubscriptionSettings};
use crate::transport::Peer;
use crate::wire::auth::Credentials;
use crate::wire::headers::EventType;
use crate::wire::{NameAddr, Params, Uri};

/// Something was asked of the accounts that can't be done.
#[derive(Debug)]
#[non_exhaustive]
pub enum AccountError {
    /// No `user@domain`.
    Id(String),
    /// There is one of this name already.
    Exists(String),
    /// There is none of this name.
    Unknown(String),
    /// It is not enabled.
    Disabled(String),
    /// The settings can't be read or written.
    Storage(StorageError),
    /// The task of the accounts has ended.
    Stopped,
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "'{id}' is no account: user@domain is wanted"),
            Self::Exists(id) => write!(f, "there is an account {id} already"),
            Self::Unknown(id) => write!(f, "there is no account {id}"),
            Self::Disabled(id) => write!(f, "the account {id} is not enabled"),
            Self::Storage(error) => error.fmt(f),
            Self::Stopped => f.write_str("the accounts have ended"),
        }
    }
}

impl std::error::Error for AccountError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Storage(error) => Some(error),
            _ => None,
        }
    }
}

/// What the accounts tell (SIP SIMPLE's notifications, `SIPAccountManager…`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountEvent {
    /// All enabled accounts are about to be activated.
    WillStart,
    /// They are; what becomes of their registrations is told one by one.
    DidStart,
    /// All accounts are about to be deactivated.
    WillEnd,
    /// They are.
    DidEnd,
    /// There is a new account.
    DidAddAccount {
        /// Its id.
        account: String,
    },
    /// An account is gone.
    DidRemoveAccount {
        /// Its id.
        account: String,
    },
    /// Another account is the default one.
    DidChangeDefaultAccount {
        /// The one before.
        old: Option<String>,
        /// The one now.
        account: Option<String>,
    },
    /// Something about one account.
    Account {
        /// Its id.
        account: String,
        /// What.
        notification: AccountNotification,
    },
    /// A stored value can't be used (`CFGManagerLoadFailed`).
    LoadFailed(LoadFailure),
}

/// What one account tells (`SIPAccount…`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountNotification {
    /// It is about to be used.
    WillActivate,
    /// It is in use.
    DidActivate,
    /// It is about to be used no more.
    WillDeactivate,
    /// It is used no more; its registration is taken back, or was tried to.
    DidDeactivate,
    /// The first REGISTER is about to be sent.
    WillRegister,
    /// A REGISTER that refreshes is about to be sent.
    RegistrationWillRefresh,
    /// A final answer to a REGISTER.
    RegistrationGotAnswer {
        /// The status.
        code: u16,
        /// Its reason phrase.
        reason: String,
        /// Who answered.
        registrar: Option<Peer>,
    },
    /// The registrar has us.
    RegistrationDidSucceed {
        /// All contacts it has.
        contacts: Vec<NameAddr>,
        /// For how many seconds.
        expires: u32,
        /// Who has us.
        registrar: Option<Peer>,
    },
    /// The registrar has us not; the next attempt comes by itself.
    RegistrationDidFail {
        /// Why, in SIP SIMPLE's words.
        error: String,
        /// The status; where there was no answer, the one that fits.
        code: u16,
        /// How long until the next attempt.
        retry_after: Duration,
    },
    /// The registration is taken back.
    RegistrationDidEnd,
    /// It could not be taken back.
    RegistrationDidNotEnd {
        /// The status; where there was no answer, the one that fits.
        code: u16,
        /// The registrar's reason, or ours.
        reason: String,
    },
    /// What waits in the mail box.
    GotMessageSummary(MessageSummary),
}

/// How far an account is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    Inactive,
    Active,
    /// The registration is being taken back, until then.
    Leaving(Instant),
}

#[derive(Debug)]
struct Account {
    settings: AccountSettings,
    /// What stands in its group beside what we know.
    group: Group,
    activity: Activity,
    number: u64,
    contact_user: String,
    registered: bool,
    /// Was a REGISTER of this registration answered with 2xx before?
    refreshing: bool,
    registrar: Option<Peer>,
    summary: Option<MessageSummary>,
    /// Forget it when it is inactive.
    removed: bool,
}

/// How long taking back may take.
const GOODBYE: Duration = Duration::from_secs(2);
/// Where our numbers of registrations and subscriptions begin: those of an
/// application may be small.
const FIRST_NUMBER: u64 = 1 << 40;
const ACCOUNTS: &str = "Accounts";
const DEFAULT: [&str; 2] = ["SIPSimpleSettings", "default_account"];
const INSTANCE: [&str; 2] = ["SIPSimpleSettings", "instance_id"];

/// All accounts.
pub struct AccountManager {
    storage: Arc<dyn Storage>,
    tree: Group,
    accounts: BTreeMap<String, Account>,
    default: Option<String>,
    instance: String,
    started: bool,
    ending: bool,
    last_number: u64,
    random: Random,
    commands: VecDeque<Command>,
    events: VecDeque<AccountEvent>,
}

impl fmt::Debug for AccountManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountManager").field("accounts", &self.accounts.keys()).finish_non_exhaustive()
    }
}

/// Accounts and settings.
impl AccountManager {
    /// Loads all accounts; none is active yet. `seed` is from the system,
    /// fixed only in tests.
    ///
    /// # Errors
    /// When the settings can't be read.
    pub fn load(storage: Arc<dyn Storage>, seed: [u8; 32]) -> Result<Self, AccountError> {
        let tree = storage.load().map_err(AccountError::Storage)?;
        let mut random = Random::new(seed);
        let instance = tree.text(&INSTANCE).map_or_else(|| new_instance(&mut random), str::to_owned);
        let default = tree.text(&DEFAULT).map(str::to_owned);
        let mut this = Self {
            storage,
            accounts: BTreeMap::new(),
            default,
            instance,
            started: false,
            ending: false,
            last_number: FIRST_NUMBER,
            random,
            commands: VecDeque::new(),
            events: VecDeque::new(),
            tree,
        };
        let groups = this.tree.group(&[ACCOUNTS]).cloned().unwrap_or_default();
        for (id, value) in groups.iter() {
            let Value::Group(group) = value else { continue };
            let (settings, failures) = AccountSettings::from_group(id, group);
            this.events.extend(failures.into_iter().map(AccountEvent::LoadFailed));
            if address(id).is_ok() {
                this.insert(id, settings, group.clone());
            } else {
                let error = "user@domain is wanted".to_owned();
                let failure = LoadFailure { account: id.to_owned(), setting: "id", error };
                this.events.push_back(AccountEvent::LoadFailed(failure));
            }
        }
        Ok(this)
    }

    fn insert(&mut self, id: &str, settings: AccountSettings, group: Group) {
        self.last_number += 1;
        let account = Account {
            settings,
            group,
            activity: Activity::Inactive,
            number: self.last_number,
            contact_user: format!("{:08}", self.random.below(100_000_000)),
            registered: false,
            refreshing: false,
            registrar: None,
            summary: None,
            removed: false,
        };
        self.accounts.insert(id.to_owned(), account);
        self.events.push_back(AccountEvent::DidAddAccount { account: id.to_owned() });
    }

    /// Makes a new account, and stores it.
    ///
    /// # Errors
    /// When `id` is no `user@domain`, or taken, or it can't be stored; then
    /// there is none.
    pub fn add_account(
        &mut self,
        now: Instant,
        id: &str,
        settings: AccountSettings,
    ) -> Result<(), AccountError> {
        address(id)?;
        if self.accounts.contains_key(id) {
            return Err(AccountError::Exists(id.to_owned()));
        }
        self.store(id, Some(&settings))?;
        self.insert(id, settings, Group::new());
        self.apply(now, id);
        self.choose_default();
        Ok(())
    }

    /// Changes the settings of an account, and stores them. What is in use is
    /// registered anew where the registrar must know.
    ///
    /// # Errors
    /// When there is none of this name, or the change can't be stored; then
    /// nothing is changed.
    pub fn change_account(
        &mut self,
        now: Instant,
        id: &str,
        settings: AccountSettings,
    ) -> Result<(), AccountError> {
        let before = self.account(id)?.settings.clone();
        if before == settings {
            return Ok(());
        }
        self.store(id, Some(&settings))?;
        let active = self.account(id)?.activity == Activity::Active;
        if let Some(account) = self.accounts.get_mut(id) {
            account.settings = settings.clone();
        }
        if active && settings.enabled {
            self.renew(id, &before);
        } else {
            self.apply(now, id);
        }
        self.choose_default();
        Ok(())
    }

    /// Takes an account out of use and out of the settings.
    ///
    /// # Errors
    /// When there is none of this name, or the change can't be stored.
    pub fn remove_account(&mut self, now: Instant, id: &str) -> Result<(), AccountError> {
        self.account(id)?;
        self.store(id, None)?;
        if let Some(account) = self.accounts.get_mut(id) {
            account.removed = true;
            account.settings.enabled = false;
        }
        self.apply(now, id);
        self.sweep(id);
        self.choose_default();
        Ok(())
    }

    /// The ids of all accounts, sorted.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().filter(|(_, a)| !a.removed).map(|(id, _)| id.as_str())
    }

    /// The settings of an account.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn settings(&self, id: &str) -> Result<&AccountSettings, AccountError> {
        Ok(&self.account(id)?.settings)
    }

    /// Has the registrar got this account?
    #[must_use]
    pub fn is_registered(&self, id: &str) -> bool {
        self.account(id).is_ok_and(|a| a.registered)
    }

    /// What waits in the mail box of this account, as far as it was told.
    #[must_use]
    pub fn message_summary(&self, id: &str) -> Option<&MessageSummary> {
        self.account(id).ok()?.summary.as_ref()
    }

    /// Who the account is: From of its requests.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn identity(&self, id: &str) -> Result<NameAddr, AccountError> {
        let mut identity = NameAddr::new(address(id)?);
        identity.display_name = self.account(id)?.settings.display_name.clone();
        Ok(identity)
    }

    /// Whose the Request-URI of a call is: the enabled account with this
    /// contact, or with this id, or else with the same user part.
    #[must_use]
    pub fn find_account(&self, uri: &Uri) -> Option<&str> {
        let user = uri.user()?;
        let enabled = || self.accounts.iter().filter(|(_, a)| a.settings.enabled && !a.removed);
        let exact = enabled().find(|(id, account)| {
            account.contact_user == user || address(id).is_ok_and(|own| own.same_user(uri))
        });
        let loose = || enabled().find(|(id, _)| id.rsplit_once('@').is_some_and(|(name, _)| name == user));
        exact.or_else(loose).map(|(id, _)| id.as_str())
    }

    /// The account that is meant where none is named.
    #[must_use]
    pub fn default_account(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// Names the default account, and stores that.
    ///
    /// # Errors
    /// When there is none of this name, it is disabled, or it can't be stored.
    pub fn set_default_account(&mut self, id: &str) -> Result<(), AccountError> {
        if !self.account(id)?.settings.enabled {
            return Err(AccountError::Disabled(id.to_owned()));
        }
        self.make_default(Some(id.to_owned()))
    }

    fn account(&self, id: &str) -> Result<&Account, AccountError> {
        let found = self.accounts.get(id).filter(|a| !a.removed);
        found.ok_or_else(|| AccountError::Unknown(id.to_owned()))
    }

    fn store(&mut self, id: &str, settings: Option<&AccountSettings>) -> Result<(), AccountError> {
        let mut tree = self.tree.clone();
        match settings {
            Some(settings) => {
                let mut group = self.accounts.get(id).map(|a| a.group.clone()).unwrap_or_default();
                settings.write(&mut group);
                tree.set(&[ACCOUNTS, id], Value::Group(group));
            }
            None => {
                tree.remove(&[ACCOUNTS, id]);
            }
        }
        tree.set(&INSTANCE, Value::Text(self.instance.clone()));
        self.storage.save(&tree).map_err(AccountError::Storage)?;
        self.tree = tree;
        Ok(())
    }

    /// A default account that is gone or disabled gives its place to the first
    /// that is enabled.
    fn choose_default(&mut self) {
        let fits = |id: &str| self.account(id).is_ok_and(|a| a.settings.enabled);
        if self.default.as_deref().is_some_and(fits) {
            return;
        }
        let first = self.accounts().find(|id| fits(id)).map(str::to_owned);
        if first != self.default
            && let Err(error) = self.make_default(first)
        {
            tracing::warn!(target: "fs::sip::account", %error, "default account not stored");
        }
    }

    fn make_default(&mut self, id: Option<String>) -> Result<(), AccountError> {
        if id == self.default {
            return Ok(());
        }
        let mut tree = self.tree.clone();
        tree.set(&DEFAULT, id.clone().map_or(Value::Nil, Value::Text));
        self.storage.save(&tree).map_err(AccountError::Storage)?;
        self.tree = tree;
        let old = std::mem::replace(&mut self.default, id.clone());
        self.events.push_back(AccountEvent::DidChangeDefaultAccount { old, account: id });
        Ok(())
    }
}

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
    fn apply(&mut self, now: Instant, id: &str) {
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

    fn deactivated(&mut self, id: &str) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        if !matches!(account.activity, Activity::Leaving(_)) {
            return;
        }
        account.activity = Activity::Inactive;
        self.tell(id, AccountNotification::DidDeactivate);
        if let Ok(identity) = address(id) {
            self.commands.push_back(Command::IdentityCredentials { identity, credentials: None });
        }
        self.sweep(id);
        self.end_if_over();
    }

    /// Forgets an account that was removed, once it is out of use.
    fn sweep(&mut self, id: &str) {
        let over = self.accounts.get(id).is_some_and(|a| a.removed && a.activity == Activity::Inactive);
        if over {
            self.accounts.remove(id);
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
    fn renew(&mut self, id: &str, before: &AccountSettings) {
        self.introduce(id);
        let Some(account) = self.accounts.get(id) else { return };
        let now = &account.settings;
        let proof = before.username != now.username || before.password != now.password;
        let way = before.outbound_proxy != now.outbound_proxy;
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

    fn tell(&mut self, id: &str, notification: AccountNotification) {
        self.events.push_back(AccountEvent::Account { account: id.to_owned(), notification });
    }
}

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

/// `user@domain` as a URI.
fn address(id: &str) -> Result<Uri, AccountError> {
    let wrong = || AccountError::Id(id.to_owned());
    let (user, domain) = id.rsplit_once('@').ok_or_else(wrong)?;
    let uri = Uri::parse(&format!("sip:x@{domain}")).map_err(|_| wrong())?;
    let plain = uri.port().is_none() && uri.params().is_empty() && uri.headers().is_none();
    let host = uri.host().cloned().filter(|_| plain && !user.is_empty()).ok_or_else(wrong)?;
    Ok(Uri::sip(Some(user), host, None))
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

/// A random UUID (RFC 9562 section 5.4) as a URN.
fn new_instance(random: &mut Random) -> String {
    let mut bytes: [u8; 16] = random.bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
