//! What a registration means for the other requests of its identity: the way
//! they go (RFC 3608) and the Contact they bear (RFC 5626, RFC 5627).

use super::core::EndpointCore;
use crate::registration::Registration;
use crate::registration::state::route;
use crate::transport::{Local, Protocol};
use crate::wire::headers::{Contact, Privacy, RecordRoute, Route, name};
use crate::wire::{Method, NameAddr, Request, Scheme, Uri};

impl EndpointCore {
    /// The registration of this address of record, as far as it stands.
    fn registered_as(&self, identity: &Uri) -> Option<&Registration> {
        let mut all = self.registrations.values();
        all.find(|r| r.is_registered() && r.settings().identity.uri.same_user(identity))
    }

    /// Gives a request outside any dialog the way that its sender's registrar
    /// wants it to go, unless it has one: Service-Route, or the proxy that the
    /// REGISTER went through.
    pub(super) fn add_route_of_identity(&self, request: &mut Request) {
        let inside = request.to().is_ok_and(|to| to.tag().is_some());
        let never = matches!(request.method, Method::Register | Method::Ack | Method::Cancel);
        if inside || never || request.headers.get(name::ROUTE).is_some() {
            return;
        }
        let Some(identity) = request.identity() else { return };
        let Some(registration) = self.registered_as(&identity) else { return };
        match (registration.service_route(), &registration.settings().outbound_proxy) {
            ([], None) => {}
            ([], Some(proxy)) => request.headers.push(name::ROUTE, route(proxy)),
            (routes, _) => {
                for route in routes {
                    request.headers.push(name::ROUTE, route.to_string());
                }
            }
        }
    }

    /// Our Contact in a request.
    pub(super) fn contact_of_request(&self, request: &Request, local: Local) -> String {
        let route = request.headers.typed::<Route>().ok().flatten();
        let first = route.as_ref().map_or(&request.uri, |r| &r.0.uri);
        // RFC 3261 section 8.1.1.8.
        let secure = is_sips(&request.uri) || is_sips(first);
        self.contact_as(request.identity().as_ref(), local, secure, is_private(request))
    }

    /// Our Contact in a response that makes or refreshes a dialog.
    pub(super) fn contact_of_response(&self, request: &Request, local: Local) -> String {
        let route = request.headers.typed::<RecordRoute>().ok().flatten().map(|r| r.0.uri);
        let contact = || {
            let contact = request.headers.typed::<Contact>().ok().flatten();
            contact.and_then(|c| c.address().map(|a| a.uri.clone()))
        };
        // RFC 3261 section 12.1.1.
        let secure = is_sips(&request.uri) || route.or_else(contact).is_some_and(|uri| is_sips(&uri));
        self.contact_as(request.to().ok().map(|t| t.uri).as_ref(), local, secure, false)
    }

    fn contact_as(&self, identity: Option<&Uri>, local: Local, secure: bool, private: bool) -> String {
        let registration = identity.and_then(|uri| self.registered_as(uri));
        if let Some(gruu) = registration.and_then(Registration::gruu).filter(|_| !private) {
            let gruu = if secure { gruu.to_sips() } else { gruu.clone() };
            return NameAddr::new(gruu).to_string();
        }
        let user = registration.and_then(|r| r.settings().contact_user.as_deref());
        let user = if private { Some("anonymous") } else { user };
        let mut uri = self.contact_uri(local, user);
        if secure {
            uri = uri.to_sips();
            if let Some(params) = uri.params_mut() {
                // `sips:` says it already; of WebSocket it must say which.
                params.remove("transport");
                if local.protocol == Protocol::Wss {
                    params.set("transport", Some(Protocol::Ws.parameter()));
                }
            }
        }
        // Requests of this dialog shall come by the same flow (RFC 5626 section 4.3).
        if registration.is_some_and(Registration::is_outbound)
            && let Some(params) = uri.params_mut()
        {
            params.set("ob", None);
        }
        NameAddr::new(uri).to_string()
    }
}

/// Must the Contact not tell who we are (RFC 3323 section 4.1.1.2)?
fn is_private(request: &Request) -> bool {
    let asked = request.headers.typed::<Privacy>().ok().flatten();
    let asked = asked.is_some_and(|p| ["id", "user", "header"].iter().any(|what| p.asks_for(what)));
    // Later requests of such a call say nothing but From.
    let hidden = |from: NameAddr| from.uri.host().is_some_and(|h| h.to_string() == "anonymous.invalid");
    asked || request.from().is_ok_and(hidden)
}

fn is_sips(uri: &Uri) -> bool {
    *uri.scheme() == Scheme::Sips
}
