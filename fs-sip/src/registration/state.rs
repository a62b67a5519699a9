//! One registration as a state machine.
//!
//! ```text
//!            2xx: Registered                  half of the time, or 30 s, left
//!  asking ---------------------> registered ------------------> asking
//!    |  |--423, Min-Expires higher--> asking
//!    |  other, no answer: Failed
//!    +-------------------------> waiting --delay over--> asking
//!  any --unregister--> leaving --2xx: Ended; other, no answer: NotEnded--> over
//! ```
//! The delays: wrong password and 423 that can't be met 60 to 120 s, no answer
//! 15 to 40 s, all others from 1 s doubling to 30 s; Retry-After overrides.

use std::time::{Duration, Instant};

use super::{Failure, Gruu, RegistrationEvent, RegistrationSettings};
use crate::limits;
use crate::wire::headers::{CSeq, Contact, From, MaxForwards, Path, To, name};
use crate::wire::{Headers, Method, NameAddr, Request, Uri, default_reason};

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Send [`Registration::request`].
    Ask,
    /// Call [`Registration::handle_timeout`] then.
    Wait(Instant),
    /// Nothing new: what was awaited still is.
    Keep,
    /// It is over.
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Asking,
    Registered,
    Waiting,
    Leaving,
    Over,
}

/// One registration.
#[derive(Debug)]
pub struct Registration {
    settings: RegistrationSettings,
    state: State,
    call_id: String,
    tag: String,
    cseq: u32,
    expires: u32,
    /// Our contact as it was sent last.
    contact: Option<Uri>,
    delay: Duration,
    /// What the registrar grants reaches until then.
    good_until: Option<Instant>,
    /// A contact that is to be taken back, as it was sent before.
    old_contact: Option<Uri>,
    service_route: Vec<NameAddr>,
    gruu: Option<Gruu>,
    outbound: bool,
    /// The first hop can't do outbound (439).
    no_outbound: bool,
    /// How often the contact was corrected since the last refresh.
    corrections: u8,
    /// When the registrar has answered, and the pause after a broken flow.
    answered_at: Option<Instant>,
    flow_delay: Duration,
}

const FIRST_DELAY: Duration = Duration::from_secs(1);
/// How long a flow must have worked to be opened again at once.
const FLOW_WORKED: Duration = Duration::from_secs(60);
/// How often the contact is corrected from one refresh to the next: behind
/// some NATs it is another one each time.
const MAX_CORRECTIONS: u8 = 2;
const LONGEST_DELAY: Duration = Duration::from_secs(30);

impl Registration {
    /// Begins to ask; `tag` goes into From.
    #[must_use]
    pub fn new(settings: RegistrationSettings, call_id: String, tag: String, first_cseq: u32) -> Self {
        let expires = settings.expires;
        Self {
            settings,
            state: State::Asking,
            call_id,
            tag,
            cseq: first_cseq,
            expires,
            contact: None,
            delay: FIRST_DELAY,
            good_until: None,
            old_contact: None,
            service_route: Vec::new(),
            gruu: None,
            outbound: false,
            no_outbound: false,
            corrections: 0,
            answered_at: None,
            flow_delay: FIRST_DELAY,
        }
    }

    /// Does it register the same address of record at the same registrar?
    #[must_use]
    pub fn is_for_same(&self, other: &RegistrationSettings) -> bool {
        self.settings.identity.uri == other.identity.uri && self.settings.registrar == other.registrar
    }

    /// Call-ID, tag and last number of its requests.
    #[must_use]
    pub fn series(&self) -> (String, String, u32) {
        (self.call_id.clone(), self.tag.clone(), self.cseq)
    }

    /// What it was begun with.
    #[must_use]
    pub fn settings(&self) -> &RegistrationSettings {
        &self.settings
    }

