//! Who handles what: commands, messages, what the transactions tell, and times that have come.

use std::time::Instant;

use super::command::{Command, InviteId};
use super::core::{Call, EndpointCore, Purpose, Wait};
use super::event::AckFate;
use crate::registration::Failure;
use crate::transaction::{ClientId, Upward};
use crate::transport::{Local, Peer, Protocol};
use crate::wire::headers::name;
use crate::wire::{
    Datagram, Headers, Message, Method, Response, default_reason, parse_datagram, parse_frame, stun,
};

impl EndpointCore {
    pub(super) fn on_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Invite { id, target, from, to, headers, body } => {
                self.invite(now, id, &target, from, to, &headers, body);
            }
            Command::Provisional { id, status, reason, body } => {
                self.send_provisional(now, id, status, reason, body);
            }
            Command::Accept { id, body } => self.accept(now, id, body),
            Command::Reject { id, status, reason, headers } => self.reject(now, id, status, reason, &headers),
            Command::Reinvite { id, body } => self.reinvite(now, id, body),
            Command::CancelReinvite { id } => self.cancel_reinvite(now, id),
            Command::AnswerReinvite { id, status, reason, body } => {
                self.answer_reinvite(now, id, status, reason, body);
            }
            Command::AckBody { id, body } => self.ack_with(now, id, Some(body)),
            Command::Hangup { id, headers } => self.hang_up(now, id, headers),
            Command::Update { id, branch, body } => self.update(id, branch.as_deref(), body),
            Command::AnswerEarly { id, branch, body } => self.answer_early(id, &branch, body),
            Command::Refer { id, target, subscribe, headers } => {
                self.refer(now, id, &target, subscribe, &headers);
            }
            Command::AnswerRefer { id, status, reason } => self.answer_refer(now, id, status, reason),
            Command::NotifyRefer { id, status, reason } => self.notify_refer(now, id, status, reason),
            Command::Info { id, body } => self.single(id, Method::Info, body),
            Command::CallMessage { id, body } => self.single(id, Method::Message, body),
            Command::Register { id, settings } => self.register(id, settings),
            Command::Unregister { id } => self.unregister(now, id),
            Command::RefreshRegistrations => self.refresh_registrations(now),
            Command::NetworkChanged => self.network_changed(now),
            Command::Request { id, method, target, from, to, headers, body } => {
                self.single_request(id, method, &target, from, to, &headers, body);
            }
            Command::AnswerRequest { id, status, reason, headers, body } => {
                self.answer_request(now, id, (status, reason), &headers, body);
            }
            Command::Publish { id, settings, body } => self.publish(now, id, settings, body),
            Command::Unpublish { id } => self.unpublish(now, id),
            Command::Subscribe { id, settings } => self.subscribe(id, *settings),
            Command::Unsubscribe { id } => self.unsubscribe(id),
            Command::AnswerSubscription { id, status, active, body } => {
                self.answer_subscription(now, id, status, active, body);
            }
            Command::Notify { id, active, body } => self.notify(now, id, active, body),
            Command::EndSubscription { id, reason, body } => self.end_notifier(now, id, &reason, body),
            Command::IdentityCredentials { identity, credentials } => {
                self.authenticator.set_identity(&identity, credentials);
            }
            Command::CertificateName { host, name } => self.certificate_names.set(&host, name),
            Command::Credentials(list) => self.authenticator.set(list),
        }
    }

    pub(super) fn hang_up(&mut self, now: Instant, id: InviteId, headers: Vec<(String, String)>) {
        match self.calls.get(&id) {
            Some(Call::Outgoing(_)) => self.cancel(now, id, headers),
            Some(Call::Incoming(_)) => self.reject(now, id, 603, None, &headers),
            Some(Call::Session(_)) => self.bye(now, id, headers),
            None => {}
        }
    }

    pub(super) fn on_message(&mut self, now: Instant, data: &[u8], source: Peer, local: Local) {
        if source.protocol == Protocol::Udp && stun::is_stun(data) {
            return self.on_stun(now, data, &source);
        }
        let parse = if source.protocol == Protocol::Udp { parse_datagram } else { parse_frame };
        match parse(data) {
            Ok(Datagram::KeepAlive) => {}
            Ok(Datagram::Message(message)) => match *message {
                Message::Request(request) => self.on_request(now, request, source, local),
                // A response with two Vias went astray (RFC 3261 section 8.1.3.3).
                Message::Response(response) => {
                    let astray = response.headers.all(name::VIA).nth(1).is_some();
                    if astray || !self.table.receive_response(now, response) {
                        self.seen.stray_responses += 1;
                        tracing::debug!(target: "fs::sip::transaction", %source, "stray response dropped");
                    }
                }
            },
            Err(malformed) => self.on_malformed(now, malformed, &source),
        }
    }

    pub(super) fn on_upward(&mut self, now: Instant, upward: Upward) {
        match upward {
            Upward::Response(client, response) if matches!(response.status, 401 | 407) => {
                let Some(purpose) = self.purposes.get(&client).cloned() else { return };
                if !self.answer_challenge(client, &purpose, &response) {
                    self.on_response(now, client, &response);
                }
            }
            Upward::Response(client, response) if response.status == 503 => {
                if !self.take_other_route(client) {
                    self.on_response(now, client, &response);
                }
            }
            Upward::Response(client, response) => self.on_response(now, client, &response),
            Upward::TimedOut(client) => {
                if !self.take_other_route(client)
                    && let Some(purpose) = self.purposes.get(&client).cloned()
                {
                    self.report_ours(client, &purpose, 408);
                    self.on_timed_out(now, purpose);
                }
            }
            Upward::Undeliverable(client) => {
                if !self.take_other_route(client)
                    && let Some(purpose) = self.purposes.get(&client).cloned()
                {
                    self.report_ours(client, &purpose, 503);
                    self.on_undeliverable(
                        now,
                        purpose,
                        "the address of the peer can't be reached, or nobody listens there",
                    );
                }
            }
            Upward::ClientEnded(client) => {
                self.purposes.remove(&client);
                self.acks.remove(&client);
                self.other_branches.remove(&client);
                self.reported.remove(&client);
                self.retries.remove(&client);
                self.routes.remove(&client);
            }
            Upward::Acknowledged(server) => self.report_ack(server, AckFate::Received),
            Upward::AckMissing(server) => self.report_ack(server, AckFate::Missing),
            Upward::ServerEnded(server) => {
                self.their_requests.remove(&server);
                self.report_ack(server, AckFate::Unknown);
            }
        }
    }

    fn on_response(&mut self, now: Instant, client: ClientId, response: &Response) {
        let purpose = self.purposes.get(&client).cloned();
        if let Some(purpose) = purpose.as_ref().filter(|_| !response.is_provisional()) {
            self.report_ours(client, purpose, response.status);
        }
        match purpose {
            Some(Purpose::Invite(id)) => self.on_invite_response(now, client, id, response),
            Some(Purpose::Reinvite(id)) => self.on_reinvite_response(now, client, id, response),
            Some(Purpose::Bye(id)) if !response.is_provisional() => self.on_bye_done(id, None),
            Some(Purpose::Register(id)) => self.on_register_response(now, id, response),
            Some(Purpose::Outside(id)) => self.on_outside_response(now, client, id, response),
            Some(Purpose::Update(id, tag)) => self.on_update_response(now, id, &tag, response),
            Some(Purpose::Refer(id)) => self.on_refer_response(id, response),
            Some(Purpose::Single(id, method)) => {
                self.single_done(now, id, &method, response.status, &response.reason);
            }
            Some(Purpose::ReferNotify(id)) if response.status >= 400 => self.end_refer_in(id),
            _ => {}
        }
    }

    pub(super) fn on_undeliverable(&mut self, now: Instant, purpose: Purpose, text: &str) {
        match purpose {
            Purpose::Register(id) => {
                self.on_register_failure(now, id, &Failure::Transport(text.to_owned()));
            }
            Purpose::Outside(id) => self.on_outside_failure(now, id, &Failure::Transport(text.to_owned())),
            Purpose::Invite(id) => self.invite_undeliverable(id, text),
            Purpose::Reinvite(id) => self.reinvite_undeliverable(now, id, text),
            Purpose::Bye(id) => self.on_bye_done(id, Some(super::TerminationReason::Transport)),
            Purpose::Update(id, tag) => self.update_failed(now, id, &tag, 503, text, None),
            Purpose::Refer(id) => self.refer_failed(id, 503, text),
            Purpose::ReferNotify(id) => self.end_refer_in(id),
            Purpose::Single(id, method) => self.single_done(now, id, &method, 503, text),
            Purpose::ForkBye | Purpose::Ack(..) | Purpose::Prack(..) => {
                tracing::debug!(target: "fs::sip::dialog", text, "request inside a dialog not sent");
            }
        }
    }

    fn on_timed_out(&mut self, now: Instant, purpose: Purpose) {
        match purpose {
            Purpose::Invite(id) => self.invite_timed_out(id),
            Purpose::Reinvite(id) => {
                self.reinvite_failed(now, id, 408, "Request Timeout", &Headers::new());
            }
            Purpose::Bye(id) => self.on_bye_done(id, Some(super::TerminationReason::Timeout)),
            Purpose::Register(id) => self.on_register_failure(now, id, &Failure::Timeout),
            Purpose::Outside(id) => self.on_outside_failure(now, id, &Failure::Timeout),
            Purpose::Update(id, tag) => {
                self.update_failed(now, id, &tag, 408, default_reason(408), None);
            }
            Purpose::Refer(id) => {
                self.refer_failed(id, 408, default_reason(408));
                self.dialog_gone(now, id, 408);
            }
            Purpose::ReferNotify(id) => self.end_refer_in(id),
            Purpose::Single(id, method) => {
                self.single_done(now, id, &method, 408, default_reason(408));
            }
            Purpose::ForkBye | Purpose::Ack(..) | Purpose::Prack(..) => {}
        }
    }

    pub(super) fn on_wait(&mut self, now: Instant, id: InviteId, wait: Wait) {
        match wait {
            Wait::RepeatAccept => self.repeat_accept(now, id),
            Wait::AckGiveUp => self.ack_missing(id),
            Wait::AckBodyGiveUp => self.ack_body_missing(now, id),
            Wait::CancelGiveUp => self.cancel_unanswered(id),
            Wait::Silence => self.silent_too_long(now, id),
            Wait::Expires => self.invitation_expired(now, id),
            Wait::Glare => self.retry_reinvite(id),
            Wait::RepeatProvisional => self.repeat_provisional(now, id),
            Wait::Prack => self.prack_due(now, id),
            Wait::UpdateGlare => self.retry_update(id),
            Wait::Refresh => self.refresh_due(now, id),
            Wait::Expire => self.timer_expired(now, id),
            Wait::ReferOut => self.refer_out_due(id),
            Wait::ReferIn => self.refer_in_due(now, id),
        }
    }
}
