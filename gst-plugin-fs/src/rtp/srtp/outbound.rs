//! What a session encrypts with.

use fs_core::Error;
use fs_proto::srtp::SrtpParameters;

use super::contexts::{Context, Contexts};
use super::header::{Header, Kind};
use super::unit::Unit;

/// The encoders of one key.
#[derive(Debug)]
pub struct Encoders {
    /// `None` where nothing is to be protected.
    rtp: Option<Unit>,
    rtcp: Option<Unit>,
}

impl Encoders {
    /// Makes them and tries them with a packet each.
    ///
    /// # Errors
    /// `FS_ERROR_CONSTRUCTION` or `FS_ERROR_INVALID_ARGUMENTS` if the installed srtp plugin can't do it.
    pub fn new(parameters: &SrtpParameters) -> Result<Self, glib::Error> {
        let make = |kind, null: bool| match null {
            true => Ok(None),
            false => tried(parameters, kind).map(Some),
        };
        Ok(Self {
            rtp: make(Kind::Rtp, parameters.rtp.is_null())?,
            rtcp: make(Kind::Rtcp, parameters.rtcp.is_null())?,
        })
    }

    fn of(&self, kind: Kind) -> Option<&Unit> {
        match kind {
            Kind::Rtp => self.rtp.as_ref(),
            Kind::Rtcp => self.rtcp.as_ref(),
        }
    }

    /// Brings libsrtp, which begins every key at 0, to where each SSRC is, by packets that are never sent.
    pub fn catch_up(&self, from: &Contexts, to: &Contexts) {
        for context in to.iter() {
            self.catch_up_one(from.get(context.ssrc), context);
        }
    }

    fn catch_up_one(&self, from: Option<&Context>, to: &Context) {
        let ssrc = to.ssrc;
        if let (Some(unit), Some(index)) = (&self.rtp, to.rtp) {
            match from.and_then(|context| context.rtp) {
                None => index.steps().for_each(|sequence| drop(unit.process(filler_rtp(ssrc, sequence)))),
                Some(before) if before < index => drop(unit.process(filler_rtp(ssrc, index.sequence))),
                Some(_) => {}
            }
        }
        if let Some(unit) = &self.rtcp {
            for _ in from.map_or(0, |context| context.rtcp)..to.rtcp {
                drop(unit.process(filler_rtcp(ssrc)));
            }
        }
    }
}

fn tried(parameters: &SrtpParameters, kind: Kind) -> Result<Unit, glib::Error> {
    let trial = match kind {
        Kind::Rtp => filler_rtp(0, 0),
        Kind::Rtcp => filler_rtcp(0),
    };
    if Unit::encoder(parameters, kind)?.process(trial).is_none() {
        let (rtp, rtcp) = (parameters.rtp, parameters.rtcp);
        let text = format!(
            "the installed 'srtpenc' refuses cipher '{}' with auth '{}' for RTP and '{}' with '{}' for RTCP",
            rtp.cipher.nick(),
            rtp.auth.nick(),
            rtcp.cipher.nick(),
            rtcp.auth.nick()
        );
        return Err(glib::Error::new(Error::InvalidArguments, &text));
    }
    Unit::encoder(parameters, kind)
}

fn filler_rtp(ssrc: u32, sequence: u16) -> gst::Buffer {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(ssrc.to_be_bytes());
    packet.push(0);
    gst::Buffer::from_slice(packet)
}

fn filler_rtcp(ssrc: u32) -> gst::Buffer {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    gst::Buffer::from_slice(packet)
}

/// What becomes of a packet.
#[derive(Debug)]
pub enum Outcome {
    /// It goes on.
    Pass(gst::Buffer),
    /// It goes nowhere.
    Drop,
    /// It goes nowhere because it could not be encrypted, for the first time with this key.
    Failed,
}

/// Encrypts what a session sends, or lets it pass.
#[derive(Debug, Default)]
pub struct Outbound {
    parameters: Option<SrtpParameters>,
    encoders: Option<Encoders>,
    contexts: Contexts,
    failed: bool,
}

impl Outbound {
    /// Whether these parameters are already used.
    pub fn uses(&self, parameters: Option<&SrtpParameters>) -> bool {
        self.parameters.as_ref() == parameters
    }

    /// How far each SSRC has come.
    pub fn contexts(&self) -> &Contexts {
        &self.contexts
    }

    /// Encrypts with another key from now on; the encoders were brought to `since` before.
    pub fn switch(&mut self, parameters: SrtpParameters, encoders: Encoders, since: &Contexts) {
        encoders.catch_up(since, &self.contexts);
        *self = Self {
            parameters: Some(parameters),
            encoders: Some(encoders),
            contexts: std::mem::take(&mut self.contexts),
            failed: false,
        };
    }

    /// Encrypts nothing from now on. Sequence numbers go on, and their count with them: a key that comes back
    /// must not meet an index twice.
    pub fn stop(&mut self) {
        self.parameters = None;
        self.encoders = None;
    }

    /// Encrypts a packet.
    pub fn process(&mut self, kind: Kind, packet: gst::Buffer) -> Outcome {
        let header = Header::read(kind, &packet);
        let Some(encoders) = &self.encoders else {
            let known = header.filter(|h| h.kind == Kind::Rtp && self.contexts.get(h.ssrc).is_some());
            if let Some(header) = known {
                let _ = self.contexts.saw_rtp(header.ssrc, header.sequence);
            }
            return Outcome::Pass(packet);
        };
        let Some(header) = header else { return Outcome::Drop };
        let Some(unit) = encoders.of(header.kind) else { return Outcome::Pass(packet) };
        let Some(packet) = unit.process(packet) else {
            let first = !std::mem::replace(&mut self.failed, true);
            return if first { Outcome::Failed } else { Outcome::Drop };
        };
        // An SSRC that is forgotten for this one keeps its context in libsrtp, until the key changes.
        let _ = match header.kind {
            Kind::Rtp => self.contexts.saw_rtp(header.ssrc, header.sequence),
            Kind::Rtcp => self.contexts.saw_rtcp(header.ssrc),
        };
        Outcome::Pass(packet)
    }
}
