//! Answers to challenges (RFC 3261 section 22, RFC 8760): which realm is
//! answered with what, how often a nonce was used, when to give up.
//!
//! ```text
//!  request --401/407--> known realm?  no ----------------------> the application
//!     ^                     | yes
//!     |            answered already, and not stale? yes -------> the application
//!     +--next CSeq, answers--+ no                      (wrong password)
//! ```
//! An answer that worked is sent along with the next requests of its session
//! or registration at once, with the next nonce count; one that has become
//! old that way is not taken for a wrong password.

use std::collections::BTreeMap;

use super::command::InviteId;
use super::core::{Call, EndpointCore, Purpose, Wait};
use super::established::Ours;
use super::random::Random;
use crate::limits;
use crate::transaction::ClientId;
use crate::wire::auth::{Asker, Challenge, Credentials, Proof, answered, challenges};
use crate::wire::headers::{CSeq, name};
use crate::wire::{Headers, Request, Response, Uri};

/// A realm that has asked for a proof.
pub(super) type Realm = (Asker, String);

/// A challenge with the count of its uses.
#[derive(Debug)]
struct Known {
    challenge: Challenge,
    count: u32,
}

/// What is known of all realms.
#[derive(Debug, Default)]
pub(super) struct Authenticator {
    credentials: Vec<Credentials>,
    /// Of single identities.
    identities: Vec<(Uri, Credentials)>,
    /// By realm, and by the name that is used there.
    known: BTreeMap<(Realm, String), Known>,
}

impl Authenticator {
    pub(super) fn new(credentials: Vec<Credentials>) -> Self {
        Self { credentials, identities: Vec::new(), known: BTreeMap::new() }
    }

    /// Replaces the credentials; what was asked before counts no more.
    pub(super) fn set(&mut self, credentials: Vec<Credentials>) {
        let identities = std::mem::take(&mut self.identities);
        *self = Self { identities, ..Self::new(credentials) };
    }

    /// Replaces the credentials of one identity.
    pub(super) fn set_identity(&mut self, identity: &Uri, credentials: Option<Credentials>) {
        let same = credentials.as_ref().is_some_and(|new| {
            self.identities.iter().any(|(uri, old)| uri.same_user(identity) && old == new)
        });
        if same {
            return;
        }
        self.identities.retain(|(uri, _)| !uri.same_user(identity));
        self.known.clear();
        self.identities.extend(credentials.map(|new| (identity.clone(), new)));
    }

    fn credentials_for(&self, realm: &str, request: &Request) -> Option<&Credentials> {
        let from = request.identity();
        let of_identity = self.identities.iter().find(|(uri, c)| {
            from.as_ref().is_some_and(|from| from.same_user(uri))
                && c.realm.as_deref().is_none_or(|r| r == realm)
        });
        if let Some((_, credentials)) = of_identity {
            return Some(credentials);
        }
        let exact = self.credentials.iter().find(|c| c.realm.as_deref() == Some(realm));
        exact.or_else(|| self.credentials.iter().find(|c| c.realm.is_none()))
    }

    /// Takes the challenges of a response to `request`. None where one of them
    /// can't be answered, or was answered already; else all realms to answer.
    fn learn(&mut self, request: &Request, response: &Response, retries: u8) -> Option<Vec<Realm>> {
        let asker = if response.status == 407 { Asker::Proxy } else { Asker::Server };
        let asked = challenges(&response.headers, asker);
        if asked.is_empty() || retries >= limits::MAX_AUTH_RETRIES {
            return None;
        }
        let mut realms = realms_of(&request.headers);
        let before = answered(&request.headers, asker);
        for challenge in asked {
            let realm = (asker, challenge.realm().to_owned());
            let had = before.iter().any(|(r, _)| *r == realm.1);
            // An answer given ahead of the question may just be too old.
            let ahead = retries == 0 && before.iter().any(|(r, n)| *r == realm.1 && *n != challenge.nonce());
            if had && !challenge.is_stale() && !ahead {
                return None;
            }
            let key = (realm.clone(), self.credentials_for(&realm.1, request)?.username.clone());
            while self.known.len() >= limits::MAX_REALMS {
                self.known.pop_first();
            }
            let count = match self.known.get(&key) {
                Some(known) if known.challenge.nonce() == challenge.nonce() => known.count,
                _ => 0,
            };
            self.known.insert(key, Known { challenge, count });
            if !realms.contains(&realm) {
                realms.push(realm);
            }
        }
        Some(realms)
    }

    /// Puts fresh answers for these realms into a request.
    fn sign(&mut self, request: &mut Request, realms: &[Realm], random: &mut Random) {
        for asker in [Asker::Server, Asker::Proxy] {
            request.headers.remove(asker.answer());
        }
        let uri = request.uri.to_string();
        for realm in realms {
            let Some(credentials) = self.credentials_for(&realm.1, request).cloned() else { continue };
            let key = (realm.clone(), credentials.username.clone());
            let Some(known) = self.known.get_mut(&key) else { continue };
            known.count += 1;
            let cnonce = random.token(4);
            let proof = Proof {
                method: request.method.as_str(),
                uri: &uri,
                body: &request.body,
                count: known.count,
                cnonce: &cnonce,
            };
            if let Some(answer) = known.challenge.answer(&credentials, &proof) {
                request.headers.push(realm.0.answer(), answer);
            }
        }
    }
}

/// The realms that a request has answers for.
pub(super) fn realms_of(headers: &Headers) -> Vec<Realm> {
    let of = |asker| answered(headers, asker).into_iter().map(move |(realm, _)| (asker, realm));
    of(Asker::Server).chain(of(Asker::Proxy)).collect()
}

