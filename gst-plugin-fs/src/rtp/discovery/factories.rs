//! What is installed: payloaders, depayloaders, encoders and decoders, read off the registry.
//!
//! Only the registry's copy of the static pad templates is read; no plugin is loaded and no element is made.

use fs_proto::{Codec, MediaType};
use glib::prelude::*;
use glib::translate::ToGlibPtr;
use gst::prelude::*;

/// One element factory with what its always-pads accept and give.
#[derive(Clone, Debug)]
pub(super) struct Factory {
    pub(super) name: String,
    pub(super) sink: gst::Caps,
    pub(super) src: gst::Caps,
}

/// The factories that may have a part in sessions of one media type, best first.
#[derive(Default)]
pub(super) struct Factories {
    pub(super) payloaders: Vec<Factory>,
    pub(super) depayloaders: Vec<Factory>,
    pub(super) encoders: Vec<Factory>,
    pub(super) decoders: Vec<Factory>,
    pub(super) parsers: Vec<Factory>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Payloader,
    Depayloader,
    Encoder,
    Decoder,
    Parser,
}

impl Role {
    /// The role that a factory's class path names, if any.
    fn of(klass: &str) -> Option<Self> {
        let has = |word: &str| klass.split('/').any(|part| part.trim() == word);
        let network = has("Network");
        match () {
            () if network && has("Payloader") => Some(Self::Payloader),
            () if network && (has("Depayloader") || has("Depayr")) => Some(Self::Depayloader),
            () if network => None,
            () if has("Encoder") => Some(Self::Encoder),
            () if has("Decoder") => Some(Self::Decoder),
            () if has("Parser") => Some(Self::Parser),
            () => None,
        }
    }
}

/// What the registry holds of the kinds that may have a part, best first. No caps are read yet.
pub(super) struct Installed(Vec<Candidate>);

struct Candidate {
    factory: gst::ElementFactory,
    rank: i32,
    role: Role,
}

/// Elements that are found by name and matter for what is found.
const CONVERTERS: [&str; 6] =
    ["audioconvert", "audioresample", "spanplc", "videoconvert", "videoscale", "fsvideoanyrate"];

impl Installed {
    /// Looks through the registry. Rank first, then name descending, as Farstream has always ordered its codecs.
    pub(super) fn read() -> Self {
        let mut found = Vec::new();
        for feature in gst::Registry::get().features(gst::ElementFactory::static_type()) {
            let Ok(factory) = feature.downcast::<gst::ElementFactory>() else { continue };
            let rank = i32::from(factory.rank());
            if let Some(role) = Role::of(factory.klass()).filter(|_| rank > 0) {
                found.push(Candidate { factory, rank, role });
            }
        }
        found.sort_by(|a, b| b.rank.cmp(&a.rank).then_with(|| b.factory.name().cmp(&a.factory.name())));
        Self(found)
    }

    /// Hands over everything that blueprints depend on, piece by piece and always in the same order.
    pub(super) fn describe(&self, mut tell: impl FnMut(&[u8])) {
        for candidate in &self.0 {
            tell(&candidate.rank.to_ne_bytes());
            tell(&[candidate.role as u8]);
            describe_factory(&candidate.factory, &mut tell);
        }
        for name in CONVERTERS {
            match gst::ElementFactory::find(name) {
                Some(factory) => describe_factory(&factory, &mut tell),
                None => tell(&[]),
            }
        }
    }
}

fn describe_factory(factory: &gst::ElementFactory, tell: &mut impl FnMut(&[u8])) {
    tell(factory.name().as_bytes());
    for template in factory.static_pad_templates().iter() {
        let sink = template.direction() == gst::PadDirection::Sink;
        tell(&[sink.into(), (template.presence() == gst::PadPresence::Always).into()]);
        tell(caps_text(template).to_bytes());
    }
}

