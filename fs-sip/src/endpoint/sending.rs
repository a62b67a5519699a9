//! The way of a request of ours: its address is asked for, it gets Via and Contact, and other routes where one fails.

use std::time::Instant;

use super::core::{EndpointCore, Output, Purpose, Resolution, ResolveToken};
use super::next_hop::next_hop;
use super::purpose::makes_contact;
use crate::transaction::{ClientId, Transmit};
use crate::wire::headers::name;
use crate::wire::{Method, Request, Via};

impl EndpointCore {
    /// Sends a request that still lacks Via and Contact.
    pub(super) fn send(&mut self, mut request: Request, purpose: Purpose) {
        let named = request.headers.get(name::USER_AGENT).is_some() || request.method == Method::Ack;
        if !named && !self.config.user_agent.is_empty() {
            request.headers.push(name::USER_AGENT, self.config.user_agent.as_bytes());
        }
        self.add_route_of_identity(&mut request);
        self.sign_ahead(&mut request, &purpose);
        self.send_again(request, purpose, 0);
    }

    /// The same for a request that was sent before, so many times.
    pub(super) fn send_again(&mut self, request: Request, purpose: Purpose, retries: u8) {
        match next_hop(&request, self.config.large_request) {
            Ok(mut hop) => {
                hop.name = self.certificate_names.of(hop.name);
                self.last_token += 1;
                let token = ResolveToken(self.last_token);
                self.resolving.insert(token, (request, purpose, retries));
                self.output(Output::Resolve(token, hop));
            }
            Err(text) => self.undeliverable.push_back((purpose, text)),
        }
    }

    /// Sends the request of a transaction that has failed by its next route
    /// (RFC 3263 section 4.3); `false` where there is none.
    pub(super) fn take_other_route(&mut self, client: ClientId) -> bool {
        let Some(purpose) = self.purposes.get(&client).cloned() else { return false };
        if !self.may_retry(&purpose) {
            return false;
        }
        let Some((mut request, routes)) = self.routes.remove(&client) else { return false };
        request.headers.remove_first(name::VIA);
        request.headers.remove(name::CONTACT);
        self.begin_again(&purpose);
        let retries = self.retries.get(&client).copied().unwrap_or_default();
        self.last_token += 1;
        let token = ResolveToken(self.last_token);
        self.resolving.insert(token, (request, purpose, retries));
        self.output(Output::Reach(token, routes));
        true
    }

    /// Forgets requests of this purpose that wait for their address.
    pub(super) fn unsend(&mut self, purpose: &Purpose) {
        self.resolving.retain(|_, (_, p, _)| p != purpose);
    }

    pub(super) fn on_resolved(
        &mut self,
        now: Instant,
        token: ResolveToken,
        result: Result<Resolution, String>,
    ) {
        let Some((mut request, purpose, retries)) = self.resolving.remove(&token) else { return };
        let Resolution { peer, local, rest } = match result {
            Ok(resolution) => resolution,
            Err(text) => return self.on_undeliverable(now, purpose, &text),
        };
        let address = self.config.advertised.unwrap_or(local.address);
        let branch = format!("z9hG4bK{}", self.random.token(4));
        let via = Via::new(local.protocol.token(), address, &branch);
        request.headers.push_front(name::VIA, via.to_string());
        match &purpose {
            Purpose::Register(id) => {
                self.flows.begin(*id, peer.clone(), local);
                self.add_register_contacts(*id, &mut request, local);
            }
            _ if makes_contact(&request.method) => {
                let contact = self.contact_of_request(&request, local);
                request.headers.push(name::CONTACT, contact);
            }
            _ => {}
        }
        if let Purpose::Ack(client, tag) = purpose {
            return self.transmit_ack(client, &tag, Transmit { peer, data: request.encode() });
        }
        let other = (!rest.is_empty()).then(|| (request.clone(), rest));
        match self.table.send_request(now, request, peer) {
            Ok(client) => {
                match &purpose {
                    Purpose::Invite(id) => self.note_client(*id, client, local),
                    Purpose::Reinvite(id) => self.note_reinvite_client(*id, client),
                    _ => {}
                }
                if let Some(other) = other {
                    if let Some(time) = purpose.patience() {
                        let time = time.min(self.config.timers.patience());
                        self.table.limit(client, now + time);
                    }
                    self.routes.insert(client, other);
                }
                self.purposes.insert(client, purpose);
                if retries > 0 {
                    self.retries.insert(client, retries);
                }
            }
            Err(error) => self.on_undeliverable(now, purpose, &error.to_string()),
        }
    }

    fn transmit_ack(&mut self, client: ClientId, tag: &str, ack: Transmit) {
        let records = self.acks.get_mut(&client);
        if let Some(record) = records.and_then(|r| r.iter_mut().find(|r| r.remote_tag == tag)) {
            record.sent = Some(ack.clone());
        }
        self.transmit(ack);
    }
}
