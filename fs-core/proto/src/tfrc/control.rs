//! Rate control of one session: everybody we hear, and everybody who hears us.

use std::collections::BTreeMap;
use std::time::Duration;

use super::wire::{Feedback, Stamp, widen};
use super::{DataLimited, Pacer, Receiver, Report, Sender, Variant};

/// How many SSRCs are kept. Anybody who can send us packets can make up new ones.
pub const MAX_SOURCES: usize = 64;

/// A longer round trip is a mistake (section 4.3 of RFC 5348 gives no bound).
const LONGEST_RTT: Duration = Duration::from_secs(10);

/// Who is silent for longer does not count beside others.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);

/// What a packet needs to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sending {
    /// How long it has to wait.
    pub wait: Duration,
    /// What it must carry, if it leaves after that wait.
    pub stamp: Stamp,
}

/// One SSRC that reports to us.
#[derive(Clone, Debug)]
struct Outlet {
    sender: Sender,
    limited: DataLimited,
    /// The newest stamp it named, as a moment of ours.
    named: Option<Duration>,
    heard: Duration,
}

/// One SSRC that we report to.
#[derive(Clone, Debug)]
struct Inlet {
    receiver: Receiver,
    /// Its last packet had no stamp: it does not want reports.
    mute: bool,
    /// A report is due.
    due: bool,
    heard: Duration,
}

/// The state of a session.
#[derive(Clone, Debug)]
pub struct Control {
    epoch: Duration,
    variant: Variant,
    /// What the sender of whoever reports first will begin with.
    alone: Sender,
    outlets: BTreeMap<u32, Outlet>,
    inlets: BTreeMap<u32, Inlet>,
    pacer: Pacer,
}

impl Control {
    /// A session that neither sent nor received.
    pub fn new(variant: Variant, now: Duration) -> Self {
        Self {
            epoch: now,
            variant,
            alone: Sender::new(variant, now),
            outlets: BTreeMap::new(),
            inlets: BTreeMap::new(),
            pacer: Pacer::default(),
        }
    }

    /// Bytes per second that may be sent: what the slowest way carries. None while nobody has reported: the rate that was
    /// configured stands. A peer may have agreed to reports and never send one; section 4.4 of RFC 5348 would have it get a
    /// packet a minute in the end.
    pub fn byte_rate(&self) -> Option<f64> {
        self.slowest().map(Sender::byte_rate)
    }

    fn slowest(&self) -> Option<&Sender> {
        let senders = self.outlets.values().map(|outlet| &outlet.sender);
        senders.min_by(|a, b| a.byte_rate().total_cmp(&b.byte_rate()))
    }

    /// A packet of that many bytes is about to leave. Before the first report nothing waits: the first picture comes at
    /// once, and the report with it.
    pub fn on_sending(&mut self, now: Duration, size: usize) -> Sending {
        let rate = self.slowest().and_then(|slowest| Some((slowest.byte_rate(), slowest.rtt()?)));
        let wait = match rate {
            Some((byte_rate, rtt)) => self.pacer.on_packet(now, size, byte_rate, rtt),
            None => Duration::ZERO,
        };
        for outlet in self.outlets.values_mut() {
            outlet.sender.on_packet(size);
            if !wait.is_zero() {
                outlet.limited.on_held_back(now);
            }
        }
        self.alone.on_packet(size);
        // Receivers far away must not take one loss event for several.
        let longest = self.outlets.values().filter_map(|outlet| outlet.sender.rtt()).max();
        let time = (now + wait).saturating_sub(self.epoch).as_micros() as u32;
        Sending { wait, stamp: Stamp { rtt: longest.unwrap_or_default(), time } }
    }

    /// A packet with a stamp came; `None` if it has none. True if a report should go out at once.
    pub fn on_packet(
        &mut self,
        now: Duration,
        ssrc: u32,
        sequence: u16,
        stamp: Option<Stamp>,
        size: usize,
    ) -> bool {
        if !self.inlets.contains_key(&ssrc) && (stamp.is_none() || !self.make_room(now)) {
            return false;
        }
        let inlet = self.inlets.entry(ssrc).or_insert_with(|| Inlet {
            receiver: Receiver::new(self.variant, now),
            mute: false,
            due: false,
            heard: now,
        });
        inlet.mute = stamp.is_none();
        inlet.heard = now;
        let Some(stamp) = stamp else { return false };
        let wanted = inlet.receiver.on_packet(now, sequence, stamp, size);
        inlet.due |= wanted;
        wanted
    }

