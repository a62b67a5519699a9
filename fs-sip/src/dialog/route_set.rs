//! Route sets, loose and strict (RFC 3261 sections 12.2.1.1 and 16.12.1).

use crate::wire::{NameAddr, Uri};

/// The proxies a request inside a dialog visits, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteSet(Vec<NameAddr>);

impl RouteSet {
    /// In the order the request visits them.
    #[must_use]
    pub fn new(routes: Vec<NameAddr>) -> Self {
        Self(routes)
    }

    /// Is there no proxy?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Request-URI and Route values for a request to `target`. A first proxy
    /// without `lr` is a strict router: it stands in the Request-URI, and the
    /// target is the last Route.
    #[must_use]
    pub fn apply(&self, target: &Uri) -> (Uri, Vec<NameAddr>) {
        match self.0.first() {
            Some(first) if !first.uri.params().contains("lr") => {
                let rest = self.0[1..].iter().cloned();
                let routes = rest.chain([NameAddr::new(target.clone())]).collect();
                (first.uri.to_request_uri(), routes)
            }
            _ => (target.to_request_uri(), self.0.clone()),
        }
    }
}
