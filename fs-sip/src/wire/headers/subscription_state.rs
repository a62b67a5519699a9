//! Subscription-State (RFC 6665 section 8.2.3).

use std::fmt;

use super::{TypedHeader, name};
use crate::error::ParseError;
use crate::wire::{Params, is_token};

/// How a subscription stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionState {
    /// `active`, `pending`, `terminated`, in lower case; others count as
    /// active.
    pub state: String,
    /// `reason`, `expires`, `retry-after`.
    pub params: Params,
}

impl SubscriptionState {
    /// `active` or `pending` for so many seconds more.
    #[must_use]
    pub fn lasting(state: &str, expires: u32) -> Self {
        let mut params = Params::new();
        params.set("expires", Some(&expires.to_string()));
        Self { state: state.to_owned(), params }
    }

    /// `terminated` for this reason.
    #[must_use]
    pub fn terminated(reason: &str) -> Self {
        let mut params = Params::new();
        params.set("reason", Some(reason));
        Self { state: "terminated".to_owned(), params }
    }

    /// Is it over?
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.state == "terminated"
    }

    /// Why it is over, in lower case.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.params.raw("reason").map(str::to_ascii_lowercase)
    }

    /// How many seconds it lasts.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.params.raw("expires")?.parse().ok()
    }

    /// After how many seconds it may be tried again.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        self.params.raw("retry-after")?.parse().ok()
    }
}

impl TypedHeader for SubscriptionState {
    const NAME: &'static str = name::SUBSCRIPTION_STATE;

    fn parse_value(text: &str) -> Result<Self, ParseError> {
        let end = text.find(';').unwrap_or(text.len());
        let state = text[..end].trim();
        if !is_token(state) {
            return Err(ParseError::new("subscription state is not a token", text, 0));
        }
        Ok(Self { state: state.to_ascii_lowercase(), params: Params::parse_header(&text[end..])? })
    }
}

impl fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.state, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_is_written() {
        let text = "terminated;reason=probation;retry-after=30";
        let state = SubscriptionState::parse_value(text).expect(text);
        assert!(state.is_terminated());
        assert_eq!((state.reason().as_deref(), state.retry_after()), (Some("probation"), Some(30)));
        assert_eq!(state.to_string(), text);
        let state = SubscriptionState::lasting("active", 600);
        assert_eq!((state.to_string().as_str(), state.expires()), ("active;expires=600", Some(600)));
        let odd = SubscriptionState::parse_value("Terminated ; Reason=NoResource").expect("odd case");
        assert_eq!(odd.reason().as_deref(), Some("noresource"));
        assert!(SubscriptionState::parse_value(";expires=1").is_err());
    }
}
