//! How calls are placed, and what every call needs.

use std::hash::{BuildHasher, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};

use super::router::{Line, Request};
use super::{Application, InviteError};
use crate::endpoint::{Command, InviteId};
use crate::error::ParseError;
use crate::event::SessionEvent;
use crate::media::{Backend, SessionId};
use crate::session::offer_answer::OfferAnswer;
use crate::session::{
    Actor, CallInfo, Input, MediaOptions, Outgoing, Session, SessionControl, Start, StreamSetup, Streams,
    TransferNews,
};
use crate::transport::LocalAddresses;
use crate::wire::headers::name;
use crate::wire::{Host, NameAddr, Uri, default_reason};

/// What one call does otherwise than all others.
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    /// The account that calls; none = who the application is otherwise.
    pub account: Option<String>,
    /// What the call is about (Subject).
    pub subject: Option<String>,
    /// Further headers of the INVITE; those that are the endpoint's own are left out.
    pub headers: Vec<(String, String)>,
    /// Do not tell the peer who we are (RFC 3323, RFC 3325): From is anonymous, our network alone is told the identity
    /// and asked to keep it (`Privacy: id`).
    pub anonymous: bool,
    /// Let the peer make the offer; we answer in the ACK.
    pub late_offer: bool,
    /// How long the peer may take to answer (`sip.invite_timeout`); then the call is cancelled and fails with 408. The peer is told
    /// too (Expires). None = what the application's settings say.
    pub invite_timeout: Option<Duration>,
    /// What this call carries, and how; none = what the settings of the account and of the application say.
    pub media: Option<MediaOptions>,
}

impl Application {
    /// Calls somebody; `target` is a `sip:` URI, or a telephone number (`tel:`, RFC 3966) that the domain of our account or the
    /// outbound proxy knows the way to, with or without display name. What becomes of the call is told by the session's events.
    ///
    /// # Errors
    /// When `target` is no address that can be called.
    pub async fn call(&self, target: &str) -> Result<Session, InviteError> {
        self.call_with(target, CallOptions::default()).await
    }

    /// Calls somebody with further wishes.
    ///
    /// # Errors
    /// When `target` is no address that can be called.
    pub async fn call_with(&self, target: &str, options: CallOptions) -> Result<Session, InviteError> {
        self.place(address(target).map_err(InviteError::Address)?, options, None).await
    }

    /// Does what the peer of a call has asked for with
    /// [`SessionEvent::TransferNewIncoming`]: calls whom it named, and tells it how that goes. When the new call stands,
    /// the old one is ended.
    ///
    /// # Errors
    /// [`InviteError::NoTransfer`] when the peer has not asked, or the call is over.
    pub async fn accept_transfer(&self, call: &SessionControl) -> Result<Session, InviteError> {
        let (wanted, reports_to) = call.accept_transfer().await.ok_or(InviteError::NoTransfer)?;
        let account = call.info().account.clone();
        let options = CallOptions { account, headers: wanted.headers, ..CallOptions::default() };
        let failed = reports_to.clone();
        let placed = self.place(wanted.target, options, Some(reports_to)).await;
        if placed.is_err() {
            // Who has asked hears of it; the call may be over by now.
            let _ = failed.send(Input::Transfer(TransferNews::Failed(503, default_reason(503).to_owned())));
        }
        placed
    }

    async fn place(
        &self,
        to: NameAddr,
        options: CallOptions,
        reports_to: Option<mpsc::UnboundedSender<Input>>,
    ) -> Result<Session, InviteError> {
        if !to.uri.is_sip() && !to.uri.is_tel() {
            return Err(InviteError::Scheme(to.uri.to_string()));
        }
        let CallOptions { account, subject, mut headers, anonymous, late_offer, invite_timeout, media } =
            options;
        let invite_timeout = invite_timeout.or(self.desk.invite_timeout);
        headers.extend(subject.map(|subject| (name::SUBJECT.to_owned(), subject)));
        let (inbox, queue) = mpsc::unbounded_channel();
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::Call(account, inbox.clone(), reply)).map_err(|_| InviteError::Stopped)?;
        let Line { id, from, account, proxy, media: mut its_media, stun } =
            answer.await.map_err(|_| InviteError::Stopped)??;
        let domain = account.as_ref().map(|_| &from.uri).or(proxy.as_ref());
        let target = target_of(&to.uri, domain)?;
        let info = CallInfo {
            outgoing: true,
            remote: to.clone(),
            local: from.clone(),
            request_uri: target.clone(),
            account,
            offered: Vec::new(),
            replaces: None,
            headers: headers.clone(),
        };
        headers.extend(proxy.clone().map(route));
        let from = if anonymous { hide(from, &mut headers) } else { from };
        let hop = proxy.as_ref().unwrap_or(&target);
        let peer = destination(hop).await;
        if let (None, Some(mut stun)) = (&media, stun) {
            stun.ready().await;
            stun.apply(&mut its_media);
        }
        let media = media.unwrap_or(its_media);
        let (actor, events) = self.desk.actor(id, queue, peer, media, None);
        let outgoing = Outgoing { target, from, to, headers, late_offer, invite_timeout, reports_to };
        tokio::spawn(actor.run(Start::Outgoing(Box::new(outgoing))));
        Ok(Session::new(SessionId(id.0), info, inbox, events))
    }
}

