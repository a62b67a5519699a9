//! A receiver's jitter buffer for RTP (RFC 3550): order, losses and playout times of one source.
//!
//! ```text
//!  push ─ JitterBuffer ┬ Arrivals, Spacing  jitter, and how far apart packets are        spacing.rs
//!                      ├ PacketRate         what jump of sequence numbers is credible    rate.rs
//!                      ├ Aside              packets behind an incredible jump              aside.rs
//!                      ├ Skew               from RTP timestamps to playout times         skew.rs
//!                      ├ Gap                when missing packets were due               gap.rs
//!  pop ─               └ Queue              packets in order, events among them          queue.rs
//! ```
//! Packets in order come out at once with the time at which they are due, less the latency: who plays them waits. Only
//! the first one and those behind a gap stay in the buffer, until the latency after their time is over.
//!
//! Times are nanoseconds of one running time, `_ns`. Behaves like GStreamer's `rtpjitterbuffer` in its mode `slave` with
//! `do-lost`, except that earlier packets that come while the first one waits are not lost, and that packets behind
//! others change nothing in the timing.

mod aside;
mod gap;
mod queue;
mod rate;
mod skew;
mod spacing;

use aside::{Arrived, Aside};
use gap::Gap;
use queue::{Entry, Queue, Queued};
use rate::PacketRate;
use skew::{Place, Skew};
use spacing::{Arrivals, Spacing};

/// What the buffer holds before it stops waiting, for the first packet or for missing ones. Twice as much is never held:
/// packets are refused as late. Behind three times as much, what was appended is dropped, too.
pub const MAX_QUEUED: usize = 10_000;

/// Sequence numbers without wraps begin after one turn: those of earlier packets stay positive.
const FIRST_TURN: u64 = 1 << 16;

/// How the buffer works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long missing packets are waited for; 200 ms.
    pub latency_ns: u64,
    /// What is added to all times that come out; 0. Missing packets are waited for so much longer, too.
    pub offset_ns: i64,
    /// A jump ahead over that much media is too far (RFC 3550 appendix A.1); 60,000. At 0 it is 3000 packets.
    pub max_dropout_ms: u32,
    /// A jump back over more media is too far; 2000. At 0 it is 100 packets.
    pub max_misorder_ms: u32,
    /// Whether a new packet drives the oldest one out when they are the latency apart; no.
    pub drop_on_latency: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            latency_ns: 200_000_000,
            offset_ns: 0,
            max_dropout_ms: 60_000,
            max_misorder_ms: 2000,
            drop_on_latency: false,
        }
    }
}

/// The fields of the RTP header that count here (RFC 3550 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The sequence number.
    pub sequence_number: u16,
    /// The timestamp, in ticks of the clock rate.
    pub timestamp: u32,
    /// The payload type.
    pub payload_type: u8,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It will come out.
    Kept,
    /// Dropped: it, or one behind it, came out or was given up already. Also when no clock rate is known, after
    /// [`JitterBuffer::finish`] and when the buffer is full.
    Late,
    /// Dropped: it is there already.
    Duplicate,
    /// Put aside, as it is too far from the expected one. Some that follow decide.
    Waiting,
    /// The sender began anew: what was queued is dropped; this packet and those that waited for it are in the queue.
    Restarted,
}

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Out<T> {
    /// A packet.
    Packet {
        /// As it was put in.
        packet: T,
        /// Its sequence number.
        sequence_number: u16,
        /// Its smoothed running time plus [`Config::offset_ns`], 0 at least. The latency is not in it.
        time_ns: u64,
        /// Whether packets before it are lost or dropped.
        discontinuous: bool,
    },
    /// Packets that are not waited for any longer.
    Lost {
        /// The first one.
        sequence_number: u16,
        /// How many.
        count: u32,
        /// When the first one was due, as in `Packet`.
        time_ns: u64,
        /// What they would have covered; 0 while that cannot be told.
        duration_ns: u64,
    },
    /// What was appended.
    Other(T),
}

/// Packets since the buffer was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// That came out.
    pub pushed: u64,
    /// That were given up. One that comes afterwards is late, too.
    pub lost: u64,
    /// That were dropped as [`Outcome::Late`].
    pub late: u64,
    /// That were dropped as [`Outcome::Duplicate`].
    pub duplicates: u64,
}

