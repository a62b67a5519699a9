//! One publication as a state machine.
//!
//! ```text
//!            2xx: Published                   half of the time, or 30 s, left
//!  asking ---------------------> published ------------------> asking
//!    |  |--412: all of it anew--> asking        (only the tag, no body)
//!    |  |--423, Min-Expires higher--> asking
//!    |  other, no answer: Failed
//!    +-------------------------> waiting --delay over--> asking
//!  any --unpublish--> leaving --2xx: Ended; other, no answer: NotEnded--> over
//! ```
//! A new body that comes while a request is under way is sent after its answer.

use std::time::{Duration, Instant};

use crate::endpoint::Body;
use crate::limits;
use crate::registration::Failure;
use crate::registration::state::{Next, leading_number, refresh_after};
use crate::wire::headers::name;
use crate::wire::{Headers, NameAddr, Uri, default_reason};

/// What to publish where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicationSettings {
    /// Whose state it is: Request-URI, From and To.
    pub identity: NameAddr,
    /// The package, such as `presence`.
    pub event: String,
    /// The proxy to send through (an `lr` is added); none = straight to the
    /// domain.
    pub outbound_proxy: Option<Uri>,
    /// How long it shall last, in seconds.
    pub expires: u32,
}

impl PublicationSettings {
    /// Ten minutes, at the domain of the identity.
    #[must_use]
    pub fn new(identity: NameAddr, event: &str) -> Self {
        Self { identity, event: event.to_owned(), outbound_proxy: None, expires: 600 }
    }
}

/// What becomes of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicationEvent {
    /// The server has it, for the first time or again.
    Published {
        /// For how many seconds.
        expires: u32,
    },
    /// The server has it not, or not any more.
    Failed {
        /// The status; where there was no answer, the one that fits.
        status: u16,
        /// The server's reason, or ours.
        reason: String,
        /// How long until the next attempt.
        retry_after: Duration,
    },
    /// It is taken back.
    Ended,
    /// It could not be taken back; it ends when its time is over.
    NotEnded {
        /// The status; where there was no answer, the one that fits.
        status: u16,
        /// The server's reason, or ours.
        reason: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Asking,
    Published,
    Waiting,
    Leaving,
    Over,
}

/// What a PUBLISH must say beside its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Expires.
    pub expires: u32,
    /// SIP-If-Match.
    pub if_match: Option<String>,
    /// The state; none = keep what is there.
    pub body: Option<Body>,
}

/// One publication.
#[derive(Debug)]
pub struct Publication {
    settings: PublicationSettings,
    state: State,
    body: Body,
    /// The body has not reached the server yet.
    fresh: bool,
    /// Something was asked for while a request was under way.
    again: bool,
    etag: Option<String>,
    expires: u32,
    delay: Duration,
}

impl Publication {
    /// Begins.
    #[must_use]
    pub fn new(settings: PublicationSettings, body: Body) -> Self {
        let expires = settings.expires;
        Self {
            settings,
            state: State::Asking,
            body,
            fresh: true,
            again: false,
            etag: None,
            expires,
            delay: Duration::from_secs(1),
        }
    }

    /// What it was begun with.
    #[must_use]
    pub fn settings(&self) -> &PublicationSettings {
        &self.settings
    }

    /// What the next PUBLISH says.
    pub fn request(&mut self) -> Publish {
        self.again = false;
        if self.state == State::Leaving {
            return Publish { expires: 0, if_match: self.etag.clone(), body: None };
        }
        let whole = self.fresh || self.etag.is_none();
        self.fresh = false;
        Publish { expires: self.expires, if_match: self.etag.clone(), body: whole.then(|| self.body.clone()) }
    }

    /// Publishes something new.
    pub fn update(&mut self, body: Body) -> Option<Next> {
        self.body = body;
        self.fresh = true;
        self.ask_again()
    }

    /// Asks again at once.
    pub fn ask_again(&mut self) -> Option<Next> {
        match self.state {
            State::Published | State::Waiting => {
                self.state = State::Asking;
                Some(Next::Ask)
            }
            State::Asking => {
                self.again = true;
                None
            }
            State::Leaving | State::Over => None,
        }
    }

