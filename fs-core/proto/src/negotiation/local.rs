//! Our own list: the application's preferences first, then everything else that discovery found.

use crate::codec::Codec;
use crate::error::NegotiationError;
use crate::media::MediaType;

use super::association::{Association, RECV_PROFILE, RESERVE_PT, SEND_PROFILE};
use super::payload_type::{PayloadTypes, may_claim};
use super::remote::Candidate;
use super::rules::{self, Kinds, Masks};
use super::{Inputs, LocalCapability, Reason, Rejected};

const EVERYTHING: Masks = Masks { local: Kinds::ALL, remote: Kinds::ALL };

/// What is left of a preference list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValidPreferences {
    /// The usable preferences, in their order. Empty = the default list.
    pub preferences: Vec<Codec>,
    /// The others, and why.
    pub rejected: Vec<Rejected>,
}

/// Drops the preferences nothing can come of. Profiles are checked by the caller, who knows elements; what
/// still carries one counts as valid.
pub fn validate_preferences(
    media_type: MediaType,
    capabilities: &[LocalCapability],
    preferences: &[Codec],
) -> ValidPreferences {
    let mut valid = ValidPreferences::default();
    for preference in preferences {
        match check(media_type, capabilities, preference) {
            Ok(()) => valid.preferences.push(preference.clone()),
            Err(why) => valid.rejected.push(Rejected { stream: None, codec: preference.clone(), why }),
        }
    }
    valid
}

fn check(media_type: MediaType, capabilities: &[LocalCapability], preference: &Codec) -> Result<(), Reason> {
    if preference.media_type != media_type {
        return Err(Reason::MediaType { ours: media_type, theirs: preference.media_type });
    }
    if preference.encoding_name.is_empty() {
        return Err(Reason::UnknownEncoding);
    }
    if preference.is_encoding(RESERVE_PT) {
        return if (0..=127).contains(&preference.id) { Ok(()) } else { Err(Reason::PayloadType) };
    }
    if !(Codec::ID_DISABLE..=127).contains(&preference.id) {
        return Err(Reason::PayloadType);
    }
    if preference.id == Codec::ID_DISABLE {
        return if capabilities.iter().any(|c| covers(preference, &c.codec)) {
            Ok(())
        } else {
            Err(Reason::UnknownEncoding)
        };
    }
    find_capability(capabilities, preference).map(|_| ())
}

/// The capability a preference stands for; `None` if its receive profile stands on its own.
fn find_capability(capabilities: &[LocalCapability], preference: &Codec) -> Result<Option<usize>, Reason> {
    let bare = without_profiles(preference);
    let sends_only = preference.param(SEND_PROFILE).is_some() && preference.param(RECV_PROFILE).is_none();
    let mut reason = Reason::UnknownEncoding;
    // A static payload type says which of several that fit is meant (RFC 3551 section 6: 10 and 11 are both L16).
    let (named, others): (Vec<_>, Vec<_>) =
        capabilities.iter().enumerate().partition(|(_, c)| bare.id >= 0 && c.codec.id == bare.id);
    for (index, capability) in named.into_iter().chain(others) {
        match rules::fits(&capability.codec, &bare) {
            Ok(()) if sends_only && is_renumbered(&bare, &capability.codec) => {
                let text = format!(
                    "its {SEND_PROFILE} has another payload type than what we receive, {RECV_PROFILE} is missing"
                );
                reason = Reason::Profile { text };
            }
            Ok(()) if capability.codec.clock_rate.max(bare.clock_rate) != 0 => return Ok(Some(index)),
            Ok(()) => reason = Reason::NoClockRate,
            Err(why) if reason == Reason::UnknownEncoding => reason = why,
            Err(_) => {}
        }
    }
    if preference.param(RECV_PROFILE).is_none() {
        return Err(reason);
    }
    if preference.clock_rate == 0 { Err(Reason::NoClockRate) } else { Ok(None) }
}

/// Whether a wish gives a codec with a static payload type another one.
fn is_renumbered(wish: &Codec, codec: &Codec) -> bool {
    wish.id >= 0 && (0..96).contains(&codec.id) && wish.id != codec.id
}

/// Whether a disabling preference means that codec: what it leaves open fits everything.
fn covers(preference: &Codec, codec: &Codec) -> bool {
    let fits = |wish: u32, is: u32| wish == 0 || is == 0 || wish == is;
    preference.media_type == codec.media_type
        && preference.is_encoding(&codec.encoding_name)
        && fits(preference.clock_rate, codec.clock_rate)
        && fits(preference.channels, codec.channels)
        && preference.optional_params.iter().all(|p| codec.param(&p.name).is_none_or(|v| v == p.value))
}