/// The caps of a template as they stand in the registry, unread.
fn caps_text(template: &gst::StaticPadTemplate) -> &std::ffi::CStr {
    let raw: *const gst::ffi::GstStaticPadTemplate = template.to_glib_none().0;
    // SAFETY: a live template, which the registry never frees, no more than its caps' string; NULL is looked for.
    unsafe {
        let text = (*raw).static_caps.string;
        if text.is_null() { c"" } else { std::ffi::CStr::from_ptr(text) }
    }
}

impl Factories {
    /// Reads the caps of what may have a part in sessions of one media type.
    pub(super) fn of(installed: &Installed, media: MediaType) -> Self {
        let mut found = Self::default();
        for Candidate { factory, role, .. } in &installed.0 {
            if let Some(usable) = Factory::read(factory, *role, media) {
                found.of_role(*role).push(usable);
            }
        }
        found
    }

    fn of_role(&mut self, role: Role) -> &mut Vec<Factory> {
        match role {
            Role::Payloader => &mut self.payloaders,
            Role::Depayloader => &mut self.depayloaders,
            Role::Encoder => &mut self.encoders,
            Role::Decoder => &mut self.decoders,
            Role::Parser => &mut self.parsers,
        }
    }
}

impl Factory {
    fn read(factory: &gst::ElementFactory, role: Role, media: MediaType) -> Option<Self> {
        let (mut sink, mut src) = (gst::Caps::new_empty(), gst::Caps::new_empty());
        for template in factory.static_pad_templates().iter() {
            if template.presence() != gst::PadPresence::Always {
                continue;
            }
            match template.direction() {
                gst::PadDirection::Sink => sink.make_mut().append(template.caps()),
                gst::PadDirection::Src => src.make_mut().append(template.caps()),
                _ => {}
            }
        }
        match role {
            Role::Payloader => {
                src = rtp_of(&src, media);
                sink = media_of(&sink, media);
            }
            Role::Depayloader => {
                sink = rtp_of(&sink, media);
                src = media_of(&src, media);
            }
            Role::Encoder => src = media_of(&src, media),
            Role::Decoder => sink = media_of(&sink, media),
            Role::Parser => {
                sink = media_of(&sink, media);
                src = media_of(&src, media);
            }
        }
        let usable = |caps: &gst::Caps| !caps.is_empty();
        (usable(&sink) && usable(&src)).then(|| Self { name: factory.name().into(), sink, src })
    }
}

/// The structures that are media of that type and not RTP. Caps that accept anything say nothing about a codec.
fn media_of(caps: &gst::Caps, media: MediaType) -> gst::Caps {
    if caps.is_any() {
        return gst::Caps::new_empty();
    }
    let pictures = |name: &str| name.starts_with("video/") || name.starts_with("image/");
    let fits = |name: &str| match media {
        MediaType::Audio => name.starts_with("audio/"),
        MediaType::Video => pictures(name),
        MediaType::Application => {
            !name.starts_with("audio/") && !pictures(name) && !name.starts_with("application/x-rtp")
        }
    };
    caps.iter_with_features()
        .filter(|(s, _)| fits(s.name()))
        .map(|(s, f)| (s.to_owned(), f.to_owned()))
        .collect()
}

/// The RTP structures for that media type, each with an encoding name.
///
/// Some elements name only a static payload type; what it stands for is then taken from the assignments of
/// RFC 3551 section 6, as GStreamer's RTP library knows them.
fn rtp_of(caps: &gst::Caps, media: MediaType) -> gst::Caps {
    let mut result = gst::Caps::new_empty();
    if caps.is_any() {
        return result;
    }
    let filter = gst::Caps::builder("application/x-rtp").field("media", media.as_str()).build();
    let result_mut = result.make_mut();
    for s in caps.intersect_with_mode(&filter, gst::CapsIntersectMode::First).iter() {
        if s.has_field("encoding-name") {
            result_mut.append_structure(with_assigned_channels(s.to_owned()));
            continue;
        }
        for pt in fixed_payloads(s) {
            let Some(assigned) = assignment(pt).filter(|a| a.media_type == media) else { continue };
            let mut named = s.to_owned();
            named.set("payload", pt);
            named.set("encoding-name", assigned.encoding_name.as_str());
            if let Ok(rate) = i32::try_from(assigned.clock_rate)
                && named.get::<i32>("clock-rate").is_err()
            {
                named.set("clock-rate", rate);
            }
            result_mut.append_structure(with_assigned_channels(named));
        }
    }
    result
}

