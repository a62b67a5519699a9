//! The task between the endpoint and the sessions.

use std::collections::HashMap;

use tokio::sync::{mpsc, oneshot};

use super::call::Desk;
use crate::endpoint::{Body, Command, Endpoint, Event, InviteId};
use crate::media::SessionId;
use crate::registration::{RegistrationEvent, RegistrationId, RegistrationSettings};
use crate::session::{CallInfo, Input, Session, Start, warning};
use crate::wire::headers::name;

/// What the handle asks of the router task.
pub(super) enum Request {
    /// A new outgoing session, and where its events go.
    Call(mpsc::UnboundedSender<Input>, oneshot::Sender<InviteId>),
    /// A registration begins; where its events go.
    Register(RegistrationId, Box<RegistrationSettings>, mpsc::UnboundedSender<RegistrationEvent>),
    /// End everything.
    Shutdown(oneshot::Sender<()>),
}

/// The task between the endpoint and the sessions.
pub(super) struct Router {
    pub(super) sessions: HashMap<InviteId, mpsc::UnboundedSender<Input>>,
    pub(super) registrations: HashMap<RegistrationId, mpsc::UnboundedSender<RegistrationEvent>>,
    pub(super) calls: mpsc::UnboundedSender<Session>,
    pub(super) desk: Desk,
    /// Provisional answers are sent reliably to all that can take them.
    pub(super) reliable: bool,
}

impl Router {
    pub(super) async fn run(
        mut self,
        endpoint: Endpoint,
        mut events: mpsc::UnboundedReceiver<Event>,
        mut requests: mpsc::UnboundedReceiver<Request>,
        mut commands: mpsc::UnboundedReceiver<Command>,
    ) {
        let done = loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.route(event),
                    None => break None,
                },
                Some(command) = commands.recv() => endpoint.send(command),
                request = requests.recv() => match request {
                    Some(Request::Call(inbox, reply)) => {
                        let id = endpoint.new_invite_id();
                        if reply.send(id).is_ok() {
                            self.sessions.insert(id, inbox);
                        }
                    }
                    Some(Request::Register(id, settings, events)) => {
                        self.registrations.insert(id, events);
                        endpoint.send(Command::Register { id, settings: *settings });
                    }
                    Some(Request::Shutdown(reply)) => break Some(reply),
                    // The handle was dropped: the sessions' own commands keep the endpoint busy no longer.
                    None => break None,
                },
            }
        };
        // What the sessions have asked for up to now goes out before the goodbye.
        while let Ok(command) = commands.try_recv() {
            endpoint.send(command);
        }
        let shutdown = endpoint.shutdown();
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(event) = events.recv() => self.route(event),
            }
        }
        while let Ok(event) = events.try_recv() {
            self.route(event);
        }
        if let Some(done) = done {
            // The application may not wait for it.
            let _ = done.send(());
        }
    }

    fn route(&mut self, event: Event) {
        let id = match &event {
            Event::Incoming { .. } => return self.incoming(event),
            Event::Registration { .. } => return self.registration(event),
            Event::Malformed { source, what } => {
                tracing::warn!(target: "fs::sip", %source, "malformed message: {what}");
                return;
            }
            _ => match event.session() {
                Some(id) => id,
                // Registrations and the like are kept by who asks the endpoint for them.
                None => return,
            },
        };
        let last = matches!(event, Event::Failed { .. } | Event::Cancelled { .. } | Event::Terminated { .. });
        let gone =
            self.sessions.get(&id).is_none_or(|inbox| inbox.send(Input::Sip(Box::new(event))).is_err());
        if last || gone {
            self.sessions.remove(&id);
        }
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
        let mut exchange = self.desk.exchange(&self.desk.media);
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
        let media = self.desk.media.clone();
        let (actor, events) = self.desk.actor(id, queue, Some(source), media, Some(exchange));
        self.sessions.insert(id, inbox.clone());
        let info = CallInfo {
            outgoing: false,
            remote: from,
            local: to,
            request_uri,
            account: None,
            offered: offer.iter().flatten().map(|media| media.kind).collect(),
            replaces: replaces.map(|id| SessionId(id.0)),
            headers,
        };
        let reliable = self.is_reliable(&info);
        tokio::spawn(actor.run(Start::Incoming { offer, reliable }));
        // A session that nobody takes is dropped here, and so refused.
        let _ = self.calls.send(Session::new(SessionId(id.0), info, inbox, events));
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
