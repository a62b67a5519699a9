//! What the library logs never holds a secret: not a password, not what proves one, not a key of media.

#![allow(clippy::unwrap_used)]

#[path = "support/sides.rs"]
mod sides;

use std::fmt::{Debug, Write};
use std::sync::{Mutex, PoisonError};

use fs_sip::account::AccountSettings;
use fs_sip::endpoint::{Command, EndpointConfig, Event};
use fs_sip::media::fake::FakeBackend;
use fs_sip::sdp::SrtpPolicy;
use fs_sip::wire::auth::Secret;
use fs_sip::wire::{Method, Uri};
use fs_sip::{ApplicationConfig, MediaOptions, SessionEvent};
use sides::{Peer, Side, started, until};
use tracing::field::{Field, Visit};
use tracing::{Event as Line, Metadata, Subscriber, span};

static LOG: Mutex<String> = Mutex::new(String::new());

/// Writes down everything, whatever its level.
struct Everything;

struct Into<'a>(&'a mut String);

impl Visit for Into<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut Into(&mut LOG.lock().unwrap_or_else(PoisonError::into_inner)));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut Into(&mut LOG.lock().unwrap_or_else(PoisonError::into_inner)));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Line<'_>) {
        let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = write!(log, "\n{}", event.metadata().target());
        event.record(&mut Into(&mut log));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The value of a parameter of a proof.
fn parameter(value: &str, name: &str) -> Option<String> {
    let start = value.find(&format!("{name}=\""))? + name.len() + 2;
    Some(value[start..].split('"').next()?.to_owned())
}

#[tokio::test]
async fn no_log_holds_a_secret() {
    tracing::subscriber::set_global_default(Everything).unwrap();
    let requests = vec![Method::Register];
    let mut registrar = Peer::with(EndpointConfig { requests, ..EndpointConfig::default() }).await;
    let media = MediaOptions { srtp: SrtpPolicy::Mandatory, ..MediaOptions::default() };
    let config = || ApplicationConfig { media: media.clone(), ..ApplicationConfig::default() };
    let (registering, a, mut b) = (
        Side::with(FakeBackend::g711(), config()).await,
        Side::with(FakeBackend::g711(), config()).await,
        Side::with(FakeBackend::g711(), config()).await,
    );
    let mut secrets = vec!["pass-word-of-alice".to_owned(), "pass-word-in-a-uri".to_owned()];

    // A registration that is refused again and again.
    let settings = AccountSettings {
        enabled: true,
        password: Secret::new(&*secrets[0]),
        outbound_proxy: Some(Uri::parse(&format!("sip:{}", registrar.endpoint.local_addr())).unwrap()),
        ..AccountSettings::default()
    };
    registering.application.accounts().add("alice@example.org", settings).await.unwrap();
    for nonce in ["n1", "n2"] {
        let (id, proof) = registrar
            .until(|event| match event {
                Event::Request { id, headers, .. } => {
                    let proof = headers.iter().find(|(name, _)| name == "Authorization");
                    Some((*id, proof.map(|(_, value)| value.clone())))
                }
                _ => None,
            })
            .await;
        secrets.extend(proof.iter().filter_map(|proof| parameter(proof, "response")));
        let challenge = format!("Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"");
        let headers = vec![("WWW-Authenticate".to_owned(), challenge)];
        registrar.endpoint.send(Command::AnswerRequest {
            id,
            status: 401,
            reason: None,
            headers,
            body: None,
        });
    }
    assert!(secrets.len() > 2, "a proof came");

    // A call with keys, to an address with a password, and one that fails.
    let target = b.uri().replace("sip:bob@", "sip:bob:pass-word-in-a-uri@");
    let mut caller = a.application.call(&target).await.unwrap();
    let mut callee = b.called().await;
    callee.accept();
    until(&mut caller, started).await;
    until(&mut callee, started).await;
    callee.hangup();
    until(&mut caller, SessionEvent::is_last).await;
    let mut to_registrar = a.application.call(&registrar.uri()).await.unwrap();
    let (id, offer) = registrar.called().await;
    let offer = String::from_utf8(offer.unwrap().data).unwrap();
    let keys =
        offer.split("inline:").skip(1).map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric()));
    secrets.extend(keys.map(Iterator::collect::<String>).filter(|start| start.len() > 5));
    assert!(offer.contains("inline:"), "keys were offered");
    registrar.endpoint.send(Command::Reject { id, status: 488, reason: None, headers: Vec::new() });
    until(&mut to_registrar, SessionEvent::is_last).await;
    registrar.call(&target.replace("sip:bob", "sip:nobody"), None);
    b.called().await.reject(486, None);
    registrar.refused().await;
    a.application.shutdown().await;
    b.application.shutdown().await;

    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(log.contains("fs::sip"), "something is logged: {log}");
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} stands in the log:\n{log}");
    }
}
