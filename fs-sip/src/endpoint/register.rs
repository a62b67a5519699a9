//! Registrations of this endpoint: their requests, answers and waits.

use std::time::Instant;

use super::core::{EndpointCore, Output, Purpose};
use super::event::Event;
use crate::registration::state::{Next, leading_number};
use crate::registration::{Failure, Registration, RegistrationEvent, RegistrationId, RegistrationSettings};
use crate::transport::Local;
use crate::wire::headers::name;
use crate::wire::{Request, Response};

impl EndpointCore {
    /// Begins a registration, or replaces one of the same name. To the registrar, those of one address of record are one
    /// series of requests (RFC 3261 section 10.2).
    pub(super) fn register(&mut self, id: RegistrationId, settings: RegistrationSettings) {
        let before = self.registrations.get(&id).filter(|before| before.is_for_same(&settings));
        let before = before.map(Registration::series);
        let realms = self.registration_realms.remove(&id).filter(|_| before.is_some());
        self.drop_registration(id);
        self.registration_realms.extend(realms.map(|realms| (id, realms)));
        let (call_id, tag, first) = match before {
            Some(series) => series,
            None => (self.random.token(4), self.new_tag(), self.random.below(1 << 16)),
        };
        self.registrations.insert(id, Registration::new(settings, call_id, tag, first));
        self.ask_registrar(id);
    }

    pub(super) fn unregister(&mut self, now: Instant, id: RegistrationId) {
        // A second word must not stop the request that takes it back.
        if self.registrations.get(&id).is_none_or(Registration::is_leaving) {
            return;
        }
        self.unsend(&Purpose::Register(id));
        let Some(registration) = self.registrations.get_mut(&id) else { return };
        let next = registration.leave();
        if next == Next::Ask {
            self.follow(now, id, None, next);
        }
    }

    /// Our address may have changed: all registrations are made anew.
    pub(super) fn refresh_registrations(&mut self, now: Instant) {
        let mut ids: Vec<RegistrationId> = self.registrations.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            if let Some(next) = self.registrations.get_mut(&id).and_then(Registration::ask_again) {
                self.follow(now, id, None, next);
            }
        }
        self.refresh_outside(now);
    }

    /// Our addresses have changed: connections are opened anew, and everybody
    /// who knows a Contact of ours is told the new one.
    pub(super) fn network_changed(&mut self, now: Instant) {
        self.flows.clear();
        self.output(Output::Reconnect);
        self.refresh_registrations(now);
        let mut ids: Vec<_> = self.calls.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.refresh_session(now, id);
        }
    }

    /// Takes every registration back.
    pub(super) fn unregister_all(&mut self, now: Instant) {
        let mut ids: Vec<RegistrationId> = self.registrations.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.unregister(now, id);
        }
    }

    pub(super) fn registration_due(&mut self, now: Instant, id: RegistrationId) {
        if let Some(next) = self.registrations.get_mut(&id).and_then(Registration::handle_timeout) {
            self.follow(now, id, None, next);
        }
    }

    pub(super) fn on_register_response(&mut self, now: Instant, id: RegistrationId, response: &Response) {
        let luck = self.random.next_u32();
        let Some(registration) = self.registrations.get_mut(&id).filter(|_| !response.is_provisional())
        else {
            return;
        };
        let (status, reason) = (response.status, response.reason.as_str());
        if registration.settings().tell_all {
            let registrar = self.flows.registrar(id);
            let event = RegistrationEvent::Answered { status, reason: reason.to_owned(), registrar };
            self.event(Event::Registration { id, event });
        }
        let Some(registration) = self.registrations.get_mut(&id) else { return };
        let (event, mut next) = registration.handle_answer(now, status, reason, &response.headers, luck);
        let outbound = registration.is_outbound();
        if response.is_success() && matches!(next, Next::Wait(_)) {
            let timer = response.headers.text(name::FLOW_TIMER).and_then(|t| leading_number(&t));
            let elsewhere = self.learn_address(id, response);
            self.keep_flow(now, id, outbound, timer);
            if elsewhere && let Some(registration) = self.registrations.get_mut(&id) {
                next = registration.correct_contact().unwrap_or(next);
            }
        }
        self.follow(now, id, event, next);
    }

    pub(super) fn on_register_failure(&mut self, now: Instant, id: RegistrationId, failure: &Failure) {
        let luck = self.random.next_u32();
        let Some(registration) = self.registrations.get_mut(&id) else { return };
        let (event, next) = registration.handle_failure(now, failure, luck);
        self.follow(now, id, event, next);
    }

    /// Puts our contacts into a REGISTER that has found its way.
    pub(super) fn add_register_contacts(&mut self, id: RegistrationId, request: &mut Request, local: Local) {
        let user = self.registrations.get(&id).and_then(|r| r.settings().contact_user.clone());
        let own = self.contact_uri(local, user.as_deref());
        if let Some(registration) = self.registrations.get_mut(&id) {
            for contact in registration.contacts(own) {
                request.headers.push(name::CONTACT, contact);
            }
        }
    }

    pub(super) fn follow(
        &mut self,
        _now: Instant,
        id: RegistrationId,
        event: Option<RegistrationEvent>,
        next: Next,
    ) {
        if let Some(event) = event {
            self.event(Event::Registration { id, event });
        }
        match next {
            Next::Ask => self.ask_registrar(id),
            Next::Wait(at) => self.registration_waits.set(id, Some(at)),
            Next::Keep => {}
            Next::Over => self.drop_registration(id),
        }
    }

    fn ask_registrar(&mut self, id: RegistrationId) {
        self.registration_waits.set(id, None);
        if let Some(registration) = self.registrations.get(&id).filter(|r| r.settings().tell_all) {
            let event = RegistrationEvent::Asking { refresh: registration.is_registered() };
            self.event(Event::Registration { id, event });
        }
        let agent = self.config.user_agent.clone();
        let Some(registration) = self.registrations.get_mut(&id) else { return };
        let mut request = registration.request();
        let extensions = registration.extensions();
        self.add_abilities(&mut request.headers, false);
        request.headers.push(name::SUPPORTED, extensions);
        if !agent.is_empty() {
            request.headers.push(name::USER_AGENT, agent);
        }
        self.send(request, Purpose::Register(id));
    }

    fn drop_registration(&mut self, id: RegistrationId) {
        self.unsend(&Purpose::Register(id));
        self.registrations.remove(&id);
        self.flows.forget(id);
        self.registration_realms.remove(&id);
        self.registration_waits.set(id, None);
    }
}
