//! The accounts at work: a task between an endpoint and the application.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::manager::{AccountError, AccountEvent, AccountManager};
use super::settings::AccountSettings;
use super::summary::MessageSummary;
use crate::endpoint::{Command, Endpoint, Event, system_seed};
use crate::settings::Storage;
use crate::wire::{NameAddr, Uri};

pub(crate) type Work = Box<dyn FnOnce(&mut AccountManager) + Send>;

/// Handle of the accounts. Dropping it ends their task, and with it the
/// endpoint; [`Accounts::stop`] takes the registrations back first.
#[derive(Debug, Clone)]
pub struct Accounts {
    work: mpsc::UnboundedSender<Work>,
    commands: mpsc::UnboundedSender<Command>,
}

/// What the accounts hand on: their own events, and those of the endpoint that
/// are none of theirs.
#[derive(Debug)]
pub struct AccountStreams {
    /// What the accounts tell.
    pub accounts: mpsc::UnboundedReceiver<AccountEvent>,
    /// Calls, messages and all else.
    pub endpoint: mpsc::UnboundedReceiver<Event>,
}

impl Accounts {
    /// Loads the accounts and activates those that are enabled, on an endpoint
    /// that is theirs from now on. Storage is read and written on the task of
    /// the accounts.
    ///
    /// # Errors
    /// When the settings can't be read.
    pub fn start(
        endpoint: Endpoint,
        events: mpsc::UnboundedReceiver<Event>,
        storage: Arc<dyn Storage>,
    ) -> Result<(Self, AccountStreams), AccountError> {
        let mut manager = AccountManager::load(storage, system_seed())?;
        manager.start(std::time::Instant::now());
        let (work, work_queue) = mpsc::unbounded_channel();
        let (commands, command_queue) = mpsc::unbounded_channel();
        let (account_sender, accounts) = mpsc::unbounded_channel();
        let (endpoint_sender, others) = mpsc::unbounded_channel();
        let task = Task {
            manager,
            endpoint,
            events,
            work: work_queue,
            commands: command_queue,
            told: account_sender,
            handed_on: endpoint_sender,
        };
        tokio::spawn(task.run());
        Ok((Self { work, commands }, AccountStreams { accounts, endpoint: others }))
    }

    /// A handle of accounts that another task runs.
    pub(crate) fn run_by(
        work: mpsc::UnboundedSender<Work>,
        commands: mpsc::UnboundedSender<Command>,
    ) -> Self {
        Self { work, commands }
    }

    /// Gives the endpoint a command of the application.
    pub fn send(&self, command: Command) {
        // Nobody is left to do anything about it once the task has ended.
        let _ = self.commands.send(command);
    }

    /// Makes a new account; see [`AccountManager::add_account`].
    ///
    /// # Errors
    /// As there.
    pub async fn add(&self, id: &str, settings: AccountSettings) -> Result<(), AccountError> {
        let id = id.to_owned();
        self.ask(move |m| m.add_account(std::time::Instant::now(), &id, settings)).await?
    }

    /// Changes an account; see [`AccountManager::change_account`].
    ///
    /// # Errors
    /// As there.
    pub async fn change(&self, id: &str, settings: AccountSettings) -> Result<(), AccountError> {
        let id = id.to_owned();
        self.ask(move |m| m.change_account(std::time::Instant::now(), &id, settings)).await?
    }

    /// Gives an account another id; see [`AccountManager::rename_account`].
    ///
    /// # Errors
    /// As there.
    pub async fn rename(&self, old: &str, new: &str) -> Result<(), AccountError> {
        let (old, new) = (old.to_owned(), new.to_owned());
        self.ask(move |m| m.rename_account(std::time::Instant::now(), &old, &new)).await?
    }

    /// Removes an account; see [`AccountManager::remove_account`].
    ///
    /// # Errors
    /// As there.
    pub async fn remove(&self, id: &str) -> Result<(), AccountError> {
        let id = id.to_owned();
        self.ask(move |m| m.remove_account(std::time::Instant::now(), &id)).await?
    }

    /// Registers an account anew.
    ///
    /// # Errors
    /// As [`AccountManager::reregister`].
    pub async fn reregister(&self, id: &str) -> Result<(), AccountError> {
        let id = id.to_owned();
        self.ask(move |m| m.reregister(&id)).await?
    }

