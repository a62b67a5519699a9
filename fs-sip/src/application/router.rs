//! The task between the endpoint and the sessions.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::call::Desk;
use super::stun::{Answer, StunServers, Wanted};
use super::{ApplicationEvent, InviteError};
use crate::account::accounts::Work;
use crate::account::{AccountError, AccountEvent, AccountManager, AccountNotification};
use crate::endpoint::{Body, Command, Endpoint, Event, InviteId, Statistics, Traced};
use crate::limits;
use crate::media::SessionId;
use crate::registration::{RegistrationEvent, RegistrationId, RegistrationSettings};
use crate::session::{CallInfo, Input, MediaOptions, Session, Start, until, warning};
use crate::wire::headers::name;
use crate::wire::{NameAddr, Uri};

/// What the handle asks of the router task.
pub(super) enum Request {
    /// A new outgoing session of an account, and where its events go.
    Call(Option<String>, mpsc::UnboundedSender<Input>, oneshot::Sender<Result<Line, InviteError>>),
    /// A registration begins; where its events go.
    Register(RegistrationId, Box<RegistrationSettings>, mpsc::UnboundedSender<RegistrationEvent>),
    /// The figures of the endpoint.
    Statistics(oneshot::Sender<Statistics>),
    /// A trace of its messages.
    Trace(oneshot::Sender<mpsc::Receiver<Traced>>),
    /// End everything.
    Shutdown(oneshot::Sender<()>),
}

/// Who calls, and by which way.
pub(super) struct Line {
    pub(super) id: InviteId,
    pub(super) from: NameAddr,
    pub(super) account: Option<String>,
    pub(super) proxy: Option<Uri>,
    /// What its calls carry.
    pub(super) media: MediaOptions,
    /// The STUN server of the account.
    pub(super) stun: Option<Answer>,
}

/// What comes to the router task.
pub(super) struct Inlets {
    pub(super) events: mpsc::UnboundedReceiver<Event>,
    pub(super) requests: mpsc::UnboundedReceiver<Request>,
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
    pub(super) work: mpsc::UnboundedReceiver<Work>,
}

/// The task between the endpoint, the accounts and the sessions.
pub(super) struct Router {
    pub(super) sessions: HashMap<InviteId, mpsc::UnboundedSender<Input>>,
    pub(super) registrations: HashMap<RegistrationId, mpsc::UnboundedSender<RegistrationEvent>>,
    pub(super) calls: mpsc::Sender<Session>,
    pub(super) desk: Desk,
    /// Provisional answers are sent reliably to all that can take them.
    pub(super) reliable: bool,
    pub(super) manager: AccountManager,
    pub(super) told: Option<mpsc::Sender<ApplicationEvent>>,
    /// The identity is the application's choice: calls need no account.
    pub(super) own: bool,
    pub(super) identity: NameAddr,
    pub(super) outbound_proxy: Option<Uri>,
    pub(super) stun: StunServers,
}

impl Router {
    pub(super) async fn run(mut self, endpoint: Endpoint, mut inlets: Inlets) {
        self.manager.start(Instant::now());
        let mut outside = self.desk.addresses.outside();
        let mut watch = tokio::time::interval(limits::WATCH_TIME);
        watch.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let look = Arc::clone(&self.desk.look);
        let done = loop {
            self.pump(&endpoint);
            let deadline = self.manager.next_deadline();
            tokio::select! {
                event = inlets.events.recv() => match event {
                    Some(event) => self.route(event),
                    None => break None,
                },
                Some(command) = inlets.commands.recv() => endpoint.send(command),
                Some(work) = inlets.work.recv() => work(&mut self.manager),
                () = look.notified() => watch.reset_immediately(),
                _ = watch.tick(), if self.desk.local.ip().is_unspecified() => {
                    let now = self.desk.addresses.outside();
                    // Without any way out there is nobody to tell; what was before may come back.
                    if now != outside && !now.is_empty() {
                        outside.clone_from(&now);
                        endpoint.send(Command::NetworkChanged);
                        self.network_changed(now);
                    }
                }
                () = until(deadline) => self.manager.handle_timeout(Instant::now()),
                request = inlets.requests.recv() => match request {
                    Some(Request::Call(account, inbox, reply)) => {
                        let line = self.line(endpoint.new_invite_id(), account);
                        let id = line.as_ref().ok().map(|line| line.id);
                        if reply.send(line).is_ok() && let Some(id) = id {
                            self.sessions.insert(id, inbox);
                        }
                    }
                    Some(Request::Register(id, settings, events)) => {
                        self.registrations.insert(id, events);
                        endpoint.send(Command::Register { id, settings: *settings });
                    }
                    Some(Request::Statistics(reply)) => {
                        // Who asked may have gone, and sees that the endpoint has ended.
                        if let Ok(figures) = endpoint.statistics().await {
                            let _ = reply.send(figures);
                        }
                    }
                    Some(Request::Trace(reply)) => {
                        // The same.
                        let _ = reply.send(endpoint.trace());
                    }
                    Some(Request::Shutdown(reply)) => break Some(reply),
                    // The handle was dropped: the sessions' own commands keep the endpoint busy no longer.
                    None => break None,
                },
            }
        };
        self.stop(endpoint, inlets).await;
        if let Some(done) = done {
            // The application may not wait for it.
            let _ = done.send(());
        }
    }