/// Whom a text names. Parameters of an address without brackets are its own, not those of a header.
fn address(text: &str) -> Result<NameAddr, ParseError> {
    match text.contains('<') {
        true => NameAddr::parse(text),
        false => Uri::parse(text.trim()).map(NameAddr::new),
    }
}

/// Who an anonymous caller is in From (RFC 3323 section 4.1.1.3); the network is told who it is.
fn hide(identity: NameAddr, headers: &mut Vec<(String, String)>) -> NameAddr {
    headers.push((name::P_PREFERRED_IDENTITY.to_owned(), identity.to_string()));
    headers.push((name::PRIVACY.to_owned(), "id".to_owned()));
    let Ok(host) = Host::parse("anonymous.invalid") else { return identity };
    let mut from = NameAddr::new(Uri::sip(Some("anonymous"), host, None));
    from.display_name = Some("Anonymous".to_owned());
    from
}

/// The Request-URI: a telephone number is looked up at the domain of our account, or at the proxy (RFC 3261 section 19.1.6).
fn target_of(to: &Uri, domain: Option<&Uri>) -> Result<Uri, InviteError> {
    if !to.is_tel() {
        return Ok(to.clone());
    }
    domain.and_then(|domain| to.telephone_at(domain)).ok_or_else(|| InviteError::NoWay(to.to_string()))
}

/// The way through a proxy.
fn route(mut proxy: Uri) -> (String, String) {
    if let Some(params) = proxy.params_mut() {
        params.set("lr", None);
    }
    (name::ROUTE.to_owned(), NameAddr::new(proxy).to_string())
}

/// What every call needs.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) local: SocketAddr,
    pub(super) media: MediaOptions,
    pub(super) name: String,
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) reports_transactions: bool,
    pub(super) invite_timeout: Option<Duration>,
    pub(super) addresses: Arc<dyn LocalAddresses>,
    /// The addresses of this machine are to be looked at now.
    pub(super) look: Arc<Notify>,
}

impl Desk {
    /// The task of a new session, and what it tells. `exchange` has taken the peer's offer already, if it made one.
    pub(super) fn actor(
        &self,
        id: InviteId,
        queue: mpsc::UnboundedReceiver<Input>,
        peer: Option<SocketAddr>,
        media: MediaOptions,
        exchange: Option<OfferAnswer>,
    ) -> (Actor, mpsc::UnboundedReceiver<SessionEvent>) {
        let (events, receiver) = mpsc::unbounded_channel();
        // The address we listen on, or the one that faces the peer.
        let listening = self.local.ip();
        let way = peer.filter(|_| listening.is_unspecified()).map(|peer| (peer, Arc::clone(&self.addresses)));
        let towards = way.as_ref().and_then(|(peer, addresses)| addresses.towards(*peer));
        let local_ip = if listening.is_unspecified() { towards } else { Some(listening) };
        let exchange = exchange.unwrap_or_else(|| self.exchange(&media));
        let backend = Arc::clone(&self.backend);
        let setup = StreamSetup { session: SessionId(id.0), backend, local_ip, way, options: media };
        let streams = Streams::new(setup, exchange);
        let mut actor = Actor::new(id, self.commands.clone(), streams, queue, events);
        actor.reports_transactions = self.reports_transactions;
        actor.look = Arc::clone(&self.look);
        (actor, receiver)
    }

    /// The negotiator of a new session.
    pub(super) fn exchange(&self, media: &MediaOptions) -> OfferAnswer {
        OfferAnswer::with_media(random(), &self.name, media.kinds(), media.srtp)
    }
}

async fn destination(uri: &Uri) -> Option<SocketAddr> {
    let host = uri.host()?.to_string();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    tokio::net::lookup_host((host, uri.port().unwrap_or(5060))).await.ok()?.next()
}

/// A number that hardly comes twice: the keys of the standard hasher are random.
fn random() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