impl EndpointCore {
    /// Sends a request of ours again with answers to the challenges of this
    /// response; `false` where the application must be told instead.
    pub(super) fn answer_challenge(
        &mut self,
        client: ClientId,
        purpose: &Purpose,
        response: &Response,
    ) -> bool {
        if !self.may_retry(purpose) {
            return false;
        }
        let Some(mut request) = self.table.request_of(client).cloned() else { return false };
        let retries = self.retries.get(&client).copied().unwrap_or_default();
        let Some(realms) = self.authenticator.learn(&request, response, retries) else { return false };
        let Some(number) = self.next_cseq(purpose, &request) else { return false };
        request.headers.remove_first(name::VIA);
        request.headers.remove(name::CONTACT);
        let method = request.method.clone();
        request.headers.set_first(name::CSEQ, CSeq { number, method }.to_string());
        self.authenticator.sign(&mut request, &realms, &mut self.random);
        self.begin_again(purpose);
        self.note_realms(purpose, realms);
        self.send_again(request, purpose.clone(), retries + 1);
        true
    }

    pub(super) fn may_retry(&self, purpose: &Purpose) -> bool {
        match purpose {
            Purpose::Invite(id) => {
                matches!(self.calls.get(id), Some(Call::Outgoing(o)) if o.cancel.is_none())
            }
            Purpose::Reinvite(id)
            | Purpose::Bye(id)
            | Purpose::Refer(id)
            | Purpose::ReferNotify(id)
            | Purpose::Single(id, _) => {
                matches!(self.calls.get(id), Some(Call::Session(_)))
            }
            Purpose::Prack(id, tag) | Purpose::Update(id, tag) => self.has_leg(*id, tag),
            Purpose::Register(id) => self.registrations.contains_key(id),
            Purpose::Outside(id) => self.outside.knows(*id),
            Purpose::ForkBye | Purpose::Ack(..) => false,
        }
    }

    fn next_cseq(&mut self, purpose: &Purpose, request: &Request) -> Option<u32> {
        let number = request.cseq().ok()?.number;
        match purpose {
            Purpose::Reinvite(id)
            | Purpose::Bye(id)
            | Purpose::Refer(id)
            | Purpose::ReferNotify(id)
            | Purpose::Single(id, _) => Some(self.session(*id)?.leg.dialog.next_cseq()),
            Purpose::Prack(id, tag) | Purpose::Update(id, tag) => {
                Some(self.leg(*id, tag)?.dialog.next_cseq())
            }
            Purpose::Register(id) => self.registrations.get_mut(id).map(|r| r.next_cseq()),
            Purpose::Outside(id) => self.outside_cseq(*id, number),
            _ => Some((number + 1).min(limits::MAX_CSEQ)),
        }
    }

    /// The request of this purpose is sent once more.
    pub(super) fn begin_again(&mut self, purpose: &Purpose) {
        match purpose {
            Purpose::Invite(id) => {
                let Some(Call::Outgoing(outgoing)) = self.calls.get_mut(id) else { return };
                for leg in outgoing.begin_again() {
                    self.dialogs.remove(leg.dialog.id());
                }
                self.waits.set((*id, Wait::Silence), None);
            }
            Purpose::Reinvite(id) => {
                if let Some(Ours::Pending { client, .. }) = self.session(*id).and_then(|s| s.ours.as_mut()) {
                    *client = None;
                }
            }
            _ => {}
        }
    }

    fn note_realms(&mut self, purpose: &Purpose, realms: Vec<Realm>) {
        match purpose {
            Purpose::Reinvite(id)
            | Purpose::Bye(id)
            | Purpose::Update(id, _)
            | Purpose::Refer(id)
            | Purpose::Single(id, _)
            | Purpose::ReferNotify(id) => {
                if let Some(session) = self.session(*id) {
                    session.realms = realms;
                }
            }
            Purpose::Register(id) => {
                self.registration_realms.insert(*id, realms);
            }
            Purpose::Outside(id) => {
                self.outside.realms.insert(*id, realms);
            }
            Purpose::Invite(_) | Purpose::ForkBye | Purpose::Ack(..) | Purpose::Prack(..) => {}
        }
    }

    /// Who has asked for a proof in this call: in its dialog, or for the
    /// INVITE that is not answered yet.
    fn realms_of_call(&self, id: InviteId) -> Vec<Realm> {
        match self.calls.get(&id) {
            Some(Call::Session(session)) => session.realms.clone(),
            Some(Call::Outgoing(outgoing)) => {
                let invite = outgoing.client().and_then(|client| self.table.request_of(client));
                invite.map(|request| realms_of(&request.headers)).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// Gives a new request the answers that its session or registration has
    /// needed before.
    pub(super) fn sign_ahead(&mut self, request: &mut Request, purpose: &Purpose) {
        let realms = match purpose {
            Purpose::Reinvite(id)
            | Purpose::Bye(id)
            | Purpose::Prack(id, _)
            | Purpose::Update(id, _)
            | Purpose::Refer(id)
            | Purpose::Single(id, _)
            | Purpose::ReferNotify(id) => Some(self.realms_of_call(*id)),
            Purpose::Register(id) => self.registration_realms.get(id).cloned(),
            Purpose::Outside(id) => self.outside.realms.get(id).cloned(),
            // An ACK bears what its INVITE bore (RFC 3261 section 22.1).
            Purpose::Ack(client, _) => {
                if let Some(invite) = self.table.request_of(*client) {
                    for asker in [Asker::Server, Asker::Proxy] {
                        request.headers.copy_from(&invite.headers, asker.answer());
                    }
                }
                None
            }
            Purpose::Invite(_) | Purpose::ForkBye => None,
        };
        if let Some(realms) = realms.filter(|r| !r.is_empty()) {
            self.authenticator.sign(request, &realms, &mut self.random);
        }
    }
}
