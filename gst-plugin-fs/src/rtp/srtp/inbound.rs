//! What a stream decrypts with.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use fs_proto::srtp::SrtpParameters;

use super::contexts::Contexts;
use super::header::{Header, Kind};
use super::unit::Unit;

/// How long packets made with the key before are still taken: the two ends don't change at the same moment.
const OLD_KEY: Duration = Duration::from_secs(2);

/// How many SSRCs that have not proved genuine have a context.
const MAX_ATTEMPTS: usize = 16;

/// The decoders of one set of keys.
#[derive(Debug)]
struct Decoders {
    parameters: SrtpParameters,
    rtp: Option<Unit>,
    rtcp: Option<Unit>,
    /// SSRCs of which a packet was genuine, so that libsrtp knows itself how far they have come.
    settled: HashSet<(Kind, u32)>,
    /// The others that have a context, with the roll-over counter it begins with; the oldest first.
    attempts: Vec<((Kind, u32), u32)>,
}

impl Decoders {
    fn new(parameters: SrtpParameters) -> Result<Self, glib::Error> {
        let make = |kind, null: bool| match null {
            true => Ok(None),
            false => Unit::decoder(&parameters, kind).map(Some),
        };
        let rtp = make(Kind::Rtp, parameters.rtp.is_null())?;
        let rtcp = make(Kind::Rtcp, parameters.rtcp.is_null())?;
        Ok(Self { parameters, rtp, rtcp, settled: HashSet::new(), attempts: Vec::new() })
    }

    fn authenticates(&self, kind: Kind) -> bool {
        match kind {
            Kind::Rtp => self.parameters.rtp.authenticates(),
            Kind::Rtcp => self.parameters.rtcp.authenticates(),
        }
    }

    fn unit(&self, kind: Kind) -> Option<&Unit> {
        match kind {
            Kind::Rtp => self.rtp.as_ref(),
            Kind::Rtcp => self.rtcp.as_ref(),
        }
    }

    fn process(
        &mut self,
        header: Header,
        contexts: &mut Contexts,
        packet: gst::Buffer,
    ) -> Option<gst::Buffer> {
        let Header { kind, ssrc, sequence } = header;
        if self.unit(kind).is_none() {
            return Some(packet);
        }
        let key = (kind, ssrc);
        let settled = self.settled.contains(&key);
        if !settled {
            let roll_over = if kind == Kind::Rtp { contexts.guess(ssrc, sequence).roll_over } else { 0 };
            self.attempt(key, roll_over);
        }
        let plain = self.unit(kind)?.process(packet)?;
        if !settled {
            self.attempts.retain(|(attempted, _)| *attempted != key);
            self.settled.insert(key);
        }
        let forgotten = match kind {
            Kind::Rtp => contexts.saw_rtp(ssrc, sequence),
            Kind::Rtcp => contexts.saw_rtcp(ssrc),
        };
        if let Some(forgotten) = forgotten {
            self.forget(forgotten);
        }
        Some(plain)
    }

    /// Has the element make a context that begins with that roll-over counter, unless it has just that. What
    /// was guessed for a packet that was not genuine must not bind the next one.
    fn attempt(&mut self, key: (Kind, u32), roll_over: u32) {
        if self.attempts.contains(&(key, roll_over)) {
            return;
        }
        let at = self.attempts.iter().position(|(attempted, _)| *attempted == key);
        let outdated = at.or_else(|| (self.attempts.len() >= MAX_ATTEMPTS).then_some(0));
        if let Some(((kind, ssrc), _)) = outdated.map(|at| self.attempts.remove(at))
            && let Some(unit) = self.unit(kind)
        {
            unit.forget(ssrc);
        }
        self.attempts.push((key, roll_over));
        if let Some(unit) = self.unit(key.0) {
            unit.begin_with(roll_over);
        }
    }

    fn forget(&mut self, ssrc: u32) {
        for kind in [Kind::Rtp, Kind::Rtcp] {
            if self.settled.remove(&(kind, ssrc))
                && let Some(unit) = self.unit(kind)
            {
                unit.forget(ssrc);
            }
        }
    }
}

/// Decrypts what one stream receives.
#[derive(Debug)]
pub struct Decryptor {
    current: Decoders,
    previous: Option<(Decoders, Instant)>,
    contexts: Contexts,
}

impl Decryptor {
    /// Decrypts with these keys.
    ///
    /// # Errors
    /// `FS_ERROR_CONSTRUCTION` without `srtpdec`.
    pub fn new(parameters: SrtpParameters) -> Result<Self, glib::Error> {
        Ok(Self { current: Decoders::new(parameters)?, previous: None, contexts: Contexts::default() })
    }

    /// Whether these parameters are already used.
    pub fn uses(&self, parameters: &SrtpParameters) -> bool {
        self.current.parameters == *parameters
    }

    /// Goes on with what another one knows of the SSRCs, and takes packets made with its keys for a while.
    pub fn succeed(&mut self, other: Self, now: Instant) {
        self.contexts = other.contexts;
        self.previous = Some((other.current, now + OLD_KEY));
    }

    /// The plain packet; `None` if it is not genuine.
    pub fn process(&mut self, header: Header, packet: gst::Buffer) -> Option<gst::Buffer> {
        self.previous.take_if(|(_, until)| *until <= Instant::now());
        let authenticates = self.current.authenticates(header.kind);
        let Some((previous, _)) = self.previous.as_mut().filter(|_| authenticates) else {
            return self.current.process(header, &mut self.contexts, packet);
        };
        let plain = self.current.process(header, &mut self.contexts, packet.clone());
        plain.or_else(|| {
            let also = previous.authenticates(header.kind);
            also.then(|| previous.process(header, &mut self.contexts, packet)).flatten()
        })
    }
}
