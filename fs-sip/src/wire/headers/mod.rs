//! Header lines: an ordered list that keeps every byte, and typed views.

mod address;
mod contact;
mod content_type;
mod cseq;
mod event;
mod max_forwards;
pub mod name;
mod option_tags;
mod privacy;
mod reason;
mod reliability;
mod replaces;
mod retry_after;
mod session_expires;
mod subscription_state;
mod warning;

use std::borrow::Cow;
use std::fmt;

use super::params::glance;
use crate::error::ParseError;

pub use address::{
    AssertedIdentity, From, Path, PreferredIdentity, RecordRoute, ReferTo, ReferredBy, Route, To,
};
pub use contact::Contact;
pub use content_type::ContentType;
pub use cseq::CSeq;
pub use event::EventType;
pub use max_forwards::MaxForwards;
pub use option_tags::{Accept, Require, Supported, has_option};
pub use privacy::Privacy;
pub use reason::Reason;
pub use reliability::{RAck, RSeq};
pub use replaces::Replaces;
pub use retry_after::RetryAfter;
pub use session_expires::{MinSe, Refresher, SessionExpires};
pub use subscription_state::SubscriptionState;
pub use warning::Warning;

/// One header: its long name and one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    name: Cow<'static, str>,
    value: Vec<u8>,
}

impl Header {
    /// The name: long form, registered spelling where it is a known one.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, unfolded and without surrounding white space.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The value as text; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.value)
    }
}

/// A header with a grammar of its own.
pub trait TypedHeader: Sized + fmt::Display {
    /// Long name.
    const NAME: &'static str;

    /// Reads one value.
    ///
    /// # Errors
    /// When the value breaks the grammar of this header.
    fn parse_value(text: &str) -> Result<Self, ParseError>;
}

/// All headers of a message in order. Headers whose grammar is a comma-separated
/// list are kept as one entry a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<Header>);

impl Headers {
    /// No headers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No headers, and room for some.
    pub(crate) fn with_capacity(headers: usize) -> Self {
        Self(Vec::with_capacity(headers))
    }

    /// Appends one value. The name is taken in any form; line ends in the
    /// value become spaces, so a value can never become a second header.
    pub fn push(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        let mut value = value.into();
        for b in &mut value {
            if matches!(*b, b'\r' | b'\n') {
                *b = b' ';
            }
        }
        self.0.push(Header { name: name::canonical(name), value });
    }

    /// Appends a value without line ends under a name in its long form.
    pub(crate) fn push_read(&mut self, name: Cow<'static, str>, value: &[u8]) {
        self.0.push(Header { name, value: value.to_vec() });
    }

    /// Appends a typed header.
    pub fn push_typed<T: TypedHeader>(&mut self, header: &T) {
        self.push(T::NAME, header.to_string());
    }

    /// Puts one value in front of all others.
    pub fn push_front(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.push(name, value);
        self.0.rotate_right(1);
    }

    /// Replaces the first value of this name, or appends it.
    pub fn set_first(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.push(name, value);
        if let Some(i) = self.position(&name::canonical(name))
            && i + 1 < self.0.len()
        {
            self.0.swap_remove(i);
        }
    }

    /// Removes all values of this name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|h| !h.name.eq_ignore_ascii_case(name));
    }

    /// Removes the first value of this name.
    pub(crate) fn remove_first(&mut self, name: &str) {
        if let Some(i) = self.position(name) {
            self.0.remove(i);
        }
    }

    /// Keeps the first `n` headers.
    pub(crate) fn truncate(&mut self, n: usize) {
        self.0.truncate(n);
    }

    /// The first value of this (long) name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.first(name).map(Header::value)
    }

    /// The first value as text, bytes that are no UTF-8 replaced.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.first(name).map(Header::text)
    }

    /// All headers of this (long) name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Header> {
        self.0.iter().filter(move |h| h.name.eq_ignore_ascii_case(name))
    }

    /// The first value in its type; `None` where there is no such header.
    ///
    /// # Errors
    /// When the value breaks its grammar.
    pub fn typed<T: TypedHeader>(&self) -> Result<Option<T>, ParseError> {
        self.all(T::NAME).next().map(|h| T::parse_value(&h.text())).transpose()
    }

    /// One parameter of the first value of a header that was read before;
    /// `Some("")` where it has no value.
    pub(crate) fn parameter(&self, name: &str, parameter: &str) -> Option<&str> {
        self.get(name).and_then(|value| glance(value, parameter))
    }

    /// All values in their type.
    ///
    /// # Errors
    /// When one of them breaks its grammar.
    pub fn typed_all<T: TypedHeader>(&self) -> Result<Vec<T>, ParseError> {
        self.all(T::NAME).map(|h| T::parse_value(&h.text())).collect()
    }

    /// Copies all values of this name from another message.
    pub fn copy_from(&mut self, other: &Self, name: &str) {
        self.0.extend(other.all(name).cloned());
    }

    /// All headers in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Header> {
        self.0.iter()
    }

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn first(&self, name: &str) -> Option<&Header> {
        self.0.iter().find(|h| h.name.len() == name.len() && h.name.eq_ignore_ascii_case(name))
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|h| h.name.eq_ignore_ascii_case(name))
    }
}
