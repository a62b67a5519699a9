//! The round trip of checks over the pairs in use (`currentRoundTripTime` of W3C's statistics), in `stats`.
//!
//! libnice tells nothing of its checks, and what it receives of STUN it keeps to itself. So one more check is sent now and then, as RFC
//! 7675 has it for consent, and its answer is seen in the socket, ahead of libnice, which drops what answers no request of its own.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::select_all;
use gio::prelude::{SocketExt, SocketExtManual};
use glib::subclass::prelude::*;

use super::agent::Agent;
use super::event_loop::{self, EventLoop};
use super::stream::NiceStreamTransmitter;
use super::{CAT, check, lock};
use crate::transmitter::rawudp::{self, stun::Id};

/// Checks of one pair are so far from each other (RFC 7675 section 5.1).
const INTERVAL: Duration = Duration::from_secs(5);
/// An answer is waited for so long.
const PATIENCE: Duration = Duration::from_secs(2);
/// The answer begins within so many octets, whatever a relay puts around it.
const BEGINNING: usize = 256;
/// Ahead of libnice's sources in the same loop, and behind them.
const AHEAD: glib::Priority = glib::Priority::HIGH;
const BEHIND: glib::Priority = glib::Priority::LOW;

/// A check that is to be sent.
struct Check {
    agent: Arc<Agent>,
    stream: u32,
    component: u32,
    /// Where the component's packets are received.
    home: Arc<EventLoop>,
    request: Vec<u8>,
    id: Id,
}

impl NiceStreamTransmitter {
    /// Measures the component now, and all of them from time to time as long as there is a link.
    pub(super) fn measure(&self, component: u32) {
        self.check(component);
        if !std::mem::replace(&mut lock(&self.state).measuring, true) {
            self.measure_later();
        }
    }

    fn measure_later(&self) {
        let Some(events) = lock(&self.state).link.as_ref().map(|link| link.agent.events().clone()) else {
            return;
        };
        let weak = self.obj().downgrade();
        events.post_after(INTERVAL, move || {
            if let Some(stream) = weak.upgrade() {
                let imp = stream.imp();
                let components = lock(&imp.state).paths.len();
                (1u32..).take(components).for_each(|component| imp.check(component));
                imp.measure_later();
            }
        });
    }

    /// What a check of the component's pair needs; `None` without a pair that it could go over.
    fn prepare(&self, component: u32) -> Option<Check> {
        let state = lock(&self.state);
        let link = state.link.as_ref().filter(|link| {
            let checks = !link.compatibility.has_own_credentials() && !link.agent.is_reliable();
            // The peer's credentials are those of the newest link.
            checks && state.next.is_none()
        })?;
        state.pairs.get(component as usize - 1)?.as_ref()?;
        let mut id = Id::default();
        rawudp::random(&mut id);
        let ours = link.agent.local_credentials(link.id);
        let request = check::request(&id, component, &ours, state.remote.as_ref()?);
        let home = link.transmitter.imp().home().ok()?;
        Some(Check { agent: link.agent.clone(), stream: link.id, component, home, request, id })
    }

    /// Sends a check, in the thread that receives.
    fn check(&self, component: u32) {
        let Some(check) = self.prepare(component) else { return };
        let weak = self.obj().downgrade();
        let home = check.home.clone();
        home.post(move || {
            let sockets = check.agent.sockets(check.stream, check.component);
            let answers: Vec<_> =
                sockets.into_iter().map(|socket| Box::pin(seen(socket, check.id))).collect();
            if answers.is_empty() {
                return;
            }
            let sent = Instant::now();
            check.agent.send(check.stream, check.component, &check.request);
            event_loop::begin(AHEAD, async move {
                let answer = glib::future_with_timeout(PATIENCE, select_all(answers)).await;
                if let (Ok(_), Some(stream)) = (answer, weak.upgrade()) {
                    stream.imp().note_round_trip(check.component, sent.elapsed());
                }
            });
        });
    }

    fn note_round_trip(&self, component: u32, time: Duration) {
        gst::log!(CAT, "component {component}: a check took {time:?}");
        if let Some(place) = lock(&self.state).round_trips.get_mut(component as usize - 1) {
            *place = Some(time);
        }
    }
}

/// Ends when the answer to that request is the next packet in the socket.
async fn seen(socket: gio::Socket, id: Id) {
    while !socket.is_closed() {
        let none = gio::Cancellable::NONE;
        SocketExtManual::create_source_future(&socket, glib::IOCondition::IN, none, AHEAD).await;
        if next_holds(&socket, &id) {
            return;
        }
        // libnice takes the packet.
        glib::timeout_future_with_priority(BEHIND, Duration::ZERO).await;
    }
    std::future::pending().await
}

/// Whether the next packet holds that id. The packet stays where it is.
fn next_holds(socket: &gio::Socket, id: &Id) -> bool {
    let mut beginning = [0u8; BEGINNING];
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: the place has the size that is told.
    let got =
        unsafe { libc::recv(socket.as_raw_fd(), beginning.as_mut_ptr().cast(), beginning.len(), flags) };
    let got = usize::try_from(got).unwrap_or_default();
    beginning.get(..got).is_some_and(|packet| packet.windows(id.len()).any(|part| part == id))
}
