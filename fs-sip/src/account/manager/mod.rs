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

mod activity;
mod network;
mod told;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::settings::{AccountSettings, LoadFailure};
use super::summary::MessageSummary;
use crate::endpoint::{Command, Random};
use crate::settings::{Group, Storage, Value};
use crate::transport::Peer;
use crate::wire::{Host, NameAddr, Uri};

pub use told::{AccountError, AccountEvent, AccountNotification};

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
    /// The host whose certificate bears another name, and that.
    certified: Option<(Host, Host)>,
    registered: bool,
    /// Was a REGISTER of this registration answered with 2xx before?
    refreshing: bool,
    registrar: Option<Peer>,
    summary: Option<MessageSummary>,
    /// Forget it when it is inactive.
    removed: bool,
    /// It goes on under another id.
    renamed: bool,
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
        let account = self.new_account(settings, group);
        self.accounts.insert(id.to_owned(), account);
        self.events.push_back(AccountEvent::DidAddAccount { account: id.to_owned() });
    }

    fn new_account(&mut self, settings: AccountSettings, group: Group) -> Account {
        self.last_number += 1;
        Account {
            settings,
            group,
            activity: Activity::Inactive,
            number: self.last_number,
            contact_user: format!("{:08}", self.random.below(100_000_000)),
            certified: None,
            registered: false,
            refreshing: false,
            registrar: None,
            summary: None,
            removed: false,
            renamed: false,
        }
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
        let modified = settings.differences(&before);
        self.tell(id, AccountNotification::DidChange { modified });
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

    /// Gives an account another id, and stores that. Where it is in use, the
    /// registration under the old id is taken back, and one under the new id
    /// made; the user part of its contact stays.
    ///
    /// # Errors
    /// When there is none of the old name, the new one is no `user@domain` or
    /// taken, or it can't be stored; then nothing is changed.
    pub fn rename_account(&mut self, now: Instant, old: &str, new: &str) -> Result<(), AccountError> {
        address(new)?;
        let account = self.account(old)?;
        if old == new {
            return Ok(());
        }
        if self.accounts.contains_key(new) {
            return Err(AccountError::Exists(new.to_owned()));
        }
        let (settings, contact_user) = (account.settings.clone(), account.contact_user.clone());
        let mut group = account.group.clone();
        settings.write(&mut group);
        let is_default = self.default.as_deref() == Some(old);
        let mut tree = self.tree.clone();
        tree.remove(&[ACCOUNTS, old]);
        tree.set(&[ACCOUNTS, new], Value::Group(group.clone()));
        if is_default {
            tree.set(&DEFAULT, Value::Text(new.to_owned()));
        }
        self.storage.save(&tree).map_err(AccountError::Storage)?;
        self.tree = tree;
        if let Some(before) = self.accounts.get_mut(old) {
            (before.removed, before.renamed, before.settings.enabled) = (true, true, false);
        }
        let mut account = self.new_account(settings, group);
        account.contact_user = contact_user;
        self.accounts.insert(new.to_owned(), account);
        if is_default {
            self.default = Some(new.to_owned());
        }
        self.events
            .push_back(AccountEvent::DidRenameAccount { old: old.to_owned(), account: new.to_owned() });
        self.apply(now, old);
        self.sweep(old);
        self.apply(now, new);
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

    /// Is it in use?
    #[must_use]
    pub fn is_active(&self, id: &str) -> bool {
        self.account(id).is_ok_and(|a| a.activity == Activity::Active)
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

/// `user@domain` as a URI.
fn address(id: &str) -> Result<Uri, AccountError> {
    let wrong = || AccountError::Id(id.to_owned());
    let (user, domain) = id.rsplit_once('@').ok_or_else(wrong)?;
    let uri = Uri::parse(&format!("sip:x@{domain}")).map_err(|_| wrong())?;
    let plain = uri.port().is_none() && uri.params().is_empty() && uri.headers().is_none();
    let host = uri.host().cloned().filter(|_| plain && !user.is_empty()).ok_or_else(wrong)?;
    Ok(Uri::sip(Some(user), host, None))
}

/// A random UUID (RFC 9562 section 5.4) as a URN.
fn new_instance(random: &mut Random) -> String {
    let mut bytes: [u8; 16] = random.bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
