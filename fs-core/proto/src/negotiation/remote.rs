//! Our list against the peers': an answer's order and payload types with one, the intersection with several.

use crate::codec::Codec;
use crate::error::{InvalidCodec, NegotiationError};
use crate::media::MediaType;

use super::association::Association;
use super::rules::{self, Kinds, Masks};
use super::{Reason, Rejected, RemoteCodecs, feedback, limits};

/// An association on its way, with the remote codecs it stands for.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub association: Association,
    /// Per stream that agreed to it: index into the inputs' remotes and that peer's own codec.
    pub sources: Vec<(usize, Codec)>,
}

impl Candidate {
    pub fn new(association: Association) -> Self {
        Self { association, sources: Vec::new() }
    }
}

/// Refuses lists that no session can use.
pub(super) fn check(media_type: MediaType, remote: &RemoteCodecs) -> Result<(), NegotiationError> {
    let fail = |codec: &Codec, why| Err(NegotiationError::InvalidCodec { codec: codec.clone(), why });
    if remote.codecs.is_empty() {
        return fail(&Codec::default(), InvalidCodec::EmptyList);
    }
    limits::check_codecs(&remote.codecs)?;
    limits::check_extensions(remote.header_extensions.as_deref().unwrap_or_default())?;
    for codec in &remote.codecs {
        if codec.encoding_name.is_empty() {
            return fail(codec, InvalidCodec::NoEncodingName);
        }
        if !(0..=127).contains(&codec.id) {
            return fail(codec, InvalidCodec::PayloadType);
        }
        if codec.media_type != media_type {
            return fail(codec, InvalidCodec::MediaType);
        }
    }
    Ok(())
}

/// Takes our list through every remote list in turn. Placeholders for payload types that peers use for
/// codecs we lack come last.
pub(super) fn intersect(
    ours: Vec<Candidate>,
    remotes: &[RemoteCodecs],
    rejected: &mut Vec<Rejected>,
) -> Result<Vec<Candidate>, NegotiationError> {
    let single = remotes.len() == 1;
    let mut list = ours;
    for (index, remote) in remotes.iter().enumerate() {
        let (visible, mut hidden): (Vec<_>, Vec<_>) =
            list.into_iter().partition(|c| c.association.is_visible());
        let before = rejected.len();
        let mut pass = Pass { index, single, ours: &visible, agreed: Vec::new(), unknown: Vec::new() };
        for (position, codec) in remote.codecs.iter().enumerate() {
            let repeated = remote.codecs[..position].iter().any(|c| c.id == codec.id);
            let result = if repeated { Err(Reason::DuplicatePayloadType) } else { pass.take(codec) };
            if let Err(why) = result {
                rejected.push(Rejected { stream: Some(remote.stream), codec: codec.clone(), why });
            }
        }
        if !pass.agreed.iter().any(|c| c.association.is_sendable()) {
            return Err(NegotiationError::NothingInCommon {
                stream: remote.stream,
                offered: remote.codecs.clone(),
                had: visible.iter().map(|c| c.association.codec.clone()).collect(),
                rejected: rejected.split_off(before),
            });
        }
        hidden.extend(pass.unknown.into_iter().map(|c| Candidate::new(Association::placeholder(c))));
        list = pass.agreed;
        list.append(&mut hidden);
    }
    Ok(list)
}

/// One remote list being matched.
struct Pass<'a> {
    index: usize,
    single: bool,
    ours: &'a [Candidate],
    agreed: Vec<Candidate>,
    unknown: Vec<Codec>,
}

impl Pass<'_> {
    /// Matches one remote codec: the entry with the same payload type first, then all in order.
    fn take(&mut self, remote: &Codec) -> Result<(), Reason> {
        let by_pt = self.ours.iter().filter(|c| c.association.codec.id == remote.id);
        let others = self.ours.iter().filter(|c| c.association.codec.id != remote.id);
        let mut reason = Reason::UnknownEncoding;
        for ours in by_pt.chain(others) {
            match agree(&ours.association, remote, self.single) {
                Ok(association) => {
                    let taken = self.agreed.iter().any(|c| c.association.codec.id == association.codec.id);
                    if taken {
                        reason = Reason::AlreadyMatched;
                        continue;
                    }
                    let mut sources = ours.sources.clone();
                    sources.push((self.index, remote.clone()));
                    self.agreed.push(Candidate { association, sources });
                    return Ok(());
                }
                Err(why) => reason = more_telling(reason, why),
            }
        }
        self.unknown.push(remote.clone());
        Err(reason)
    }
}

/// Of two reasons the one that came closer to a match; the earlier one if neither did.
fn more_telling(kept: Reason, new: Reason) -> Reason {
    let rank = |reason: &Reason| match reason {
        Reason::UnknownEncoding | Reason::MediaType { .. } => 0,
        Reason::ClockRate { .. } | Reason::Channels { .. } => 1,
        Reason::AlreadyMatched => 3,
        _ => 2,
    };
    if rank(&new) > rank(&kept) { new } else { kept }
}

/// What we and a peer can agree on for one pair of codecs.
fn agree(ours: &Association, remote: &Codec, single: bool) -> Result<Association, Reason> {
    let answer = if single {
        Masks { local: Kinds::ALL, remote: Kinds::SEND }
    } else {
        Masks { local: Kinds::ALL, remote: Kinds::SEND | Kinds::AVOID }
    };
    let sending = if single {
        Masks { local: Kinds::BOTH, remote: Kinds::SEND | Kinds::AVOID }
    } else {
        Masks { local: Kinds::BOTH | Kinds::AVOID, remote: Kinds::SEND | Kinds::AVOID }
    };
    let mut codec = rules::negotiate(&ours.codec, remote, answer)?;
    let mut send_codec = rules::negotiate(&ours.send_codec, remote, sending)?;
    for result in [&mut codec, &mut send_codec] {
        result.id = if single { remote.id } else { ours.codec.id };
        result.feedback_params = feedback::intersect(&ours.codec, remote);
        result.minimum_reporting_interval =
            if single { remote.minimum_reporting_interval } else { ours.codec.minimum_reporting_interval };
    }
    Ok(Association { codec, send_codec, ..ours.clone() })
}