    /// Room for another source: one that was silent for long may go.
    fn make_room(&mut self, now: Duration) -> bool {
        if self.inlets.len() < MAX_SOURCES {
            return true;
        }
        let silent = self.inlets.iter().min_by_key(|(_, inlet)| inlet.heard);
        let silent = silent.filter(|(_, inlet)| now.saturating_sub(inlet.heard) > LONGEST_SILENCE);
        let Some(ssrc) = silent.map(|(ssrc, _)| *ssrc) else { return false };
        self.inlets.remove(&ssrc).is_some()
    }

    /// The reports that go into an RTCP packet that leaves now, each with the SSRC it is about.
    pub fn feedback(&mut self, now: Duration) -> Vec<(u32, Feedback)> {
        let due = self.inlets.iter_mut().filter(|(_, inlet)| inlet.due && !inlet.mute);
        due.filter_map(|(ssrc, inlet)| {
            inlet.due = false;
            Some((*ssrc, inlet.receiver.feedback(now)?))
        })
        .collect()
    }

    /// A report about us came. False if it can't be right or is older than another one.
    ///
    /// It names a packet that came, so something was received: a rate of 0 is no measurement, but what RFC 5348 section 6.3
    /// has in the first report, and Farstream under GStreamer 1.22 in all of them.
    pub fn on_feedback(&mut self, now: Duration, reporter: u32, feedback: &Feedback) -> bool {
        if feedback.receive_byte_rate == 0 {
            return false;
        }
        let clock = now.saturating_sub(self.epoch).as_micros() as u64;
        let sent = widen(feedback.time.into(), 32, clock);
        let Some(rtt) = clock.checked_sub(sent).map(Duration::from_micros) else { return false };
        let Some(rtt) = rtt.checked_sub(feedback.delay) else { return false };
        if rtt > LONGEST_RTT {
            return false;
        }
        if !self.outlets.contains_key(&reporter) && self.outlets.len() >= MAX_SOURCES {
            return false;
        }
        let sent = self.epoch + Duration::from_micros(sent);
        let alone = &self.alone;
        let outlet = self.outlets.entry(reporter).or_insert_with(|| Outlet {
            sender: alone.clone(),
            limited: DataLimited::default(),
            named: None,
            heard: now,
        });
        outlet.heard = now;
        if outlet.named > Some(sent) {
            return false;
        }
        outlet.named = Some(sent);
        let mean = outlet.sender.rtt().unwrap_or(rtt);
        let report = Report {
            rtt,
            receive_byte_rate: feedback.receive_byte_rate.into(),
            loss_event_rate: feedback.loss_event_rate,
            data_limited: outlet.limited.on_feedback(now, sent, mean),
        };
        outlet.sender.on_report(now, &report);
        true
    }

    /// The source left, or another took its place: its silence is no congestion.
    pub fn forget(&mut self, ssrc: u32) {
        self.outlets.remove(&ssrc);
        self.inlets.remove(&ssrc);
    }

    /// When [`Self::on_deadline`] must be called next.
    pub fn deadline(&self) -> Option<Duration> {
        let inlets = self.inlets.values().filter(|inlet| !inlet.mute && !inlet.due);
        let reports = inlets.filter_map(|inlet| inlet.receiver.deadline());
        reports.chain(self.outlets.values().map(|outlet| outlet.sender.deadline())).min()
    }

    /// Does what is due. True if a report should go out at once; the rate may have changed.
    pub fn on_deadline(&mut self, now: Duration) -> bool {
        if self.outlets.len() > 1 {
            // Who has left must not hold back the others.
            self.outlets.retain(|_, outlet| now.saturating_sub(outlet.heard) <= LONGEST_SILENCE);
        }
        for outlet in self.outlets.values_mut().filter(|outlet| outlet.sender.deadline() <= now) {
            outlet.sender.on_deadline(now);
        }
        let mut wanted = false;
        for inlet in self.inlets.values_mut().filter(|inlet| !inlet.mute) {
            if inlet.receiver.deadline().is_some_and(|deadline| deadline <= now) {
                inlet.due |= inlet.receiver.on_deadline(now);
                wanted |= inlet.due;
            }
        }
        wanted
    }
}

#[cfg(test)]
impl Control {
    /// How many receivers of ours are kept.
    pub(super) fn outlets_for_test(&self) -> usize {
        self.outlets.len()
    }
}
