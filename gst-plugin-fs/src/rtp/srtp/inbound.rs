//! What a stream decrypts with.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use fs_proto::srtp::SrtpParameters;

use super::contexts::Contexts;
use super::header::{Header, Kind};
use super::unit::Unit;

/// How long packets made with the key before are still taken: the two ends don't change at the same moment.
const OLD_KEY: Duration = Duration::from_secs(2);

/// How many contexts a `srtpdec` gets that it does not need any more: it can't let go of one before libsrtp 3
/// (GStreamer's action `remove-key` names the SSRC in the wrong order of octets), so it is replaced then.
const MAX_STALE: usize = 64;

/// Decrypts RTP, or RTCP, with one set of keys.
#[derive(Debug)]
struct Decoder {
    kind: Kind,
    /// Has contexts of SSRCs that proved genuine, so nobody else can fill it or lead it astray.
    main: Unit,
    /// Meets every SSRC first.
    trial: Unit,
    /// The SSRCs in `main`.
    settled: HashSet<u32>,
    /// The SSRCs in `trial`, with the roll-over counter each began with.
    tried: HashMap<u32, u32>,
    /// How many SSRCs in `main` were forgotten.
    stale: usize,
}

impl Decoder {
    fn new(parameters: &SrtpParameters, kind: Kind) -> Result<Self, glib::Error> {
        Ok(Self {
            kind,
            main: Unit::decoder(parameters, kind)?,
            trial: Unit::decoder(parameters, kind)?,
            settled: HashSet::new(),
            tried: HashMap::new(),
            stale: 0,
        })
    }

    fn process(
        &mut self,
        parameters: &SrtpParameters,
        header: Header,
        contexts: &mut Contexts,
        packet: gst::Buffer,
    ) -> Option<gst::Buffer> {
        let ssrc = header.ssrc;
        if !self.settled.contains(&ssrc) {
            let roll_over = match self.kind {
                Kind::Rtp => contexts.guess(ssrc, header.sequence).roll_over,
                Kind::Rtcp => 0,
            };
            self.try_first(parameters, ssrc, roll_over, packet.clone())?;
            self.main.begin_with(roll_over);
            self.settled.insert(ssrc);
        }
        let plain = self.main.process(packet)?;
        let forgotten = match self.kind {
            Kind::Rtp => contexts.saw_rtp(ssrc, header.sequence),
            Kind::Rtcp => contexts.saw_rtcp(ssrc),
        };
        if forgotten.is_some_and(|forgotten| self.settled.remove(&forgotten)) {
            self.stale += 1;
        }
        if self.stale >= MAX_STALE {
            self.renew(parameters);
        }
        Some(plain)
    }

    /// Whether the packet is genuine. What was guessed for one that is not must not bind the next one.
    fn try_first(
        &mut self,
        parameters: &SrtpParameters,
        ssrc: u32,
        roll_over: u32,
        packet: gst::Buffer,
    ) -> Option<gst::Buffer> {
        let outdated = match self.tried.get(&ssrc) {
            Some(before) => *before != roll_over,
            None => self.tried.len() >= MAX_STALE,
        };
        if outdated {
            self.trial = Unit::decoder(parameters, self.kind).ok()?;
            self.tried.clear();
        }
        self.tried.insert(ssrc, roll_over);
        self.trial.begin_with(roll_over);
        self.trial.process(packet)
    }

    /// Begins anew; the roll-over counters are known, the replay windows begin with the next packet.
    fn renew(&mut self, parameters: &SrtpParameters) {
        if let Ok(new) = Self::new(parameters, self.kind) {
            *self = new;
        }
    }
}

/// The decoders of one set of keys.
#[derive(Debug)]
struct Decoders {
    parameters: SrtpParameters,
    /// `None` where nothing is protected.
    rtp: Option<Decoder>,
    rtcp: Option<Decoder>,
}

impl Decoders {
    fn new(parameters: SrtpParameters) -> Result<Self, glib::Error> {
        let make = |kind, null: bool| match null {
            true => Ok(None),
            false => Decoder::new(&parameters, kind).map(Some),
        };
        let rtp = make(Kind::Rtp, parameters.rtp.is_null())?;
        let rtcp = make(Kind::Rtcp, parameters.rtcp.is_null())?;
        Ok(Self { parameters, rtp, rtcp })
    }

    fn authenticates(&self, kind: Kind) -> bool {
        match kind {
            Kind::Rtp => self.parameters.rtp.authenticates(),
            Kind::Rtcp => self.parameters.rtcp.authenticates(),
        }
    }

    fn process(
        &mut self,
        header: Header,
        contexts: &mut Contexts,
        packet: gst::Buffer,
    ) -> Option<gst::Buffer> {
        let decoder = match header.kind {
            Kind::Rtp => self.rtp.as_mut(),
            Kind::Rtcp => self.rtcp.as_mut(),
        };
        match decoder {
            Some(decoder) => decoder.process(&self.parameters, header, contexts, packet),
            None => Some(packet),
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

    /// Whether a packet that comes through is certainly of this stream.
    pub fn authenticates(&self, kind: Kind) -> bool {
        self.current.authenticates(kind)
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
