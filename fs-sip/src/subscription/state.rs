//! One subscription of ours as a state machine.
//!
//! ```text
//!          2xx or NOTIFY: Active             half of the time, or 30 s, left
//!  asking ------------------------> active ------------------------> asking
//!    |  |--423, Min-Expires higher--> asking      NOTIFY: Notified
//!    |  other, no answer, no NOTIFY within 64*T1: Failed
//!    +-----------------------> waiting --delay over--> asking (a new dialog)
//!  active --NOTIFY terminated: Notified--> waiting, or over where the reason
//!                                          forbids another attempt: Ended
//!  any --unsubscribe--> leaving --NOTIFY terminated, 2 s: Ended--> over
//! ```

use std::time::{Duration, Instant};

use crate::dialog::Dialog;
use crate::endpoint::{Body, Random};
use crate::limits;
use crate::registration::Failure;
use crate::registration::state::{Next, leading_number, refresh_after};
use crate::wire::headers::{CSeq, EventType, From, MaxForwards, SubscriptionState, To, name};
use crate::wire::{Method, NameAddr, Request, Response, Uri, default_reason};

/// What to subscribe to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionSettings {
    /// Who subscribes: From.
    pub identity: NameAddr,
    /// Whose state it is: Request-URI and To.
    pub target: Uri,
    /// The package, with its parameters.
    pub event: EventType,
    /// The types of body that are understood; empty = the package's own.
    pub accept: Vec<String>,
    /// The proxy to send through (an `lr` is added); none = straight to the
    /// domain of the target.
    pub outbound_proxy: Option<Uri>,
    /// How long it shall last, in seconds; 0 asks once for the state.
    pub expires: u32,
    /// Further headers, such as `Supported: eventlist`.
    pub headers: Vec<(String, String)>,
    /// A filter, for packages that have one.
    pub body: Option<Body>,
}

impl SubscriptionSettings {
    /// Ten minutes, at the domain of the target.
    #[must_use]
    pub fn new(identity: NameAddr, target: Uri, event: EventType) -> Self {
        Self {
            identity,
            target,
            event,
            accept: Vec::new(),
            outbound_proxy: None,
            expires: 600,
            headers: Vec::new(),
            body: None,
        }
    }
}

/// What becomes of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionEvent {
    /// The other side has taken it, for the first time or again.
    Active {
        /// For how many seconds.
        expires: u32,
    },
    /// The state of what was subscribed to.
    Notified {
        /// How the subscription stands.
        state: SubscriptionState,
        /// The state; none where nothing was told.
        body: Option<Body>,
    },
    /// It has failed.
    Failed {
        /// The status; where there was no answer, the one that fits.
        status: u16,
        /// The peer's reason, or ours.
        reason: String,
        /// How long until the next attempt.
        retry_after: Duration,
    },
    /// It is over: as it was asked for, or for a reason that forbids another
    /// attempt.
    Ended {
        /// The reason of the last NOTIFY.
        reason: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Asking,
    /// A 2xx came, but no NOTIFY yet.
    Unconfirmed,
    Active,
    Waiting,
    Leaving,
    Over,
}

/// One subscription.
#[derive(Debug)]
pub struct Subscription {
    settings: SubscriptionSettings,
    state: State,
    call_id: String,
    tag: String,
    cseq: u32,
    dialog: Option<Dialog>,
    expires: u32,
    /// How long to wait for the first NOTIFY (timer N).
    patience: Duration,
    delay: Duration,
}

/// How long the last NOTIFY may take once we have unsubscribed.
const GOODBYE: Duration = Duration::from_secs(2);
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

impl Subscription {
    /// Begins to ask; `patience` is 64*T1.
    #[must_use]
    pub fn new(settings: SubscriptionSettings, patience: Duration) -> Self {
        let expires = settings.expires;
        Self {
            settings,
            state: State::Asking,
            call_id: String::new(),
            tag: String::new(),
            cseq: 0,
            dialog: None,
            expires,
            patience,
            delay: FIRST_DELAY,
        }
    }

    /// What it was begun with.
    #[must_use]
    pub fn settings(&self) -> &SubscriptionSettings {
        &self.settings
    }

    /// The next SUBSCRIBE, without Via and Contact; outside a dialog it names
    /// a new one.
    #[must_use]
    pub fn request(&mut self, random: &mut Random) -> Request {
        let mut request = match &mut self.dialog {
            Some(dialog) => dialog.new_request(Method::Subscribe),
            None => self.first_request(random),
        };
        let h = &mut request.headers;
        h.push_typed(&self.settings.event);
        let expires = if self.state == State::Leaving { 0 } else { self.expires };
        h.push(name::EXPIRES, expires.to_string());
        if !self.settings.accept.is_empty() {
            h.push(name::ACCEPT, self.settings.accept.join(", "));
        }
        request
    }