    /// Has the registrar taken us?
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.good_until.is_some() && matches!(self.state, State::Registered | State::Asking)
    }

    /// The way the requests of this identity shall go.
    #[must_use]
    pub fn service_route(&self) -> &[NameAddr] {
        &self.service_route
    }

    /// The address that reaches us from anywhere.
    #[must_use]
    pub fn gruu(&self) -> Option<&Uri> {
        self.gruu.as_ref().map(|g| &g.public)
    }

    /// Does the registrar keep to our flow?
    #[must_use]
    pub fn is_outbound(&self) -> bool {
        self.outbound
    }

    fn wants_outbound(&self) -> Option<u32> {
        self.settings.reg_id.filter(|_| self.settings.instance.is_some() && !self.no_outbound)
    }

    /// The option tags of a REGISTER.
    #[must_use]
    pub fn extensions(&self) -> &'static str {
        match (self.wants_outbound(), &self.settings.instance) {
            (Some(_), _) => "path, gruu, outbound",
            (None, Some(_)) => "path, gruu",
            (None, None) => "path",
        }
    }

    /// The contact was seen from elsewhere than we thought.
    pub fn correct_contact(&mut self) -> Option<Next> {
        if self.corrections >= MAX_CORRECTIONS {
            return None;
        }
        self.corrections += 1;
        self.ask_again()
    }

    /// The way to the registrar is broken: asks again at once where it had
    /// worked for a while, else after a growing pause (RFC 5626 section 4.5).
    pub fn flow_broken(&mut self, now: Instant) -> Option<Next> {
        if self.state != State::Registered {
            return None;
        }
        let lived = self.answered_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        if lived >= FLOW_WORKED {
            self.flow_delay = FIRST_DELAY;
            return self.ask_again();
        }
        let delay = self.flow_delay;
        self.flow_delay = (delay * 2).min(LONGEST_DELAY);
        Some(Next::Wait(now + delay))
    }

    /// Does the registrar know us, as far as we can tell?
    #[must_use]
    pub fn is_good(&self, now: Instant) -> bool {
        self.good_until.is_some_and(|until| now < until)
    }

    /// The number of the next request.
    pub fn next_cseq(&mut self) -> u32 {
        self.cseq = (self.cseq + 1).min(limits::MAX_CSEQ);
        self.cseq
    }

    /// The next REGISTER; Via and Contact come when it is sent.
    #[must_use]
    pub fn request(&mut self) -> Request {
        let number = self.next_cseq();
        let mut request = Request::new(Method::Register, self.registrar());
        let h = &mut request.headers;
        h.push_typed(&MaxForwards(limits::MAX_FORWARDS));
        if let Some(proxy) = &self.settings.outbound_proxy {
            h.push(name::ROUTE, route(proxy));
        }
        h.push_typed(&From(self.settings.identity.clone().with_tag(&self.tag)));
        let mut to = self.settings.identity.clone();
        to.params.remove("tag");
        h.push_typed(&To(to));
        h.push(name::CALL_ID, self.call_id.as_bytes());
        h.push_typed(&CSeq { number, method: Method::Register });
        let expires = if self.state == State::Leaving { 0 } else { self.expires };
        h.push(name::EXPIRES, expires.to_string());
        request
    }

    /// The Contact values of a request, with `own` as our address.
    pub fn contacts(&mut self, own: Uri) -> Vec<String> {
        if let Some(before) = self.contact.replace(own.clone()).filter(|b| *b != own)
            && self.good_until.is_some()
        {
            self.old_contact = Some(before);
        }
        // With a flow of its own, the new one replaces it.
        let old = self.old_contact.clone().filter(|o| *o != own && self.wants_outbound().is_none());
        let reg_id = self.wants_outbound();
        let mut own = NameAddr::new(own);
        if let Some(instance) = &self.settings.instance {
            own.params.set("+sip.instance", Some(&format!("\"<{instance}>\"")));
        }
        if let Some(reg_id) = reg_id {
            own.params.set("reg-id", Some(&reg_id.to_string()));
        }
        let further = self.settings.contacts.iter().map(NameAddr::to_string);
        let gone = old.filter(|_| self.state != State::Leaving).map(|uri| {
            let mut gone = NameAddr::new(uri);
            gone.params.set("expires", Some("0"));
            gone.to_string()
        });
        std::iter::once(own.to_string()).chain(further).chain(gone).collect()
    }

    /// The registrar: a URI without user (RFC 3261 section 10.2).
    fn registrar(&self) -> Uri {
        let given = self.settings.registrar.clone();
        given.unwrap_or_else(|| self.settings.identity.uri.to_domain())
    }

    /// Is it being taken back already?
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        matches!(self.state, State::Leaving | State::Over)
    }

    /// Takes it back.
    pub fn leave(&mut self) -> Next {
        if matches!(self.state, State::Leaving | State::Over) {
            return Next::Over;
        }
        self.state = State::Leaving;
        Next::Ask
    }

    /// Asks again at once: our address has changed.
    pub fn ask_again(&mut self) -> Option<Next> {
        matches!(self.state, State::Registered | State::Waiting).then(|| {
            self.state = State::Asking;
            Next::Ask
        })
    }

    /// A final answer; `luck` is any number.
    pub fn handle_answer(
        &mut self,
        now: Instant,
        status: u16,
        reason: &str,
        headers: &Headers,
        luck: u32,
    ) -> (Option<RegistrationEvent>, Next) {
        if self.state == State::Leaving {
            self.state = State::Over;
            let event = match status {
                200..=299 => RegistrationEvent::Ended,
                _ => RegistrationEvent::NotEnded { status, reason: reason.to_owned() },
            };
            return (Some(event), Next::Over);
        }
        if status < 300 {
            return self.on_success(now, headers);
        }
        let number = |name| headers.text(name).and_then(|t| leading_number(&t));
        if status == 439 && self.wants_outbound().is_some() {
            self.no_outbound = true;
            return (None, Next::Ask);
        }
        if status == 423
            && let Some(least) = number(name::MIN_EXPIRES)
            && least > self.expires
            && least <= limits::MAX_EXPIRES
        {
            self.expires = least;
            return (None, Next::Ask);
        }
        let seconds = |from: u32, to: u32| Duration::from_secs((from + luck % (to - from + 1)).into());
        let delay = match (number(name::RETRY_AFTER), status) {
            (Some(after), 404 | 413 | 480 | 486 | 500 | 503 | 600 | 603) => {
                Duration::from_secs(after.min(limits::MAX_EXPIRES).into())
            }
            (_, 401 | 403 | 407 | 423) => seconds(60, 120),
            (_, 408) => seconds(15, 40),
            _ => self.doubled(),
        };
        self.failed(now, status, reason, delay)
    }

    /// There is no answer; `luck` is any number.
    pub fn handle_failure(
        &mut self,
        now: Instant,
        failure: &Failure,
        luck: u32,
    ) -> (Option<RegistrationEvent>, Next) {
        let (status, reason, delay) = match failure {
            Failure::Timeout => {
                (408, default_reason(408).to_owned(), Some(Duration::from_secs((15 + luck % 26).into())))
            }
            Failure::Transport(text) => (503, text.clone(), None),
        };
        if self.state == State::Leaving {
            self.state = State::Over;
            return (Some(RegistrationEvent::NotEnded { status, reason }), Next::Over);
        }
        let delay = delay.unwrap_or_else(|| self.doubled());
        self.failed(now, status, &reason, delay)
    }

    /// The time of [`Next::Wait`] has come.
    pub fn handle_timeout(&mut self) -> Option<Next> {
        self.corrections = 0;
        self.ask_again()
    }

    fn on_success(&mut self, now: Instant, headers: &Headers) -> (Option<RegistrationEvent>, Next) {
        let all = headers.typed_all::<Contact>().unwrap_or_default();
        let contacts: Vec<NameAddr> = all.iter().filter_map(|c| c.address().cloned()).collect();
        let mut ours = contacts.iter().find(|c| self.contact.as_ref().is_some_and(|o| o.matches(&c.uri)));
        if let Some(instance) = &self.settings.instance {
            let quoted = format!("<{instance}>");
            let by_instance = |c: &&NameAddr| c.params.value("+sip.instance").is_some_and(|v| v == quoted);
            ours = ours.or_else(|| contacts.iter().find(by_instance));
        }
        let of_contact = ours.and_then(|c| leading_number(c.params.raw("expires")?));
        let of_header = || headers.text(name::EXPIRES).and_then(|t| leading_number(&t));
        let expires = of_contact.or_else(of_header).unwrap_or(self.expires).clamp(1, limits::MAX_EXPIRES);
        let routes = headers.all(name::SERVICE_ROUTE);
        self.service_route = routes.filter_map(|r| NameAddr::parse(&r.text()).ok()).collect();
        let address = |name| ours.and_then(|c| Uri::parse(&c.params.value(name)?).ok());
        self.gruu = address("pub-gruu").map(|public| Gruu { public, temporary: address("temp-gruu") });
        let granted = headers.all(name::REQUIRE).any(|h| h.text().eq_ignore_ascii_case("outbound"));
        self.outbound = granted && self.wants_outbound().is_some();
        self.old_contact = None;
        self.answered_at = Some(now);
        self.state = State::Registered;
        self.delay = FIRST_DELAY;
        self.good_until = Some(now + Duration::from_secs(expires.into()));
        let refresh = refresh_after(expires);
        let (service_route, gruu) = (self.service_route.clone(), self.gruu.clone().map(Box::new));
        let outbound = self.outbound;
        let path = headers.typed_all::<Path>().unwrap_or_default().into_iter().map(|p| p.0);
        let path = path.take(limits::MAX_PATH).collect();
        let event = RegistrationEvent::Registered { expires, contacts, service_route, path, gruu, outbound };
        (Some(event), Next::Wait(now + refresh))
    }

    fn failed(
        &mut self,
        now: Instant,
        status: u16,
        reason: &str,
        delay: Duration,
    ) -> (Option<RegistrationEvent>, Next) {
        self.state = State::Waiting;
        let reason = reason.to_owned();
        (Some(RegistrationEvent::Failed { status, reason, retry_after: delay }), Next::Wait(now + delay))
    }

    fn doubled(&mut self) -> Duration {
        let delay = self.delay;
        self.delay = (delay * 2).min(LONGEST_DELAY);
        delay
    }
}

/// The Route value of a proxy.
pub(crate) fn route(proxy: &Uri) -> String {
    let mut proxy = proxy.clone();
    if let Some(params) = proxy.params_mut() {
        params.set("lr", None);
    }
    NameAddr::new(proxy).to_string()
}

/// When what lasts `expires` seconds is asked for again: when half of its time
/// or 30 s are left, whichever is later.
pub(crate) fn refresh_after(expires: u32) -> Duration {
    let whole = Duration::from_secs(expires.into());
    whole.saturating_sub(Duration::from_secs(30)).max(whole / 2)
}

/// The digits that a value begins with.
pub(crate) fn leading_number(text: &str) -> Option<u32> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests;
