//! Messages of conferences, sorted by the stream that they are about.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fs_core::messages::{self, Parsed};
use fs_core::{Session, Stream};
use glib::prelude::*;

use super::fault;
use crate::media::{MediaEvent, MediaEvents};

/// Where the messages of one stream go.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) session: Session,
    pub(super) stream: Stream,
    pub(super) events: MediaEvents,
}

pub(super) type Routes = Arc<Mutex<Vec<Route>>>;

pub(super) fn lock(routes: &Routes) -> MutexGuard<'_, Vec<Route>> {
    routes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Turns a message of a conference into an event of its stream.
pub(super) fn dispatch(routes: &Routes, message: &gst::Message) {
    let Some(parsed) = messages::parse(message) else { return };
    let events = |found: &dyn Fn(&Route) -> bool| {
        lock(routes).iter().find(|route| found(route)).map(|route| route.events.clone())
    };
    let of_stream = |stream: &Stream| events(&|route| route.stream == *stream);
    let of_session = |session: &Session| events(&|route| route.session == *session);
    let (events, event) = match parsed {
        Parsed::NewLocalCandidate { stream, candidate } => {
            (of_stream(&stream), MediaEvent::LocalCandidate(candidate))
        }
        Parsed::LocalCandidatesPrepared { stream } => {
            (of_stream(&stream), MediaEvent::LocalCandidatesPrepared)
        }
        Parsed::NegotiationNeeded { stream, candidates } => {
            (of_stream(&stream), MediaEvent::LocalCandidatesReplaced(candidates))
        }
        Parsed::CodecsChanged { session } => (of_session(&session), MediaEvent::CodecsChanged),
        Parsed::SendCodecChanged { session, codec, .. } => {
            (of_session(&session), MediaEvent::SendCodecChanged(codec))
        }
        Parsed::RecvCodecsChanged { stream, codecs } => {
            (of_stream(&stream), MediaEvent::RecvCodecsChanged(codecs))
        }
        Parsed::TelephonyEventReceived { stream, event, .. } => {
            (of_stream(&stream), MediaEvent::DigitReceived(event))
        }
        Parsed::NewActiveCandidatePair { stream, local, remote } => {
            (of_stream(&stream), MediaEvent::ActivePair { local, remote })
        }
        Parsed::ComponentStateChanged { stream, component, state } => {
            (of_stream(&stream), MediaEvent::ComponentState { component, state })
        }
        Parsed::Error { src_object, code, text } => {
            let found = events(&|route: &Route| {
                route.session.upcast_ref::<glib::Object>() == &src_object
                    || route.stream.upcast_ref::<glib::Object>() == &src_object
            });
            let fatal = code.is_fatal() || code == fs_core::Error::ConnectionFailed;
            let error = fault(glib::Error::new(code, &text));
            (found, MediaEvent::Failed { error, fatal })
        }
        _ => return,
    };
    if let Some(events) = events {
        events.send(event);
    }
}
