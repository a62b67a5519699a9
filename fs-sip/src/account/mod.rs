//! Accounts on top of an endpoint (SIP SIMPLE: `AccountManager`, `Account`):
//! who we are at which provider, kept in settings, registered while enabled.
//!
//! | File | Holds |
//! |---|---|
//! | [`settings`] | the settings of one account |
//! | [`manager`] | all accounts: a pure machine between settings and endpoint |
//! | [`accounts`] | the same at work: beside an endpoint, on a task |
//! | [`summary`] | message summaries (RFC 3842) |

pub mod accounts;
pub mod manager;
pub mod settings;
pub mod summary;

pub use accounts::Accounts;
pub use manager::{AccountError, AccountEvent, AccountManager, AccountNotification};
pub use settings::{AccountSettings, StunServer};
pub use summary::MessageSummary;