    /// Is it being taken back already?
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        matches!(self.state, State::Leaving | State::Over)
    }

    /// Takes it back.
    pub fn leave(&mut self) -> Next {
        let known = self.etag.is_some() && !matches!(self.state, State::Leaving | State::Over);
        self.state = if known { State::Leaving } else { State::Over };
        if known { Next::Ask } else { Next::Over }
    }

    /// A final answer; `luck` is any number.
    pub fn handle_answer(
        &mut self,
        now: Instant,
        status: u16,
        reason: &str,
        headers: &Headers,
        luck: u32,
    ) -> (Option<PublicationEvent>, Next) {
        if self.state == State::Leaving {
            self.state = State::Over;
            let event = match status {
                // 412: it had ended by itself.
                200..=299 | 412 => PublicationEvent::Ended,
                _ => PublicationEvent::NotEnded { status, reason: reason.to_owned() },
            };
            return (Some(event), Next::Over);
        }
        let number = |name| headers.text(name).and_then(|t| leading_number(&t));
        match status {
            200..=299 => {
                let expires = number(name::EXPIRES).unwrap_or(self.expires).clamp(1, limits::MAX_EXPIRES);
                self.etag = headers.text(name::SIP_ETAG).map(|t| t.into_owned());
                self.delay = Duration::from_secs(1);
                let event = PublicationEvent::Published { expires };
                if self.again {
                    return (Some(event), Next::Ask);
                }
                self.state = State::Published;
                (Some(event), Next::Wait(now + refresh_after(expires)))
            }
            // The server has forgotten what the tag stands for (section 4.1).
            412 if self.etag.take().is_some() => (None, Next::Ask),
            423 if number(name::MIN_EXPIRES)
                .is_some_and(|n| n > self.expires && n <= limits::MAX_EXPIRES) =>
            {
                self.expires = number(name::MIN_EXPIRES).unwrap_or(self.expires);
                self.fresh = true;
                (None, Next::Ask)
            }
            _ => {
                let span = |from: u32, to: u32| Duration::from_secs((from + luck % (to - from + 1)).into());
                let delay = match (number(name::RETRY_AFTER), status) {
                    (Some(after), 404 | 413 | 480 | 486 | 500 | 503 | 600 | 603) => {
                        Duration::from_secs(after.min(limits::MAX_EXPIRES).into())
                    }
                    (_, 401 | 403 | 407 | 423) => span(60, 120),
                    // This server does not do it (405, 489, 501): seldom asked again.
                    (_, 404..=406 | 489 | 501) => Duration::from_secs(3600),
                    _ => span(60, 180),
                };
                self.failed(now, status, reason, delay)
            }
        }
    }

    /// There is no answer; `luck` is any number.
    pub fn handle_failure(
        &mut self,
        now: Instant,
        failure: &Failure,
        luck: u32,
    ) -> (Option<PublicationEvent>, Next) {
        let _ = luck;
        let (status, reason) = match failure {
            Failure::Timeout => (408, default_reason(408).to_owned()),
            Failure::Transport(text) => (503, text.clone()),
        };
        if self.state == State::Leaving {
            self.state = State::Over;
            return (Some(PublicationEvent::NotEnded { status, reason }), Next::Over);
        }
        let delay = self.delay;
        self.delay = (delay * 2).min(Duration::from_secs(30));
        self.failed(now, status, &reason, delay)
    }

    /// The time of [`Next::Wait`] has come.
    pub fn handle_timeout(&mut self) -> Option<Next> {
        self.ask_again()
    }

    fn failed(
        &mut self,
        now: Instant,
        status: u16,
        reason: &str,
        delay: Duration,
    ) -> (Option<PublicationEvent>, Next) {
        self.state = State::Waiting;
        self.fresh = true;
        let event = PublicationEvent::Failed { status, reason: reason.to_owned(), retry_after: delay };
        (Some(event), Next::Wait(now + delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Body {
        Body { content_type: "application/pidf+xml".to_owned(), data: text.into() }
    }

    fn publication() -> Publication {
        let identity = NameAddr::parse("<sip:alice@example.org>").expect("address");
        Publication::new(PublicationSettings::new(identity, "presence"), body("one"))
    }

    fn headers(list: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in list {
            headers.push(name, *value);
        }
        headers
    }

    #[test]
    fn the_body_goes_once_and_then_only_the_tag() {
        let now = Instant::now();
        let mut p = publication();
        assert_eq!(p.request(), Publish { expires: 600, if_match: None, body: Some(body("one")) });
        let h = headers(&[("SIP-ETag", "t1"), ("Expires", "100")]);
        let (event, next) = p.handle_answer(now, 200, "OK", &h, 0);
        assert_eq!(event, Some(PublicationEvent::Published { expires: 100 }));
        assert_eq!(next, Next::Wait(now + Duration::from_secs(70)));
        assert_eq!(p.handle_timeout(), Some(Next::Ask));
        assert_eq!(p.request(), Publish { expires: 600, if_match: Some("t1".into()), body: None });
        assert_eq!(p.update(body("two")), None, "one request at a time");
        let (_, next) = p.handle_answer(now, 200, "OK", &headers(&[("SIP-ETag", "t2")]), 0);
        assert_eq!(next, Next::Ask);
        assert_eq!(
            p.request(),
            Publish { expires: 600, if_match: Some("t2".into()), body: Some(body("two")) }
        );
    }

    #[test]
    fn a_forgotten_tag_publishes_all_of_it_anew() {
        let now = Instant::now();
        let mut p = publication();
        let _ = p.request();
        let _ = p.handle_answer(now, 200, "OK", &headers(&[("SIP-ETag", "t1")]), 0);
        let _ = p.handle_timeout();
        let _ = p.request();
        assert_eq!(
            p.handle_answer(now, 412, "Conditional Request Failed", &headers(&[]), 0),
            (None, Next::Ask)
        );
        assert_eq!(p.request(), Publish { expires: 600, if_match: None, body: Some(body("one")) });
        // Once more without a tag of ours is a broken server.
        let (event, _) = p.handle_answer(now, 412, "Conditional Request Failed", &headers(&[]), 0);
        assert!(matches!(event, Some(PublicationEvent::Failed { status: 412, .. })));
    }

    #[test]
    fn too_brief_refused_and_silent() {
        let now = Instant::now();
        let mut p = publication();
        let _ = p.request();
        assert_eq!(p.handle_answer(now, 423, "", &headers(&[("Min-Expires", "900")]), 0), (None, Next::Ask));
        let again = p.request();
        assert_eq!((again.expires, again.body.is_some()), (900, true));
        let (event, _) = p.handle_answer(now, 489, "Bad Event", &headers(&[]), 0);
        let Some(PublicationEvent::Failed { status: 489, retry_after, .. }) = event else {
            panic!("{event:?}")
        };
        assert_eq!(retry_after.as_secs(), 3600);
        let _ = p.handle_timeout();
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let (event, _) = p.handle_failure(now, &Failure::Timeout, 0);
            let Some(PublicationEvent::Failed { retry_after, .. }) = event else { panic!("{event:?}") };
            assert_eq!(retry_after.as_secs(), seconds);
        }
    }

    #[test]
    fn taking_it_back() {
        let now = Instant::now();
        let mut p = publication();
        assert_eq!(p.leave(), Next::Over, "the server knows nothing");
        let mut p = publication();
        let _ = p.request();
        let _ = p.handle_answer(now, 200, "OK", &headers(&[("SIP-ETag", "t")]), 0);
        assert_eq!(p.leave(), Next::Ask);
        assert_eq!(p.request(), Publish { expires: 0, if_match: Some("t".into()), body: None });
        let (event, next) = p.handle_answer(now, 200, "OK", &headers(&[]), 0);
        assert_eq!((event, next), (Some(PublicationEvent::Ended), Next::Over));
    }
}
