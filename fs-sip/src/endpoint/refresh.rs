//! Session timers (RFC 4028) of the endpoint's sessions; who refreshes when
//! stands in `dialog::session_timer`.

use std::time::{Duration, Instant};

use super::command::InviteId;
use super::core::{EndpointCore, Wait};
use super::event::TerminationReason;
use super::leg::OurUpdate;
use crate::dialog::session_timer::{self, Agreed, Verdict};
use crate::limits;
use crate::transaction::ServerId;
use crate::wire::headers::{MinSe, Refresher, Require, SessionExpires, name};
use crate::wire::{Headers, Request};

/// How long a refresh waits for something else to end.
const BUSY: Duration = Duration::from_secs(1);

impl EndpointCore {
    /// What a request of ours says about the session timer.
    pub(super) fn ask_for_timer(&mut self, id: InviteId, headers: &mut Headers) {
        let settings = self.config.session_timer;
        let running = self.session(id).and_then(|s| s.timer);
        let least = self.least_se.get(&id).copied().unwrap_or(settings.min_se).max(limits::MIN_SE);
        let header = match (running, settings.expires) {
            // The roles stay as they are (section 7.4).
            (Some(agreed), _) => {
                let refresher = if agreed.ours { Refresher::Uac } else { Refresher::Uas };
                SessionExpires { seconds: agreed.seconds.max(least), refresher: Some(refresher) }
            }
            (None, Some(seconds)) => SessionExpires { seconds: seconds.max(least), refresher: None },
            (None, None) => return,
        };
        headers.remove(name::SESSION_EXPIRES);
        headers.remove(name::MIN_SE);
        headers.push_typed(&header);
        headers.push_typed(&MinSe(least));
    }

    /// A 422 to a request of this session: whether asking for more helps.
    pub(super) fn take_422(&mut self, id: InviteId, headers: &Headers) -> bool {
        let settings = self.config.session_timer;
        let running = self.session(id).and_then(|s| s.timer).map(|a| a.seconds);
        let asked = running.or(settings.expires).unwrap_or_default();
        let asked = asked.max(self.least_se.get(&id).copied().unwrap_or_default());
        let Some(least) = session_timer::least_of_422(asked, headers) else { return false };
        self.least_se.insert(id, least);
        true
    }

    pub(super) fn judge_timer(&self, headers: &Headers) -> Verdict {
        session_timer::judge(&self.config.session_timer, headers)
    }

    /// 422 (section 9).
    pub(super) fn refuse_short(&mut self, now: Instant, server: ServerId, request: &Request, least: u32) {
        let tag = self.new_tag();
        let mut response = self.response(request, 422, &tag);
        response.headers.push_typed(&MinSe(least));
        self.respond(now, server, &response);
    }

    /// Puts the verdict into our 2xx and follows it.
    pub(super) fn answer_timer(
        &mut self,
        now: Instant,
        id: InviteId,
        verdict: Verdict,
        headers: &mut Headers,
    ) {
        let Verdict::Agreed { header, require, agreed } = verdict else {
            return self.set_timer(now, id, None);
        };
        if self.session(id).is_none() {
            return;
        }
        headers.push_typed(&header);
        if require {
            headers.push_typed(&Require(session_timer::OPTION.to_owned()));
        }
        self.set_timer(now, id, Some(agreed));
    }

    /// Follows the 2xx to a request of ours.
    pub(super) fn timer_accepted(&mut self, now: Instant, id: InviteId, headers: &Headers) {
        self.set_timer(now, id, session_timer::accepted(headers));
    }

    fn set_timer(&mut self, now: Instant, id: InviteId, agreed: Option<Agreed>) {
        let Some(session) = self.session(id).filter(|s| !s.is_leaving()) else { return };
        session.timer = agreed;
        self.waits.set((id, Wait::Refresh), agreed.and_then(|a| a.refresh_at(now)));
        self.waits.set((id, Wait::Expire), agreed.map(|a| a.ends_at(now)));
    }

    /// It is time to refresh: by UPDATE where the peer takes it, else by a
    /// re-INVITE with our last description.
    pub(super) fn refresh_due(&mut self, now: Instant, id: InviteId) {
        if self.session(id).is_some_and(|s| s.timer.is_some()) {
            self.refresh_session(now, id);
        }
    }

    /// Tells the peer our Contact anew, and, by a re-INVITE, our description.
    pub(super) fn refresh_session(&mut self, now: Instant, id: InviteId) {
        let Some(session) = self.session(id).filter(|s| !s.is_leaving()) else { return };
        if session.is_busy() {
            return self.waits.set((id, Wait::Refresh), Some(now + BUSY));
        }
        let leg = &mut session.leg;
        if leg.updates {
            leg.update = Some(OurUpdate { body: None, refresh: true, waiting: false });
            let tag = leg.tag().to_owned();
            self.send_update(id, &tag);
        } else {
            let body = leg.local_body.clone();
            self.send_reinvite(id, body, true);
        }
    }

    /// Nobody has refreshed the session (section 10).
    pub(super) fn timer_expired(&mut self, now: Instant, id: InviteId) {
        let Some(session) = self.session(id).filter(|s| !s.is_leaving()) else { return };
        session.timer = None;
        self.refuse_pending(now, id);
        let reason = "SIP;cause=408;text=\"Session timer expired\"".to_owned();
        self.send_bye(id, &[("Reason".to_owned(), reason)], TerminationReason::Expired);
    }
}
