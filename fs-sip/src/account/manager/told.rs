//! What the accounts tell, and what is wrong with what is asked of them.

use std::fmt;
use std::time::Duration;

use crate::account::settings::LoadFailure;
use crate::account::summary::MessageSummary;
use crate::settings::StorageError;
use crate::transport::Peer;
use crate::wire::NameAddr;

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
    /// An account has another id (`CFGSettingsObjectDidChange` of `__id__`); what it tells comes under the new one from
    /// now on, but for the end of its registration under the old one.
    DidRenameAccount {
        /// The id before.
        old: String,
        /// The id now.
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
    /// Its settings were changed and stored (`CFGSettingsObjectDidChange`); what follows from that is told next.
    DidChange {
        /// What has changed, as `group.setting`; not the values, a password may be among them.
        modified: Vec<&'static str>,
    },
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
