//! Last touches on an agreed list: what stays for decoding, stream descriptions, rules between codecs.

use crate::codec::Codec;
use crate::error::NegotiationError;
use crate::hdrext::RtpHeaderExtension;
use crate::media::{MediaType, StreamDirection};
use crate::tfrc::RTT_SENDTS;

use super::association::{Association, Associations};
use super::remote::Candidate;
use super::rules::{self, Kinds, Masks};
use super::{Inputs, NegotiatedStream, Outcome, Reason, Rejected, feedback, hdrext, limits};

const TELEPHONE_EVENT: &str = "telephone-event";

pub(super) fn finish(
    inputs: &Inputs<'_>,
    mut agreed: Vec<Candidate>,
    mut rejected: Vec<Rejected>,
) -> Result<Outcome, NegotiationError> {
    let mut header_extensions = hdrext::negotiate(inputs);
    lonely_telephone_events(&mut agreed, &mut rejected);
    if !agreed.iter().any(|c| c.association.is_sendable()) {
        return Err(nothing_left(inputs, &agreed, rejected));
    }
    reconcile_tfrc(inputs.media_type, &mut agreed, &mut header_extensions);
    if let Some(previous) = inputs.previous {
        for entry in &mut agreed {
            keep_config(&mut entry.association, &previous.associations);
        }
    }
    for entry in &mut agreed {
        let association = &mut entry.association;
        association.need_config = association.is_visible() && rules::lacks_config(&association.codec);
    }
    let streams = inputs
        .remotes
        .iter()
        .enumerate()
        .map(|(index, remote)| NegotiatedStream { stream: remote.stream, codecs: seen_by(&agreed, index) })
        .collect();
    let associations = with_hidden(agreed, inputs.previous);
    let changed = inputs.previous.is_none_or(|p| associations.differs(&p.associations));
    Ok(Outcome { associations, streams, header_extensions, rejected, changed })
}

/// Hides telephone events at a clock rate that no other codec has (RFC 4733 section 2.1).
fn lonely_telephone_events(agreed: &mut [Candidate], rejected: &mut Vec<Rejected>) {
    let rates: Vec<u32> = agreed
        .iter()
        .map(|c| &c.association)
        .filter(|a| a.is_visible() && !a.codec.is_encoding(TELEPHONE_EVENT))
        .map(|a| a.codec.clock_rate)
        .collect();
    for entry in agreed {
        let codec = &entry.association.codec;
        let clock_rate = codec.clock_rate;
        let is_event = entry.association.is_visible() && codec.is_encoding(TELEPHONE_EVENT);
        if is_event && !rates.contains(&clock_rate) {
            let why = Reason::NoCodecWithClockRate { clock_rate };
            rejected.push(Rejected { stream: None, codec: codec.clone(), why });
            entry.association.disabled = true;
        }
    }
}

/// The error for a list of which only telephone events were left.
fn nothing_left(inputs: &Inputs<'_>, had: &[Candidate], rejected: Vec<Rejected>) -> NegotiationError {
    match inputs.remotes.last() {
        Some(remote) => NegotiationError::NothingInCommon {
            stream: remote.stream,
            offered: remote.codecs.clone(),
            had: had.iter().map(|c| c.association.codec.clone()).collect(),
            rejected,
        },
        None => NegotiationError::NoCodecsLeft { rejected },
    }
}

/// TFRC needs its feedback, PLI and its header extension together; what is left of it alone is removed.
fn reconcile_tfrc(media: MediaType, agreed: &mut [Candidate], extensions: &mut Vec<RtpHeaderExtension>) {
    let is_ours = |e: &RtpHeaderExtension| e.uri.eq_ignore_ascii_case(RTT_SENDTS);
    let has_extension = media == MediaType::Video
        && extensions.iter().any(|e| is_ours(e) && e.direction == StreamDirection::BOTH);
    let mut used = false;
    for association in agreed.iter_mut().map(|c| &mut c.association).filter(|a| a.is_visible()) {
        let codec = &association.codec;
        if has_extension && association.can_send && feedback::has(codec, "nack", "pli") {
            used |= feedback::has(codec, "tfrc", "");
            continue;
        }
        for codec in [&mut association.codec, &mut association.send_codec] {
            codec.feedback_params.retain(|p| !p.kind.eq_ignore_ascii_case("tfrc"));
        }
    }
    if !used {
        extensions.retain(|e| !is_ours(e));
    }
}