    async fn stop(&mut self, endpoint: Endpoint, mut inlets: Inlets) {
        // What the sessions have asked for up to now goes out before the goodbye.
        while let Ok(command) = inlets.commands.try_recv() {
            endpoint.send(command);
        }
        self.manager.stop(Instant::now());
        self.pump(&endpoint);
        let shutdown = endpoint.shutdown();
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(event) = inlets.events.recv() => self.route(event),
            }
            self.tell_of_accounts();
        }
        while let Ok(event) = inlets.events.try_recv() {
            self.route(event);
        }
        // What has not come back by now never will.
        if let Some(last) = self.manager.next_deadline() {
            self.manager.handle_timeout(last.max(Instant::now()));
        }
        self.tell_of_accounts();
    }

    /// The addresses of this machine have changed.
    fn network_changed(&mut self, addresses: Vec<IpAddr>) {
        tracing::info!(target: "fs::sip", ?addresses, "the network has changed");
        for inbox in self.sessions.values() {
            // A session that is over needs no way.
            let _ = inbox.send(Input::NetworkChanged);
        }
        self.stun.look_again();
        self.tell(ApplicationEvent::NetworkChanged { addresses });
    }

    /// What the accounts want is done and told.
    fn pump(&mut self, endpoint: &Endpoint) {
        while let Some(command) = self.manager.poll_command() {
            endpoint.send(command);
        }
        self.tell_of_accounts();
    }

    fn tell_of_accounts(&mut self) {
        while let Some(event) = self.manager.poll_event() {
            if let AccountEvent::Account { account, notification } = &event {
                self.look_for_stun(account, notification);
            }
            self.tell(ApplicationEvent::Account(event));
        }
    }

    /// The STUN server of an account is looked for while it is in use.
    fn look_for_stun(&mut self, account: &str, notification: &AccountNotification) {
        let used = match notification {
            AccountNotification::DidActivate => true,
            AccountNotification::DidChange { .. } => self.manager.is_active(account),
            AccountNotification::DidDeactivate => false,
            _ => return,
        };
        let of = || {
            let identity = self.manager.identity(account).ok()?;
            Wanted::of(&identity.uri, self.manager.settings(account).ok()?, &self.desk.media)
        };
        let wanted = if used { of() } else { None };
        self.stun.look(account, wanted);
    }

    /// Tells the application, if it listens and keeps up.
    fn tell(&self, event: ApplicationEvent) {
        let Some(told) = &self.told else { return };
        let event = match told.try_send(event) {
            Ok(()) => return,
            Err(TrySendError::Closed(event)) => event,
            Err(TrySendError::Full(event)) => {
                tracing::warn!(target: "fs::sip", "the application does not read its events: one is lost");
                event
            }
        };
        let ApplicationEvent::Endpoint(event) = event else { return };
        // Who waits for its answer gets one.
        match event {
            Event::Request { id, .. } => {
                let (headers, reason, body) = (Vec::new(), None, None);
                self.command(Command::AnswerRequest { id, status: 480, reason, headers, body });
            }
            Event::IncomingSubscription { id, .. } => {
                self.command(Command::AnswerSubscription { id, status: 480, active: false, body: None });
            }
            _ => {}
        }
    }

    /// Who calls, and by which way.
    fn line(&self, id: InviteId, account: Option<String>) -> Result<Line, InviteError> {
        let default = || self.manager.default_account().filter(|_| !self.own).map(str::to_owned);
        let Some(account) = account.or_else(default) else {
            let (from, proxy) = (self.identity.clone(), self.outbound_proxy.clone());
            return Ok(Line { id, from, account: None, proxy, media: self.desk.media.clone(), stun: None });
        };
        let settings = self.manager.settings(&account).map_err(InviteError::Account)?;
        if !settings.enabled {
            return Err(InviteError::Account(AccountError::Disabled(account)));
        }
        // A registrar names the way itself, or else the one of the REGISTER is taken.
        let from = self.manager.identity(&account).map_err(InviteError::Account)?;
        let proxy = settings.outbound_proxy.clone().filter(|_| !self.manager.is_registered(&account));
        let proxy = proxy.or_else(|| self.outbound_proxy.clone());
        // The id of an account is a SIP address, so it has a host.
        let domain = || from.uri.host().map(|host| Uri::sip(None, host.clone(), None));
        let through_own = settings.always_use_my_proxy && settings.outbound_proxy.is_none();
        let proxy = proxy.or_else(|| domain().filter(|_| through_own));
        let media = settings.media(&self.desk.media);
        let stun = self.stun.of(&account);
        Ok(Line { id, from, account: Some(account), proxy, media, stun })
    }

    fn route(&mut self, event: Event) {
        if self.manager.handle_event(&event) {
            return;
        }
        let id = match &event {
            Event::Incoming { .. } => return self.incoming(event),
            Event::Registration { .. } => return self.registration(event),
            Event::Malformed { source, what } => {
                tracing::warn!(target: "fs::sip", %source, "malformed message: {what}");
                return;
            }
            _ => match event.session() {
                Some(id) => id,
                None => return self.tell(ApplicationEvent::Endpoint(event)),
            },
        };
        let last = matches!(event, Event::Failed { .. } | Event::Cancelled { .. } | Event::Terminated { .. });
        let gone =
            self.sessions.get(&id).is_none_or(|inbox| inbox.send(Input::Sip(Box::new(event))).is_err());
        if last || gone {
            self.sessions.remove(&id);
        }
    }

    /// Whose call it is; none where it is for nobody here.
    fn callee(&self, request_uri: &Uri) -> Option<Option<String>> {
        let found = self.manager.find_account(request_uri).map(str::to_owned);
        let open = self.own || self.manager.default_account().is_none();
        (open || found.is_some()).then_some(found)
    }

    fn registration(&mut self, event: Event) {
        let Event::Registration { id, event } = event else { return };
        let gone = self.registrations.get(&id).is_none_or(|events| events.send(event).is_err());
        if gone {
            self.registrations.remove(&id);
        }
    }

    fn incoming(&mut self, event: Event) {
        let Event::Incoming { id, from, to, request_uri, body, source, headers, replaces } = event else {
            return;
        };
        let Some(account) = self.callee(&request_uri) else {
            let headers = Vec::new();
            return self.command(Command::Reject { id, status: 404, reason: None, headers });
        };
        if self.calls.capacity() == 0 {
            tracing::warn!(target: "fs::sip", %source, "the application does not take its calls: one is refused");
            return self.command(Command::Reject { id, status: 486, reason: None, headers: Vec::new() });
        }
        let media = account.as_ref().and_then(|account| self.manager.settings(account).ok());
        let mut media = media.map_or_else(|| self.desk.media.clone(), |own| own.media(&self.desk.media));
        if let Some(stun) = account.as_ref().and_then(|account| self.stun.of(account)) {
            stun.apply(&mut media);
        }
        let mut exchange = self.desk.exchange(&media);
        let offer = match body.map(|Body { content_type, data }| exchange.remote_offer(&content_type, &data))
        {
            None => None,
            Some(Ok(offer)) => Some(offer),
            Some(Err(error)) => {
                tracing::warn!(target: "fs::sip", %source, "call refused: {error}");
                let headers = warning(error.warning_code(), &error.to_string());
                self.command(Command::Reject { id, status: error.status_code(), reason: None, headers });
                return;
            }
        };
        // Sessions that the application refused end without an event of the endpoint.
        self.sessions.retain(|_, inbox| !inbox.is_closed());
        let (inbox, queue) = mpsc::unbounded_channel();
        let (actor, events) = self.desk.actor(id, queue, Some(source), media, Some(exchange));
        self.sessions.insert(id, inbox.clone());
        let info = CallInfo {
            outgoing: false,
            remote: from,
            local: to,
            request_uri,
            account,
            offered: offer.iter().flatten().map(|media| media.kind).collect(),
            replaces: replaces.map(|id| SessionId(id.0)),
            headers,
        };
        let reliable = self.is_reliable(&info);
        tokio::spawn(actor.run(Start::Incoming { offer, reliable }));
        // A session that nobody takes is dropped here, and so refused.
        let _ = self.calls.try_send(Session::new(SessionId(id.0), info, inbox, events));
    }

    /// Will this caller get our provisional answers reliably (RFC 3262)?
    fn is_reliable(&self, info: &CallInfo) -> bool {
        let says = |name: &str| {
            let mut all = info.headers.iter().filter(|(n, _)| n == name);
            all.any(|(_, value)| value.split(',').any(|tag| tag.trim().eq_ignore_ascii_case("100rel")))
        };
        says(name::REQUIRE) || (self.reliable && says(name::SUPPORTED))
    }

    fn command(&self, command: Command) {
        // The queue lives as long as this task.
        let _ = self.desk.commands.send(command);
    }
}