fn without_profiles(preference: &Codec) -> Codec {
    let mut codec = preference.clone();
    codec
        .optional_params
        .retain(|p| !p.name.eq_ignore_ascii_case(SEND_PROFILE) && !p.name.eq_ignore_ascii_case(RECV_PROFILE));
    codec
}

/// Builds the list we would offer, hidden entries last.
pub(super) fn create(
    inputs: &Inputs<'_>,
    rejected: &mut Vec<Rejected>,
) -> Result<Vec<Candidate>, NegotiationError> {
    let mut builder = Builder::new(inputs);
    builder.add_preferences();
    builder.add_capabilities();
    let Builder { entries, reserved, rejected: mut reasons, .. } = builder;
    // What can be sent stands before what can only be received, otherwise the order stays.
    let (sendable, receive_only): (Vec<_>, Vec<_>) = entries.into_iter().partition(|a| a.can_send);
    if sendable.is_empty() {
        return Err(NegotiationError::NoCodecsLeft { rejected: reasons });
    }
    rejected.append(&mut reasons);
    Ok(sendable.into_iter().chain(receive_only).chain(reserved).map(Candidate::new).collect())
}

struct Builder<'a> {
    inputs: &'a Inputs<'a>,
    previous: &'a [Association],
    pts: PayloadTypes,
    entries: Vec<Association>,
    reserved: Vec<Association>,
    /// Capabilities that a preference stands for.
    claimed: Vec<usize>,
    rejected: Vec<Rejected>,
}

impl<'a> Builder<'a> {
    fn new(inputs: &'a Inputs<'a>) -> Self {
        let previous: &[Association] = inputs.previous.map_or(&[], |p| &p.associations);
        let ids = |visible: bool| -> Vec<i32> {
            previous.iter().filter(|a| a.is_visible() == visible).map(|a| a.codec.id).collect()
        };
        Self {
            inputs,
            previous,
            pts: PayloadTypes::avoiding(ids(true), ids(false)),
            entries: Vec::new(),
            reserved: Vec::new(),
            claimed: Vec::new(),
            rejected: Vec::new(),
        }
    }

    fn reject(&mut self, codec: &Codec, why: Reason) {
        self.rejected.push(Rejected { stream: None, codec: codec.clone(), why });
    }

    /// Preferences: payload types the application named come first, then those kept or brought along, then
    /// dynamic ones.
    fn add_preferences(&mut self) {
        for preference in self.inputs.preferences {
            if preference.is_encoding(RESERVE_PT) && self.pts.take(preference.id) {
                let codec = preference.clone();
                let placeholder = Association::placeholder(codec);
                self.reserved.push(Association { reserved: true, disabled: false, ..placeholder });
            }
        }
        let mut open = Vec::new();
        for preference in self.inputs.preferences {
            if preference.is_encoding(RESERVE_PT) || preference.id == Codec::ID_DISABLE {
                continue;
            }
            match self.prepare(preference) {
                Ok(entry) if open.iter().any(|other| is_repetition(&entry, other)) => {
                    self.reject(preference, Reason::AlreadyMatched);
                }
                Ok(mut entry) => {
                    // Of two codecs that claim one payload type the later one gets another.
                    if entry.codec.id >= 0 && !self.pts.take(entry.codec.id) {
                        entry.codec.id = Codec::ID_ANY;
                    }
                    open.push(entry);
                }
                Err(why) => self.reject(preference, why),
            }
        }
        for entry in open.iter_mut().filter(|e| e.codec.id < 0) {
            if let Some(pt) = self.familiar_pt(entry) {
                entry.codec.id = pt;
            }
        }
        for mut entry in open {
            if entry.codec.id < 0 {
                match self.pts.take_dynamic() {
                    Some(pt) => entry.codec.id = pt,
                    None => {
                        self.reject(&entry.codec, Reason::NoPayloadTypeLeft);
                        continue;
                    }
                }
            }
            self.claimed.extend(entry.capability);
            self.push(entry);
        }
    }

    /// Takes the payload type the codec has now, or the one its capability brings along.
    fn familiar_pt(&mut self, entry: &Association) -> Option<i32> {
        let known = self.previous.iter().filter(|a| a.is_receivable());
        let same = known.clone().filter(|a| is_same_but_pt(&entry.codec, &a.codec));
        let agreeable = known.filter(|a| rules::negotiate(&a.codec, &entry.codec, EVERYTHING).is_ok());
        let known: Vec<i32> = same.chain(agreeable).map(|a| a.codec.id).collect();
        let brought = entry.capability.map(|index| &self.inputs.capabilities[index].codec);
        let brought = brought.filter(|c| may_claim(&c.encoding_name, c.id)).map(|c| c.id);
        let kept = known.into_iter().find(|pt| self.pts.take(*pt));
        kept.or_else(|| brought.filter(|pt| self.pts.take_new(*pt)))
    }

