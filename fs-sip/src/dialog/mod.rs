//! Dialogs (RFC 3261 section 12): who talks to whom about which call, by
//! which way, in which order.

mod cseq;
pub mod exchange;
mod id;
pub mod reliable;
mod route_set;
pub mod session_timer;
#[cfg(test)]
mod tests;

pub use cseq::{OutOfOrder, RemoteSequence};
pub use id::DialogId;
pub use route_set::RouteSet;

use crate::error::ParseError;
use crate::limits;
use crate::wire::headers::{CSeq, Contact, From, MaxForwards, RecordRoute, To, name};
use crate::wire::{Headers, Method, NameAddr, Request, Response, Uri};

/// One dialog, early or confirmed.
#[derive(Debug, Clone)]
pub struct Dialog {
    id: DialogId,
    local: NameAddr,
    remote: NameAddr,
    remote_target: Uri,
    route_set: RouteSet,
    local_cseq: u32,
    remote_sequence: RemoteSequence,
}

impl Dialog {
    /// The dialog that an answer to our request makes (section 12.1.2), early
    /// or confirmed. Where the peer gave no Contact, which it must not do, the
    /// Request-URI stands in.
    ///
    /// # Errors
    /// When the response has no To tag or one of its headers is broken.
    pub fn from_response(request: &Request, response: &Response) -> Result<Self, ParseError> {
        let (local, remote) = (response.from()?, response.to()?);
        let tag =
            remote.tag().ok_or_else(|| ParseError::new("answer without To tag", remote.to_string(), 0))?;
        let id = DialogId {
            call_id: request.call_id()?,
            local_tag: local.tag().unwrap_or_default().to_owned(),
            remote_tag: tag.to_owned(),
        };
        let mut route_set = record_routes(&response.headers)?;
        route_set.reverse();
        Ok(Self {
            id,
            remote_target: contact_uri(&response.headers)?.unwrap_or_else(|| request.uri.clone()),
            route_set: RouteSet::new(route_set),
            local_cseq: request.cseq()?.number,
            remote_sequence: RemoteSequence::unknown(),
            local,
            remote,
        })
    }

    /// The dialog that their request makes (section 12.1.1); `local_tag` goes
    /// into the To of our answers.
    ///
    /// # Errors
    /// When the request has no usable Contact or a broken header.
    pub fn from_request(request: &Request, local_tag: &str, first_cseq: u32) -> Result<Self, ParseError> {
        let (local, remote) = (request.to()?.with_tag(local_tag), request.from()?);
        let target = contact_uri(&request.headers)?;
        let target = target.ok_or_else(|| ParseError::new("request needs one Contact", "", 0))?;
        let id = DialogId {
            call_id: request.call_id()?,
            local_tag: local_tag.to_owned(),
            remote_tag: remote.tag().unwrap_or_default().to_owned(),
        };
        Ok(Self {
            id,
            remote_target: target,
            route_set: RouteSet::new(record_routes(&request.headers)?),
            local_cseq: first_cseq,
            remote_sequence: RemoteSequence::starting_with(request.cseq()?.number),
            local,
            remote,
        })
    }

    /// The name of the dialog.
    #[must_use]
    pub fn id(&self) -> &DialogId {
        &self.id
    }

    /// The peer's Contact: Request-URI of our requests.
    #[must_use]
    pub fn remote_target(&self) -> &Uri {
        &self.remote_target
    }

    /// The proxies on the way.
    #[must_use]
    pub fn route_set(&self) -> &RouteSet {
        &self.route_set
    }

    /// This side, with our tag.
    #[must_use]
    pub fn local(&self) -> &NameAddr {
        &self.local
    }

    /// The peer, with its tag.
    #[must_use]
    pub fn remote(&self) -> &NameAddr {
        &self.remote
    }

    /// The 2xx to our INVITE confirms this early dialog: target and route set
    /// are those of the 2xx (section 13.2.2.4), the numbers go on.
    ///
    /// # Errors
    /// When one of its headers is broken.
    pub fn confirm(&mut self, request: &Request, response: &Response) -> Result<(), ParseError> {
        let confirmed = Self::from_response(request, response)?;
        self.remote_target = confirmed.remote_target;
        self.route_set = confirmed.route_set;
        self.remote = confirmed.remote;
        Ok(())
    }

    /// The next request of ours; Via and Contact are added when it is sent.
    #[must_use]
    pub fn new_request(&mut self, method: Method) -> Request {
        let number = self.next_cseq();
        self.request(method, number)
    }

    /// The number of the next request of ours.
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq = (self.local_cseq + 1).min(limits::MAX_CSEQ);
        self.local_cseq
    }

    /// The ACK to a 2xx that answered our INVITE with this CSeq number.
    #[must_use]
    pub fn new_ack(&self, cseq: u32) -> Request {
        self.request(Method::Ack, cseq)
    }

    /// Judges the order of a request of the peer (section 12.2.2).
    ///
    /// # Errors
    /// When a later one has been seen: answer 500.
    pub fn check_order(&mut self, request: &Request) -> Result<(), OutOfOrder> {
        let number = request.cseq().map(|c| c.number).unwrap_or_default();
        self.remote_sequence.check(number)
    }

    /// Takes the Contact of a re-INVITE or of the 2xx to ours as new target; a
    /// message without a usable one changes nothing.
    pub fn refresh_target(&mut self, headers: &Headers) {
        if let Ok(Some(target)) = contact_uri(headers) {
            self.remote_target = target;
        }
    }

    fn request(&self, method: Method, number: u32) -> Request {
        let (uri, routes) = self.route_set.apply(&self.remote_target);
        let mut request = Request::new(method.clone(), uri);
        request.headers.push_typed(&MaxForwards(limits::MAX_FORWARDS));
        for route in routes {
            request.headers.push(name::ROUTE, route.to_string());
        }
        request.headers.push_typed(&From(self.local.clone()));
        request.headers.push_typed(&To(self.remote.clone()));
        request.headers.push(name::CALL_ID, self.id.call_id.as_bytes());
        request.headers.push_typed(&CSeq { number, method });
        request
    }
}

/// The URI of the one Contact; none where there is none, or none that names
/// an address.
fn contact_uri(headers: &Headers) -> Result<Option<Uri>, ParseError> {
    let contact = headers.typed::<Contact>()?;
    Ok(contact.and_then(|c| c.address().map(|a| a.uri.clone())).filter(Uri::is_sip))
}

fn record_routes(headers: &Headers) -> Result<Vec<NameAddr>, ParseError> {
    Ok(headers.typed_all::<RecordRoute>()?.into_iter().map(|r| r.0).collect())
}