/// How RTP timestamps relate to running time, in extended timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The timestamp at the beginning.
    pub base_rtp_time: u64,
    /// Its running time, corrected by the clocks' skew so far.
    pub base_time_ns: u64,
    /// In hertz.
    pub clock_rate: u32,
    /// The newest packet's timestamp.
    pub last_rtp_time: u64,
}

/// The packet that came out last.
#[derive(Clone, Copy, Debug)]
struct Last {
    timestamp: u32,
    time_ns: u64,
}

/// The jitter buffer of one source.
#[derive(Debug)]
pub struct JitterBuffer<T> {
    config: Config,
    queue: Queue<T>,
    aside: Aside<T>,
    skew: Skew,
    arrivals: Arrivals,
    spacing: Spacing,
    rate: PacketRate,
    /// The sequence number behind the highest one that came.
    next_in: Option<u64>,
    /// The one that comes out next; none while the first one waits.
    next_out: Option<u64>,
    last: Option<Last>,
    /// From where the times of missing packets are counted.
    reference_ns: Option<u64>,
    discontinuous: bool,
    finished: bool,
    counters: Counters,
}

impl<T> JitterBuffer<T> {
    /// An empty buffer. Until [`Self::set_clock_rate`] it takes no packets.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            queue: Queue::new(),
            aside: Aside::new(),
            skew: Skew::new(),
            arrivals: Arrivals::default(),
            spacing: Spacing::default(),
            rate: PacketRate::default(),
            next_in: None,
            next_out: None,
            last: None,
            reference_ns: None,
            discontinuous: false,
            finished: false,
            counters: Counters::default(),
        }
    }

    /// The present configuration.
    pub fn config(&self) -> Config {
        self.config
    }

    /// Takes effect at once, also for what is waited for.
    pub fn configure(&mut self, config: Config) {
        self.config = config;
    }

    /// The clock rate of the packets that follow, in hertz; 0 is ignored. Another one than before begins the timing
    /// anew, what is queued keeps its times.
    pub fn set_clock_rate(&mut self, hz: u32) {
        if hz == 0 || hz == self.skew.clock_rate() {
            return;
        }
        self.skew.set_clock_rate(hz);
        self.arrivals.interrupt();
        self.spacing.interrupt();
        self.rate = PacketRate::default();
    }

    /// Takes a packet that arrived at `arrival_ns`. Before a clock rate is known it is dropped as late.
    pub fn push(&mut self, header: Header, arrival_ns: u64, now_ns: u64, packet: T) -> Outcome {
        let clock_rate = self.skew.clock_rate();
        if clock_rate == 0 || self.finished || self.queue.len() >= 2 * MAX_QUEUED {
            return self.late();
        }
        self.arrivals.on_packet(arrival_ns, header.timestamp, clock_rate);
        self.rate.on_packet(header.sequence_number, header.timestamp, clock_rate);
        let arrived = Arrived { header, arrival_ns, packet };
        let gap = self.gap(header.sequence_number);
        if gap != 0 {
            let max_dropout = i64::from(self.rate.max_dropout(self.config.max_dropout_ms));
            let max_misorder = i64::from(self.rate.max_misorder(self.config.max_misorder_ms));
            if gap > 0 && self.missing() >= max_dropout.unsigned_abs() {
                // So much is missing that it is better to begin anew.
                self.restart(vec![arrived], now_ns);
                return Outcome::Restarted;
            }
            if gap >= max_dropout || gap < -max_misorder {
                let Some(packets) = self.aside.put(arrived) else { return Outcome::Waiting };
                self.restart(packets, now_ns);
                return Outcome::Restarted;
            }
        }
        self.aside.clear();
        self.insert(arrived, now_ns)
    }

    /// Puts in something that keeps its place behind all that is there now, also when packets are dropped. It is
    /// dropped itself if three times [`MAX_QUEUED`] are there.
    pub fn append(&mut self, other: T) {
        if self.queue.len() < 3 * MAX_QUEUED {
            self.queue.append(other);
        }
    }

    /// What is ready now; call until there is nothing.
    pub fn pop(&mut self, now_ns: u64) -> Option<Out<T>> {
        let Entry::Packet(head) = self.queue.front()? else {
            return self.take();
        };
        let gap = self.gap_before(head);
        if self.ready_ns(head, gap) > now_ns {
            return None;
        }
        let came_ns = head.came_ns;
        match gap {
            Some(gap) => Some(self.lose(gap, came_ns)),
            None => self.take(),
        }
    }

    /// When [`Self::pop`] gives something without another packet; 0 if it does now. None if nothing is queued.
    pub fn deadline_ns(&self) -> Option<u64> {
        match self.queue.front()? {
            Entry::Packet(head) => Some(self.ready_ns(head, self.gap_before(head))),
            Entry::Other(_) => Some(0),
        }
    }

    /// When the packet in front and the last one are to be played: time plus [`Config::latency_ns`] and [`Config::offset_ns`].
    pub fn playouts_ns(&self) -> Option<[u64; 2]> {
        match (self.queue.front()?, self.queue.last_packet()?) {
            (Entry::Packet(head), last) => Some([head, last].map(|packet| self.due_ns(packet.time_ns))),
            (Entry::Other(_), _) => None,
        }
    }

    /// Nothing comes any more: what is there comes out without waiting, with the gaps as lost packets. What is put
    /// aside is dropped.
    pub fn finish(&mut self) {
        self.finished = true;
        self.aside.clear();
    }

    /// Forgets everything but configuration, clock rate and counters: the next packet is a first one.
    pub fn clear(&mut self) {
        let clock_rate = self.skew.clock_rate();
        *self = Self { counters: self.counters, ..Self::new(self.config) };
        self.set_clock_rate(clock_rate);
    }

    /// Whether nothing is queued. Packets put aside do not count.
    pub fn is_empty(&self) -> bool {
        self.queue.len() == 0
    }

    /// How much is queued, packets and others. Packets put aside do not count.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The average jitter of arrivals (RFC 3550 section 6.4.1).
    pub fn jitter_ns(&self) -> u64 {
        self.arrivals.jitter_ns()
    }

    /// How timestamps relate to running time; none before the first packet.
    pub fn timing(&self) -> Option<Timing> {
        self.skew.timing()
    }

    /// The extended timestamp nearest to the newest packet's.
    pub fn extend(&self, timestamp: u32) -> u64 {
        self.skew.extend(timestamp)
    }

    fn late(&mut self) -> Outcome {
        self.counters.late += 1;
        Outcome::Late
    }

    /// How far a packet is ahead of the expected one.
    fn gap(&self, sequence_number: u16) -> i64 {
        self.next_in.map_or(0, |next| sequence_number.wrapping_sub(next as u16).cast_signed().into())
    }

    /// How many packets are waited for.
    fn missing(&self) -> u64 {
        let first = self.next_out.or_else(|| self.queue.first_packet().map(|first| first.sequence));
        let (Some(first), Some(next)) = (first, self.next_in) else { return 0 };
        (next - first).saturating_sub(self.queue.packets() as u64)
    }

    /// Begins anew with these packets, that are in order. They are not held back: earlier ones would have come.
    fn restart(&mut self, packets: Vec<Arrived<T>>, now_ns: u64) {
        self.queue.drop_packets();
        self.aside.clear();
        self.skew.reset();
        self.spacing.interrupt();
        self.rate.interrupt();
        self.next_in = None;
        self.next_out = packets.first().map(|first| FIRST_TURN | u64::from(first.header.sequence_number));
        self.last = None;
        self.reference_ns = None;
        self.discontinuous = true;
        for packet in packets {
            self.insert(packet, now_ns);
        }
    }

    fn insert(&mut self, arrived: Arrived<T>, now_ns: u64) -> Outcome {
        let Arrived { header: Header { sequence_number, timestamp, .. }, arrival_ns, packet } = arrived;
        if self.config.drop_on_latency {
            self.drop_oldest();
        }
        let gap = self.gap(sequence_number);
        let next = self.next_in.unwrap_or(FIRST_TURN | u64::from(sequence_number));
        let sequence = next.saturating_add_signed(gap);
        let mut place = self.queue.len();
        if gap < 0 {
            if self.next_out.is_some_and(|next| sequence < next) {
                return self.late();
            }
            let Some(found) = self.queue.place(sequence) else {
                self.counters.duplicates += 1;
                return Outcome::Duplicate;
            };
            place = found;
        } else {
            self.next_in = Some(sequence + 1);
        }
        let stands = match gap {
            0 => Place::Expected,
            1.. => Place::Ahead,
            _ => Place::Behind,
        };
        let time_ns = self.skew.time_ns(timestamp, arrival_ns, stands, self.config.latency_ns);
        match stands {
            Place::Expected => self.spacing.on_packet(timestamp, time_ns),
            Place::Ahead | Place::Behind => self.spacing.interrupt(),
        }
        self.queue.insert(place, Queued { sequence, timestamp, time_ns, came_ns: now_ns, packet });
        Outcome::Kept
    }

    /// Makes room if the queue is longer than the latency.
    fn drop_oldest(&mut self) {
        let (Some(Entry::Packet(first)), Some(last)) = (self.queue.front(), self.queue.last_packet()) else {
            return;
        };
        let ticks = last.timestamp.wrapping_sub(first.timestamp).cast_signed().max(0);
        let span_ns = skew::scale(ticks.unsigned_abs().into(), self.skew.clock_rate());
        if self.config.latency_ns == 0 || span_ns < self.config.latency_ns {
            return;
        }
        let (sequence, timestamp, time_ns) = (first.sequence, first.timestamp, first.time_ns);
        self.counters.lost += self.next_out.map_or(0, |next| sequence - next);
        self.queue.pop_front();
        self.next_out = Some(sequence + 1);
        self.pass(timestamp, time_ns);
        self.discontinuous = true;
    }

    /// Nothing is waited for any longer.
    fn impatient(&self) -> bool {
        self.finished || self.queue.len() >= MAX_QUEUED
    }

    fn due_ns(&self, time_ns: u64) -> u64 {
        time_ns.saturating_add(self.config.latency_ns).saturating_add_signed(self.config.offset_ns)
    }

    /// When the first packet of the queue comes out, or the gap before it is passed over.
    fn ready_ns(&self, head: &Queued<T>, gap: Option<Gap>) -> u64 {
        match gap {
            _ if self.impatient() => 0,
            Some(gap) => self.due_ns(gap.estimate_ns),
            None if self.next_out.is_none() => self.due_ns(head.time_ns),
            None => 0,
        }
    }

    fn gap_before(&self, head: &Queued<T>) -> Option<Gap> {
        let first = self.next_out.filter(|next| *next < head.sequence)?;
        let count = head.sequence - first;
        Some(match self.reference_ns.filter(|_| self.arrivals.equidistant()) {
            Some(reference) => Gap::regular(first, count, reference, head.time_ns, self.spacing.ns()),
            None => Gap::irregular(first, count, head.time_ns),
        })
    }

    /// Gives up the first missing packet, or all that could not be waited for when the gap was seen at `came_ns`.
    fn lose(&mut self, gap: Gap, came_ns: u64) -> Out<T> {
        let wait_ns = self.due_ns(0);
        let too_late = gap.is_regular() && came_ns > self.due_ns(gap.estimate_ns);
        let loss = if too_late { gap.too_late(wait_ns) } else { gap.one() };
        self.counters.lost += loss.count;
        self.next_out = Some(gap.first + loss.count);
        self.reference_ns = Some(loss.reference_ns);
        self.discontinuous = true;
        Out::Lost {
            sequence_number: gap.first as u16,
            count: u32::try_from(loss.count).unwrap_or(u32::MAX),
            time_ns: gap.estimate_ns.saturating_add_signed(self.config.offset_ns),
            duration_ns: loss.duration_ns,
        }
    }

    fn take(&mut self) -> Option<Out<T>> {
        let queued = match self.queue.pop_front()? {
            Entry::Packet(queued) => queued,
            Entry::Other(other) => return Some(Out::Other(other)),
        };
        let time_ns = self.pass(queued.timestamp, queued.time_ns);
        self.next_out = Some(queued.sequence + 1);
        self.counters.pushed += 1;
        Some(Out::Packet {
            packet: queued.packet,
            sequence_number: queued.sequence as u16,
            time_ns: time_ns.saturating_add_signed(self.config.offset_ns),
            discontinuous: std::mem::take(&mut self.discontinuous),
        })
    }

    /// The time of a packet that leaves the queue. The skew changed while reordered ones came: their times still go
    /// the way of their timestamps.
    fn pass(&mut self, timestamp: u32, time_ns: u64) -> u64 {
        let time_ns = match self.last {
            Some(last) => match timestamp.wrapping_sub(last.timestamp).cast_signed() {
                0 => last.time_ns,
                1.. => time_ns.max(last.time_ns),
                _ => time_ns,
            },
            None => time_ns,
        };
        self.last = Some(Last { timestamp, time_ns });
        self.reference_ns = Some(time_ns);
        time_ns
    }
}

#[cfg(test)]
mod tests;