    /// Everything about a preferred codec but its payload type.
    fn prepare(&self, preference: &Codec) -> Result<Association, Reason> {
        let index = find_capability(self.inputs.capabilities, preference)?;
        let capability = index.map(|i| &self.inputs.capabilities[i]);
        let mut codec = without_profiles(preference);
        let profile = |name: &str| preference.param(name).map(str::to_owned);
        let (send_profile, recv_profile) = (profile(SEND_PROFILE), profile(RECV_PROFILE));
        if recv_profile.is_none() && !capability.is_some_and(|c| c.can_recv) {
            return Err(Reason::NotReceivable);
        }
        let can_send = send_profile.is_some() || capability.is_some_and(|c| c.can_send);
        if let Some(capability) = capability {
            let sink = send_profile.is_some() || !capability.can_send || capability.sink_caps_allowed;
            let src = recv_profile.is_some() || capability.src_caps_allowed;
            if !sink || !src {
                return Err(Reason::CapsNotAllowed);
            }
            complete(&mut codec, &capability.codec);
        }
        Ok(Association {
            send_codec: codec.clone(),
            codec,
            capability: index,
            send_profile,
            recv_profile,
            can_send,
            ..Association::default()
        })
    }

    /// The codecs nobody expressed a wish about.
    fn add_capabilities(&mut self) {
        let mut open = Vec::new();
        for (index, capability) in self.inputs.capabilities.iter().enumerate() {
            if self.claimed.contains(&index) {
                continue;
            }
            match self.admit(capability) {
                Ok(()) => open.push((index, self.kept_pt(index))),
                Err(why) => self.reject(&capability.codec, why),
            }
        }
        // First those with a payload type of their own, so that none of them loses it to a dynamic choice.
        for (index, pt) in &mut open {
            let codec = &self.inputs.capabilities[*index].codec;
            if pt.is_none() && may_claim(&codec.encoding_name, codec.id) && self.pts.take_new(codec.id) {
                *pt = Some(codec.id);
            }
        }
        for (index, pt) in open {
            let capability = &self.inputs.capabilities[index];
            let Some(id) = pt.or_else(|| self.pts.take_dynamic()) else {
                self.reject(&capability.codec, Reason::NoPayloadTypeLeft);
                continue;
            };
            let codec = Codec { id, ..without_profiles(&capability.codec) };
            let can_send = capability.can_send;
            self.push(Association { codec, capability: Some(index), can_send, ..Association::default() });
        }
    }

    /// Whether a capability belongs in the list by default.
    fn admit(&self, capability: &LocalCapability) -> Result<(), Reason> {
        let disables = |p: &&Codec| p.id == Codec::ID_DISABLE && covers(p, &capability.codec);
        if capability.codec.clock_rate == 0 {
            Err(Reason::NoClockRate)
        } else if self.inputs.preferences.iter().any(|p| disables(&p)) {
            Err(Reason::Disabled)
        } else if !capability.can_recv {
            Err(Reason::NotReceivable)
        } else if (capability.can_send && !capability.sink_caps_allowed) || !capability.src_caps_allowed {
            Err(Reason::CapsNotAllowed)
        } else {
            Ok(())
        }
    }

    /// Takes the payload type this capability has in the list in force, if it is free.
    fn kept_pt(&mut self, index: usize) -> Option<i32> {
        let previous = self.previous;
        previous
            .iter()
            .filter(|a| a.is_receivable() && a.capability == Some(index))
            .map(|a| a.codec.id)
            .find(|pt| self.pts.take(*pt))
    }

    fn push(&mut self, mut entry: Association) {
        entry.send_codec = entry.codec.clone();
        self.entries.push(entry);
    }
}

fn is_same_but_pt(a: &Codec, b: &Codec) -> bool {
    Codec { id: b.id, ..a.clone() }.matches(b)
}

/// Whether a preference that names no payload type says the same as an earlier one.
fn is_repetition(entry: &Association, earlier: &Association) -> bool {
    entry.codec.id < 0
        && is_same_but_pt(&entry.codec, &earlier.codec)
        && entry.send_profile == earlier.send_profile
        && entry.recv_profile == earlier.recv_profile
}

/// A preference inherits what it leaves open.
fn complete(codec: &mut Codec, from: &Codec) {
    if codec.clock_rate == 0 {
        codec.clock_rate = from.clock_rate;
    }
    if codec.channels == 0 {
        codec.channels = from.channels;
    }
    for parameter in &without_profiles(from).optional_params {
        if codec.param(&parameter.name).is_none() {
            codec.optional_params.push(parameter.clone());
        }
    }
}