    fn first_request(&mut self, random: &mut Random) -> Request {
        self.call_id = random.token(4);
        self.tag = random.token(2);
        self.cseq = 1 + random.below(1 << 16);
        let mut request = Request::new(Method::Subscribe, self.settings.target.to_request_uri());
        let h = &mut request.headers;
        h.push_typed(&MaxForwards(limits::MAX_FORWARDS));
        if let Some(proxy) = &self.settings.outbound_proxy {
            h.push(name::ROUTE, crate::registration::state::route(proxy));
        }
        h.push_typed(&From(self.settings.identity.clone().with_tag(&self.tag)));
        h.push_typed(&To(NameAddr::new(self.settings.target.clone())));
        h.push(name::CALL_ID, self.call_id.as_bytes());
        h.push_typed(&CSeq { number: self.cseq, method: Method::Subscribe });
        request
    }

    /// The number of a request that is sent once more.
    pub fn next_cseq(&mut self) -> u32 {
        if let Some(dialog) = &mut self.dialog {
            return dialog.next_cseq();
        }
        self.cseq = (self.cseq + 1).min(limits::MAX_CSEQ);
        self.cseq
    }

    /// Does this NOTIFY belong to it?
    #[must_use]
    pub fn expects(&self, notify: &Request) -> bool {
        let known = match &self.dialog {
            Some(dialog) => {
                crate::dialog::DialogId::of_request(notify).ok().flatten().as_ref() == Some(dialog.id())
            }
            None => {
                let tag = notify.to().ok().and_then(|to| to.tag().map(str::to_owned));
                notify.call_id().is_ok_and(|id| id == self.call_id) && tag.as_deref() == Some(&self.tag)
            }
        };
        known && !matches!(self.state, State::Waiting | State::Over)
    }