/// Adds the channel count to a static payload type that stands for more than one channel (L16 on 10).
fn with_assigned_channels(mut s: gst::Structure) -> gst::Structure {
    let assigned = s.get::<i32>("payload").ok().and_then(assignment);
    if let Some(channels) = assigned.map(|a| a.channels).filter(|c| *c > 1)
        && !s.has_field("encoding-params")
    {
        s.set("encoding-params", channels.to_string());
    }
    s
}

fn fixed_payloads(s: &gst::StructureRef) -> Vec<i32> {
    let Ok(value) = s.value("payload") else { return Vec::new() };
    match value.get::<i32>() {
        Ok(pt) => vec![pt],
        Err(_) => value
            .get::<gst::List>()
            .map(|l| l.as_slice().iter().filter_map(|v| v.get::<i32>().ok()).collect())
            .unwrap_or_default(),
    }
}

/// What a static payload type stands for (RFC 3551 section 6); `None` for dynamic and unassigned ones.
pub(super) fn assignment(pt: i32) -> Option<Codec> {
    let pt = u8::try_from(pt).ok().filter(|pt| *pt < 96)?;
    // SAFETY: the function takes any value and returns NULL or a pointer into a constant table.
    let info = unsafe { gst_rtp::ffi::gst_rtp_payload_info_for_pt(pt).as_ref() }?;
    let text = |pointer: *const std::ffi::c_char| -> Option<String> {
        if pointer.is_null() {
            return None;
        }
        // SAFETY: non-NULL strings of that constant table are NUL-terminated and live for ever.
        Some(unsafe { std::ffi::CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
    };
    let media = MediaType::from_name(&text(info.media)?)?;
    let channels = text(info.encoding_parameters).and_then(|c| c.parse().ok()).unwrap_or(0);
    Some(Codec::new(pt.into(), &text(info.encoding_name)?, media, info.clock_rate).with_channels(channels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_paths_name_roles_by_whole_words() {
        for (klass, role) in [
            ("Codec/Payloader/Network/RTP", Some(Role::Payloader)),
            ("Codec/Depayloader/Network/RTP", Some(Role::Depayloader)),
            ("Codec/Depayr/Network/RTP", Some(Role::Depayloader)),
            ("Codec/Encoder/Audio ", Some(Role::Encoder)),
            ("Codec/Audio/Decoder", Some(Role::Decoder)),
            ("Codec/Payloader", None),
            ("Codec/Decoder/Network/RTP", None),
            ("Codec/Decoder2/Audio", None),
            ("Filter/Effect/Audio", None),
        ] {
            assert!(Role::of(klass) == role, "{klass}");
        }
    }

    #[test]
    fn static_payload_types_get_their_assigned_names() {
        gst::init().unwrap();
        let caps: gst::Caps =
            "application/x-rtp,media=audio,payload={10,11},clock-rate=[1,max]".parse().unwrap();
        let named = rtp_of(&caps, MediaType::Audio);
        let expected: gst::Caps = "application/x-rtp,media=audio,payload=10,clock-rate=44100,encoding-name=L16,\
             encoding-params=(string)2; application/x-rtp,media=audio,payload=11,clock-rate=44100,encoding-name=L16"
            .parse()
            .unwrap();
        assert!(named.is_strictly_equal(&expected), "{named}");
        assert!(rtp_of(&caps, MediaType::Video).is_empty());
        assert!(assignment(96).is_none() && assignment(-1).is_none() && assignment(127).is_none());
    }
}