    /// Subscribes anew to what an account wants to know.
    ///
    /// # Errors
    /// As [`AccountManager::resubscribe`].
    pub async fn resubscribe(&self, id: &str) -> Result<(), AccountError> {
        let id = id.to_owned();
        self.ask(move |m| m.resubscribe(&id)).await?
    }

    /// Has the registrar got this account (`Account.registered`)?
    ///
    /// # Errors
    /// When the task has ended.
    pub async fn is_registered(&self, id: &str) -> Result<bool, AccountError> {
        let id = id.to_owned();
        self.ask(move |m| m.is_registered(&id)).await
    }

    /// What waits in the mail box of an account, as far as it was told.
    ///
    /// # Errors
    /// When the task has ended.
    pub async fn message_summary(&self, id: &str) -> Result<Option<MessageSummary>, AccountError> {
        let id = id.to_owned();
        self.ask(move |m| m.message_summary(&id).cloned()).await
    }

    /// The ids of all accounts, sorted.
    ///
    /// # Errors
    /// When the task has ended.
    pub async fn list(&self) -> Result<Vec<String>, AccountError> {
        self.ask(|m| m.accounts().map(str::to_owned).collect()).await
    }

    /// The settings of an account.
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn settings(&self, id: &str) -> Result<AccountSettings, AccountError> {
        let id = id.to_owned();
        self.ask(move |m| m.settings(&id).cloned()).await?
    }

    /// Who an account is: From of its requests.
    ///
    /// # Errors
    /// When there is none of this name.
    pub async fn identity(&self, id: &str) -> Result<NameAddr, AccountError> {
        let id = id.to_owned();
        self.ask(move |m| m.identity(&id)).await?
    }

    /// Whose a Request-URI is; see [`AccountManager::find_account`].
    ///
    /// # Errors
    /// When the task has ended.
    pub async fn find(&self, uri: Uri) -> Result<Option<String>, AccountError> {
        self.ask(move |m| m.find_account(&uri).map(str::to_owned)).await
    }

    /// The account that is meant where none is named.
    ///
    /// # Errors
    /// When the task has ended.
    pub async fn default_account(&self) -> Result<Option<String>, AccountError> {
        self.ask(|m| m.default_account().map(str::to_owned)).await
    }

    /// Names the default account.
    ///
    /// # Errors
    /// As [`AccountManager::set_default_account`].
    pub async fn set_default_account(&self, id: &str) -> Result<(), AccountError> {
        let id = id.to_owned();
        self.ask(move |m| m.set_default_account(&id)).await?
    }

    /// Takes all registrations back, 2 s at the most; then comes
    /// [`AccountEvent::DidEnd`]. The endpoint goes on.
    ///
    /// # Errors
    /// When the task has ended.
    pub async fn stop(&self) -> Result<(), AccountError> {
        self.ask(|m| m.stop(std::time::Instant::now())).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut AccountManager) -> T + Send + 'static,
    ) -> Result<T, AccountError> {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |manager| {
            // Who asked may have gone.
            let _ = reply.send(question(manager));
        });
        self.work.send(work).map_err(|_| AccountError::Stopped)?;
        answer.await.map_err(|_| AccountError::Stopped)
    }
}

struct Task {
    manager: AccountManager,
    endpoint: Endpoint,
    events: mpsc::UnboundedReceiver<Event>,
    work: mpsc::UnboundedReceiver<Work>,
    commands: mpsc::UnboundedReceiver<Command>,
    told: mpsc::UnboundedSender<AccountEvent>,
    handed_on: mpsc::UnboundedSender<Event>,
}

impl Task {
    async fn run(mut self) {
        loop {
            while let Some(command) = self.manager.poll_command() {
                self.endpoint.send(command);
            }
            while let Some(event) = self.manager.poll_event() {
                // The application may not listen.
                let _ = self.told.send(event);
            }
            let deadline = self.manager.next_deadline().map(Instant::from_std);
            let due = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(event) if self.manager.handle_event(&event) => {}
                    Some(event) => {
                        // The application may not listen.
                        let _ = self.handed_on.send(event);
                    }
                    None => return,
                },
                work = self.work.recv() => match work {
                    Some(work) => work(&mut self.manager),
                    None => return,
                },
                Some(command) = self.commands.recv() => self.endpoint.send(command),
                () = due => self.manager.handle_timeout(std::time::Instant::now()),
            }
        }
    }
}