    /// Is it being taken back already?
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        matches!(self.state, State::Leaving | State::Over)
    }

    /// Takes it back.
    pub fn leave(&mut self) -> Next {
        let known = self.dialog.is_some() && !matches!(self.state, State::Leaving | State::Over);
        self.state = if known { State::Leaving } else { State::Over };
        if known { Next::Ask } else { Next::Over }
    }

    /// Asks again at once: our address has changed, for example.
    pub fn ask_again(&mut self) -> Option<Next> {
        matches!(self.state, State::Unconfirmed | State::Active | State::Waiting).then(|| {
            self.state = State::Asking;
            Next::Ask
        })
    }

    /// A final answer to `request`; `luck` is any number.
    pub fn handle_answer(
        &mut self,
        now: Instant,
        request: &Request,
        response: &Response,
        luck: u32,
    ) -> (Option<SubscriptionEvent>, Next) {
        let status = response.status;
        if self.state == State::Leaving {
            return match status {
                200..=299 => (None, Next::Wait(now + GOODBYE)),
                _ => self.over(None),
            };
        }
        let number = |name| response.headers.text(name).and_then(|t| leading_number(&t));
        match status {
            200..=299 => {
                if self.dialog.is_none() {
                    self.dialog = Dialog::from_response(request, response).ok();
                } else if let Some(dialog) = &mut self.dialog {
                    dialog.refresh_target(&response.headers);
                }
                let expires = number(name::EXPIRES).unwrap_or(self.expires).min(limits::MAX_EXPIRES);
                if self.state == State::Active {
                    // The NOTIFY was faster, and has said how long.
                    return (None, Next::Wait(now + refresh_after(expires)));
                }
                self.state = State::Unconfirmed;
                let wait = self.patience.min(refresh_after(expires).max(GOODBYE));
                (Some(SubscriptionEvent::Active { expires }), Next::Wait(now + wait))
            }
            423 if number(name::MIN_EXPIRES)
                .is_some_and(|n| n > self.expires && n <= limits::MAX_EXPIRES) =>
            {
                self.expires = number(name::MIN_EXPIRES).unwrap_or(self.expires);
                (None, Next::Ask)
            }
            // Ours is unknown there: a new one (RFC 6665 section 4.1.2.2).
            481 if self.dialog.take().is_some() => (None, Next::Ask),
            _ => {
                let span = |from: u32, to: u32| Duration::from_secs((from + luck % (to - from + 1)).into());
                let delay = match (number(name::RETRY_AFTER), status) {
                    (Some(after), 404 | 413 | 480 | 486 | 500 | 503 | 600 | 603) => {
                        Duration::from_secs(after.min(limits::MAX_EXPIRES).into())
                    }
                    (_, 401 | 403 | 407 | 423) => span(60, 120),
                    // This server does not do it: seldom asked again.
                    (_, 405 | 406 | 489 | 501) => Duration::from_secs(3600),
                    _ => span(60, 180),
                };
                self.failed(now, status, &response.reason, delay)
            }
        }
    }

    /// There is no answer; `luck` is any number.
    pub fn handle_failure(
        &mut self,
        now: Instant,
        failure: &Failure,
        luck: u32,
    ) -> (Option<SubscriptionEvent>, Next) {
        let (status, reason) = match failure {
            Failure::Timeout => (408, default_reason(408).to_owned()),
            Failure::Transport(text) => (503, text.clone()),
        };
        if self.state == State::Leaving {
            return self.over(None);
        }
        let delay = match failure {
            Failure::Timeout => Duration::from_secs((60 + luck % 121).into()),
            Failure::Transport(_) => self.doubled(),
        };
        self.failed(now, status, &reason, delay)
    }

    /// A NOTIFY that [`Self::expects`]; the status answers it.
    pub fn handle_notify(
        &mut self,
        now: Instant,
        notify: &Request,
        luck: u32,
    ) -> (u16, Option<SubscriptionEvent>, Next) {
        let keep = Next::Keep;
        match notify.headers.typed::<EventType>() {
            Ok(Some(event)) if event.matches(&self.settings.event) => {}
            Ok(_) => return (489, None, keep),
            Err(_) => return (400, None, keep),
        }
        let Ok(Some(state)) = notify.headers.typed::<SubscriptionState>() else { return (400, None, keep) };
        match &mut self.dialog {
            Some(dialog) => {
                if dialog.check_order(notify).is_err() {
                    return (500, None, keep);
                }
                dialog.refresh_target(&notify.headers);
            }
            None => match Dialog::from_request(notify, &self.tag, self.cseq) {
                Ok(dialog) => self.dialog = Some(dialog),
                Err(_) => return (400, None, keep),
            },
        }
        let body = crate::endpoint::body_of(&notify.headers, &notify.body);
        let next = match (state.is_terminated(), self.state) {
            (true, _) => self.terminated(now, &state, luck),
            (false, State::Leaving) => keep,
            (false, _) => {
                self.state = State::Active;
                self.delay = FIRST_DELAY;
                let expires = state.expires().unwrap_or(self.expires).min(limits::MAX_EXPIRES);
                Next::Wait(now + refresh_after(expires))
            }
        };
        (200, Some(SubscriptionEvent::Notified { state, body }), next)
    }

    /// What the end means (RFC 6665 section 4.1.3).
    fn terminated(&mut self, now: Instant, state: &SubscriptionState, luck: u32) -> Next {
        self.dialog = None;
        let wanted = self.state != State::Leaving && self.settings.expires > 0;
        let after = state.retry_after().map(|s| Duration::from_secs(s.min(limits::MAX_EXPIRES).into()));
        let reason = state.reason();
        let delay = match reason.as_deref() {
            _ if !wanted => None,
            Some("rejected" | "noresource" | "invariant") => None,
            Some("deactivated" | "timeout") => Some(self.doubled()),
            Some("probation" | "giveup") => {
                Some(after.unwrap_or_else(|| Duration::from_secs((60 + luck % 121).into())))
            }
            _ => Some(after.unwrap_or_else(|| self.doubled())),
        };
        match delay {
            Some(delay) => {
                self.state = State::Waiting;
                Next::Wait(now + delay)
            }
            None => {
                self.state = State::Over;
                Next::Over
            }
        }
    }

    /// The time of [`Next::Wait`] has come.
    pub fn handle_timeout(&mut self, now: Instant, luck: u32) -> (Option<SubscriptionEvent>, Next) {
        match self.state {
            State::Active | State::Waiting => {
                self.state = State::Asking;
                (None, Next::Ask)
            }
            // Timer N: a subscription without NOTIFY is none (section 4.1.2.4).
            State::Unconfirmed => self.handle_failure(now, &Failure::Timeout, luck),
            State::Leaving => self.over(None),
            State::Asking | State::Over => (None, Next::Keep),
        }
    }

    fn over(&mut self, reason: Option<String>) -> (Option<SubscriptionEvent>, Next) {
        self.state = State::Over;
        (Some(SubscriptionEvent::Ended { reason }), Next::Over)
    }

    fn failed(
        &mut self,
        now: Instant,
        status: u16,
        reason: &str,
        delay: Duration,
    ) -> (Option<SubscriptionEvent>, Next) {
        self.state = State::Waiting;
        self.dialog = None;
        let event = SubscriptionEvent::Failed { status, reason: reason.to_owned(), retry_after: delay };
        (Some(event), Next::Wait(now + delay))
    }

    fn doubled(&mut self) -> Duration {
        let delay = self.delay;
        self.delay = (delay * 2).min(LONGEST_DELAY);
        delay
    }
}
