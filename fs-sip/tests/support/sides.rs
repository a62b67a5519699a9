//! Applications over the fake media engine, and bare endpoints that say what no application of ours would say.
#![allow(dead_code, clippy::unwrap_used)] // each test binary uses its part

use std::sync::Arc;
use std::time::Duration;

use fs_proto::StreamDirection;
use fs_sip::endpoint::{Body, Command, Endpoint, EndpointConfig, Event, InviteId};
use fs_sip::media::fake::{FakeBackend, FakeCall};
use fs_sip::wire::NameAddr;
use fs_sip::{Application, ApplicationConfig, Session, SessionEvent};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};

pub const LIMIT: Duration = Duration::from_secs(20);

pub struct Side {
    pub application: Application,
    pub incoming: Receiver<Session>,
    pub fake: FakeBackend,
}

impl Side {
    pub async fn new(fake: FakeBackend) -> Self {
        Self::with(fake, ApplicationConfig::default()).await
    }

    pub async fn with(fake: FakeBackend, config: ApplicationConfig) -> Self {
        let (application, incoming) = Application::start(config, Arc::new(fake.clone())).await.unwrap();
        Self { application, incoming, fake }
    }

    pub fn uri(&self) -> String {
        format!("sip:bob@{}", self.application.local_addr())
    }

    pub async fn called(&mut self) -> Session {
        within(self.incoming.recv()).await.expect("a call comes")
    }
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("it happens in time")
}

/// Waits for an event and returns those before it, too.
pub async fn until(session: &mut Session, wanted: impl Fn(&SessionEvent) -> bool) -> Vec<SessionEvent> {
    let mut seen = Vec::new();
    loop {
        let event = within(session.next_event()).await;
        let Some(event) = event else { panic!("the session ended after {seen:?}") };
        let (found, last) = (wanted(&event), event.is_last());
        seen.push(event);
        if found {
            return seen;
        }
        assert!(!last, "the session ended after {seen:?}");
    }
}

pub fn started(event: &SessionEvent) -> bool {
    matches!(event, SessionEvent::DidStart)
}

pub async fn end_of(session: &mut Session) -> SessionEvent {
    until(session, SessionEvent::is_last).await.pop().unwrap()
}

/// Two sides in a standing call: the caller's session and the callee's.
pub async fn connected(a: &Side, b: &mut Side) -> (Session, Session) {
    let mut caller = a.application.call(&b.uri()).await.unwrap();
    let mut callee = b.called().await;
    callee.accept();
    until(&mut caller, started).await;
    until(&mut callee, started).await;
    (caller, callee)
}

pub fn last_direction(fake: &FakeBackend) -> Option<StreamDirection> {
    fake.calls().iter().rev().find_map(|call| match call {
        FakeCall::Direction(direction) => Some(*direction),
        _ => None,
    })
}

/// A peer that speaks SIP, but makes its own session descriptions.
pub struct Peer {
    pub endpoint: Endpoint,
    pub events: UnboundedReceiver<Event>,
}

impl Peer {
    pub async fn new() -> Self {
        Self::with(EndpointConfig::default()).await
    }

    pub async fn with(config: EndpointConfig) -> Self {
        let (endpoint, events) = Endpoint::bind(config).await.unwrap();
        Self { endpoint, events }
    }

    pub fn uri(&self) -> String {
        format!("sip:peer@{}", self.endpoint.local_addr())
    }

    /// The call that comes.
    pub async fn called(&mut self) -> (InviteId, Option<Body>) {
        self.until(|event| match event {
            Event::Incoming { id, body, .. } => Some((*id, body.clone())),
            _ => None,
        })
        .await
    }

    pub fn call(&self, uri: &str, body: Option<Body>) -> InviteId {
        let id = self.endpoint.new_invite_id();
        let target = NameAddr::parse(uri).unwrap().uri;
        let from = NameAddr::parse(&format!("sip:peer@{}", self.endpoint.local_addr())).unwrap();
        self.endpoint.send(Command::Invite { id, target, from, to: None, headers: Vec::new(), body });
        id
    }

    pub async fn until<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            let event = within(self.events.recv()).await.expect("the endpoint lives");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    pub async fn refused(&mut self) -> u16 {
        self.until(|event| match event {
            Event::Failed { status, .. } => Some(*status),
            _ => None,
        })
        .await
    }

    /// The body of the 200 to our INVITE.
    pub async fn established(&mut self) -> String {
        self.until(|event| match event {
            Event::Established { body: Some(body), .. } => {
                Some(String::from_utf8(body.data.clone()).unwrap())
            }
            _ => None,
        })
        .await
    }

    /// The result of our re-INVITE.
    pub async fn reinvited(&mut self, id: InviteId, lines: &str) -> (u16, String) {
        self.endpoint.send(Command::Reinvite { id, body: Some(sdp(lines)) });
        self.until(|event| match event {
            Event::ReinviteResult { status, body, .. } => {
                let body = body.as_ref().map(|b| String::from_utf8(b.data.clone()).unwrap());
                Some((*status, body.unwrap_or_default()))
            }
            _ => None,
        })
        .await
    }
}

pub fn sdp(lines: &str) -> Body {
    Body::sdp(format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{lines}"))
}