/// Keeps the stream description already gathered for the same way of sending.
fn keep_config(association: &mut Association, previous: &Associations) {
    let wanted = rules::without_config(&association.send_codec);
    let (same_pt, others): (Vec<_>, Vec<_>) =
        previous.visible().partition(|p| p.codec.id == association.codec.id);
    let known = same_pt.into_iter().chain(others).find(|p| {
        let mut codec = rules::without_config(&p.send_codec);
        codec.id = wanted.id;
        codec.matches(&wanted)
    });
    let Some(known) = known else { return };
    for parameter in known.codec.optional_params.iter().filter(|p| rules::is_config(&known.codec, &p.name)) {
        if association.codec.param(&parameter.name).is_none() {
            association.codec.optional_params.push(parameter.clone());
        }
    }
}

/// The list with one peer's stream descriptions.
fn seen_by(agreed: &[Candidate], index: usize) -> Vec<Codec> {
    let visible = agreed.iter().filter(|c| c.association.is_visible());
    visible
        .map(|entry| {
            let mut codec = entry.association.codec_without_config();
            let source = entry.sources.iter().find(|(stream, _)| *stream == index);
            if let Some((_, remote)) = source {
                let config = remote.optional_params.iter().filter(|p| rules::is_config(remote, &p.name));
                codec.optional_params.extend(config.cloned());
            }
            codec
        })
        .collect()
}

/// Visible entries first; then those hidden ones, old and new, whose payload types are free.
fn with_hidden(agreed: Vec<Candidate>, previous: Option<&Outcome>) -> Associations {
    let (mut list, hidden): (Vec<_>, Vec<_>) =
        agreed.into_iter().map(|c| c.association).partition(Association::is_visible);
    let carried = previous.into_iter().flat_map(|p| p.associations.iter()).map(|a| Association {
        recv_only: a.is_receivable(),
        need_config: false,
        ..a.clone()
    });
    // What can be decoded comes before a mere placeholder of the same payload type.
    let (decodable, mute): (Vec<_>, Vec<_>) =
        hidden.into_iter().chain(carried).partition(Association::is_receivable);
    for entry in decodable.into_iter().chain(mute) {
        let id = entry.codec.id;
        if (0..=127).contains(&id) && !list.iter().any(|a| a.codec.id == id) {
            list.push(entry);
        }
    }
    Associations(list)
}

/// The codecs of `new` that must reach the peer again: those that agree with one of `old` but describe their
/// stream differently (`fs_session_codecs_need_resend`). No session has more than [`limits::MAX_CODECS`]; what stands
/// behind them in either list is not looked at.
pub fn codecs_need_resend(old: &[Codec], new: &[Codec]) -> Vec<Codec> {
    let bounded = |list: &[Codec]| list.len().min(limits::MAX_CODECS);
    let (old, new) = (&old[..bounded(old)], &new[..bounded(new)]);
    let masks = Masks { local: Kinds::ALL, remote: Kinds::ALL };
    let config = |codec: &Codec| -> Vec<(String, String)> {
        let mut list: Vec<_> = codec
            .optional_params
            .iter()
            .filter(|p| rules::is_config(codec, &p.name))
            .map(|p| (p.name.to_ascii_lowercase(), p.value.clone()))
            .collect();
        list.sort();
        list
    };
    new.iter()
        .filter(|n| {
            let same_pt = old.iter().filter(|o| o.id == n.id);
            let known = same_pt.chain(old).find(|o| {
                rules::negotiate(&rules::without_config(o), &rules::without_config(n), masks).is_ok()
            });
            known.is_some_and(|o| config(o) != config(n))
        })
        .cloned()
        .collect()
}
