//! From single elements to whole chains: payloaders meet depayloaders on RTP caps, both meet coders on media caps.

use fs_proto::{Codec, MediaType};

use super::blueprint::{Blueprint, required_channels};
use super::caps::{caps_to_codec, first_string};
use super::factories::{Factories, Factory, assignment};

/// All codecs that can be sent and received, in the order in which they are offered.
pub(super) fn combine(factories: &Factories, converters: &Converters, media: MediaType) -> Vec<Blueprint> {
    let mut found: Vec<Blueprint> = Vec::new();
    for depayloader in &factories.depayloaders {
        for payloader in &factories.payloaders {
            let rtp = payloader.src.intersect_with_mode(&depayloader.sink, gst::CapsIntersectMode::First);
            for structure in static_types_first(&rtp) {
                let pair = Pair::new(payloader, depayloader, structure, factories);
                if let Some(blueprint) = pair.and_then(|p| p.blueprint(structure, converters, media)) {
                    add(&mut found, blueprint);
                }
            }
        }
    }
    drop_dynamic_twins(&mut found);
    keep_payload_types_apart(&mut found);
    // More than most networks carry: only before nothing at all.
    found.sort_by_key(|b| is_raw(&b.media_caps));
    found
}

fn static_types_first(rtp: &gst::Caps) -> Vec<&gst::StructureRef> {
    let mut structures: Vec<_> = rtp.iter().collect();
    structures.sort_by_key(|s| s.get::<i32>("payload").is_err());
    structures
}

/// Takes a blueprint in, or only its elements as alternatives where the codec is known already.
fn add(found: &mut Vec<Blueprint>, new: Blueprint) {
    let Some(known) = found.iter_mut().find(|b| b.codec.matches(&new.codec)) else {
        found.push(new);
        return;
    };
    if known.media_caps.can_intersect(&new.media_caps) {
        merge_stages(&mut known.send, new.send);
        merge_stages(&mut known.recv, new.recv);
    }
}

/// Adds alternatives stage by stage; chains of another length are another way to do it and are left out.
fn merge_stages(known: &mut [Vec<String>], new: Vec<Vec<String>>) {
    if known.len() != new.len() {
        return;
    }
    for (stage, alternatives) in known.iter_mut().zip(new) {
        for name in alternatives {
            if !stage.contains(&name) {
                stage.push(name);
            }
        }
    }
}

/// A codec with a static payload type needs no second entry on a dynamic one, unless that one carries other
/// rates (L16).
fn drop_dynamic_twins(found: &mut Vec<Blueprint>) {
    let fixed: Vec<String> =
        found.iter().filter(|b| b.codec.id >= 0).map(|b| b.codec.encoding_name.clone()).collect();
    found.retain(|b| {
        let several_rates = b.codec.clock_rate == 0
            && b.media_caps.iter().any(|s| s.has_field("rate") && s.get::<i32>("rate").is_err());
        b.codec.id >= 0 || several_rates || !fixed.iter().any(|name| b.codec.is_encoding(name))
    });
}

/// Two codecs must not share a payload type in an offer: the one it is assigned to keeps it, else the first.
fn keep_payload_types_apart(found: &mut Vec<Blueprint>) {
    let assigned =
        |b: &Blueprint| assignment(b.codec.id).is_some_and(|a| b.codec.is_encoding(&a.encoding_name));
    let mut owners: Vec<(i32, String)> = Vec::new();
    for pass in [true, false] {
        for b in found.iter().filter(|b| b.codec.id >= 0 && assigned(b) == pass) {
            if !owners.iter().any(|(id, _)| *id == b.codec.id) {
                owners.push((b.codec.id, b.codec.to_string()));
            }
        }
    }
    found.retain(|b| {
        b.codec.id < 0 || owners.iter().any(|(id, text)| *id == b.codec.id && *text == b.codec.to_string())
    });
}

/// A payloader and a depayloader that speak the same RTP, with the coders that fit between.
struct Pair<'a> {
    payloader: &'a Factory,
    depayloader: &'a Factory,
    media: gst::Caps,
    encoders: Vec<&'a Factory>,
    /// Between encoder and payloader.
    packagers: Vec<&'a Factory>,
    decoders: Vec<&'a Factory>,
    /// Between depayloader and decoder.
    parsers: Vec<&'a Factory>,
}

impl<'a> Pair<'a> {
    fn new(
        payloader: &'a Factory,
        depayloader: &'a Factory,
        rtp: &gst::StructureRef,
        all: &'a Factories,
    ) -> Option<Self> {
        let media = payloader.sink.intersect_with_mode(&depayloader.src, gst::CapsIntersectMode::First);
        let media = at_clock_rate(media, rtp);
        if media.is_empty() {
            return None;
        }
        let mut pair = Self {
            payloader,
            depayloader,
            media,
            encoders: Vec::new(),
            packagers: Vec::new(),
            decoders: Vec::new(),
            parsers: Vec::new(),
        };
        if is_raw(&pair.media) {
            return Some(pair);
        }
        (pair.encoders, pair.packagers) = encoding(&pair.media, &all.encoders, &all.parsers);
        let decoders = all.decoders.iter().filter(|d| d.sink.can_intersect(&pair.media)).collect();
        (pair.decoders, pair.parsers) = decoding(depayloader, decoders, &all.parsers);
        if !pair.encoders.is_empty() && !pair.decoders.is_empty() {
            let last = if pair.packagers.is_empty() { &pair.encoders } else { &pair.packagers };
            let coded = union(last.iter().map(|e| &e.src)).intersect(&pair.media);
            if !coded.can_intersect(&union(pair.decoders.iter().map(|d| &d.sink))) {
                return None;
            }
        }
        Some(pair)
    }

    fn blueprint(
        &self,
        structure: &gst::StructureRef,
        converters: &Converters,
        media: MediaType,
    ) -> Option<Blueprint> {
        let mut structure = structure.to_owned();
        structure.set("media", media.as_str());
        let encoding_name = first_string(&structure, "encoding-name")?;
        structure.set("encoding-name", encoding_name);
        let rtp_caps = gst::Caps::from(structure);
        let mut codec = caps_to_codec(&rtp_caps)?;
        if codec.id >= 96 {
            codec.id = Codec::ID_ANY;
        }
        if let Some(channels) = required_channels(&codec.encoding_name) {
            codec.channels = channels;
        }
        let (send, input_caps) = self.send_chain(converters);
        let (recv, output_caps) = self.receive_chain(converters);
        Some(Blueprint {
            codec,
            rtp_caps,
            media_caps: self.media.clone(),
            input_caps,
            output_caps,
            send,
            recv,
        })
    }

    /// Converters, encoder, perhaps a parser, payloader. Without an encoder the application feeds encoded media.
    fn send_chain(&self, converters: &Converters) -> (Vec<Vec<String>>, gst::Caps) {
        let input = if self.encoders.is_empty() {
            self.media.clone()
        } else {
            union(self.encoders.iter().map(|e| &e.sink))
        };
        let (mut stages, input) = converters.before(&input);
        push_stage(&mut stages, &self.encoders);
        push_stage(&mut stages, &self.packagers);
        push_stage(&mut stages, &[self.payloader]);
        (stages, input)
    }

    /// Depayloader, decoder, converters. Without a decoder the application gets encoded media.
    fn receive_chain(&self, converters: &Converters) -> (Vec<Vec<String>>, gst::Caps) {
        let output = if self.decoders.is_empty() {
            self.media.clone()
        } else {
            union(self.decoders.iter().map(|d| &d.src))
        };
        let mut stages = Vec::new();
        push_stage(&mut stages, &[self.depayloader]);
        push_stage(&mut stages, &self.parsers);
        push_stage(&mut stages, &self.decoders);
        let (after, output) = converters.after(&output, is_mono(&self.media));
        stages.extend(after);
        (stages, output)
    }
}

/// Of several media that share their RTP elements, those whose sample rate is the RTP clock rate (AMR and AMR-WB); all
/// where none has it (G722 counts at half its rate).
fn at_clock_rate(media: gst::Caps, rtp: &gst::StructureRef) -> gst::Caps {
    let Ok(clock_rate) = rtp.get::<i32>("clock-rate") else { return media };
    let same: gst::Caps =
        media.iter().filter(|s| s.get::<i32>("rate") == Ok(clock_rate)).map(|s| s.to_owned()).collect();
    if same.is_empty() { media } else { same }
}

fn push_stage(stages: &mut Vec<Vec<String>>, factories: &[&Factory]) {
    if !factories.is_empty() {
        stages.push(factories.iter().map(|f| f.name.clone()).collect());
    }
}

/// Boolean fields that `wanted` insists on in each of its structures and that `given` does not promise, such as `parsed`,
/// `framed` or `codec-alpha`.
fn flags(wanted: &gst::Caps, given: &gst::Caps) -> Vec<String> {
    let says = |caps: &gst::Caps, flag: &str| caps.iter().all(|s| s.get::<bool>(flag) == Ok(true));
    let fitting = wanted.intersect(given);
    let names = fitting.iter().flat_map(|s| s.iter()).map(|(name, _)| name.to_string());
    let mut flags: Vec<String> = names.filter(|f| says(&fitting, f) && !says(given, f)).collect();
    flags.sort();
    flags.dedup();
    flags
}

/// What a parser reads out of the stream and depayloaders do not tell.
const PARSED_WORDS: [&str; 4] = ["profile", "level", "tier", "sampling"];

/// Whether `wanted` asks in each of its structures for one of those words and `given` never says it.
fn misses_words(wanted: &gst::Caps, given: &gst::Caps) -> bool {
    let fitting = wanted.intersect(given);
    PARSED_WORDS
        .iter()
        .any(|word| fitting.iter().all(|s| s.has_field(*word)) && !given.iter().any(|s| s.has_field(*word)))
}

/// The encoders that give what the payloader takes; if none does, those whose output a parser brings into that form
/// (AV1 comes in temporal units and is packed by OBUs).
fn encoding<'a>(
    media: &gst::Caps,
    encoders: &'a [Factory],
    parsers: &'a [Factory],
) -> (Vec<&'a Factory>, Vec<&'a Factory>) {
    let direct: Vec<&Factory> = encoders.iter().filter(|e| e.src.can_intersect(media)).collect();
    if !direct.is_empty() {
        return (direct, Vec::new());
    }
    let feeds = |p: &&Factory| encoders.iter().any(|e| e.src.can_intersect(&p.sink));
    let parsers: Vec<&Factory> =
        parsers.iter().filter(|p| p.src.can_intersect(media)).filter(feeds).collect();
    let fed = |e: &&Factory| parsers.iter().any(|p| e.src.can_intersect(&p.sink));
    (encoders.iter().filter(fed).collect(), parsers)
}

/// The decoders that take what the depayloader gives; else all, with the parsers that bring what they insist on.
fn decoding<'a>(
    depayloader: &Factory,
    decoders: Vec<&'a Factory>,
    parsers: &'a [Factory],
) -> (Vec<&'a Factory>, Vec<&'a Factory>) {
    let content = |d: &&&Factory| {
        flags(&d.sink, &depayloader.src).is_empty() && !misses_words(&d.sink, &depayloader.src)
    };
    let direct: Vec<&Factory> = decoders.iter().filter(content).copied().collect();
    if !direct.is_empty() {
        return (direct, Vec::new());
    }
    let brings = |p: &&Factory| {
        let serves = |d: &&Factory| p.src.can_intersect(&d.sink) && flags(&d.sink, &p.src).is_empty();
        p.sink.can_intersect(&depayloader.src) && decoders.iter().any(serves)
    };
    let parsers = parsers.iter().filter(brings).collect();
    (decoders, parsers)
}

fn union<'a>(all: impl Iterator<Item = &'a gst::Caps>) -> gst::Caps {
    let mut result = gst::Caps::new_empty();
    for caps in all {
        result.merge(caps.clone());
    }
    result
}

fn is_raw(caps: &gst::Caps) -> bool {
    caps.iter().any(|s| matches!(s.name().as_str(), "audio/x-raw" | "video/x-raw"))
}

fn is_mono(caps: &gst::Caps) -> bool {
    caps.iter().all(|s| s.get::<i32>("channels") == Ok(1))
}

/// An installed converter with its pads' caps.
struct Converter {
    name: &'static str,
    sink: gst::Caps,
    src: gst::Caps,
}

impl Converter {
    fn installed(name: &'static str) -> Option<Self> {
        let factory = gst::ElementFactory::find(name)?;
        let (mut sink, mut src) = (gst::Caps::new_empty(), gst::Caps::new_empty());
        for template in factory.static_pad_templates().iter() {
            match template.direction() {
                gst::PadDirection::Sink => sink.merge(template.caps()),
                _ => src.merge(template.caps()),
            }
        }
        Some(Self { name, sink, src })
    }
}

/// The elements that fit raw media to a coder; the missing ones are left out.
pub(super) struct Converters {
    before: Vec<Converter>,
    /// Set where a further converter must follow `before` when the coder's format is not one of the last one's.
    again: Option<usize>,
    after: Vec<Converter>,
    concealment: Option<Converter>,
}

impl Converters {
    /// Those of one media type.
    pub(super) fn installed(media: MediaType) -> Self {
        let (before, after, concealment): (&[_], &[_], _) = match media {
            MediaType::Audio => (&["audioconvert", "audioresample"], &["audioconvert"], Some("spanplc")),
            MediaType::Video => (&["videoscale", "videoconvert", "fsvideoanyrate"], &[], None),
            MediaType::Application => (&[], &[], None),
        };
        let find =
            |names: &[&'static str]| names.iter().filter_map(|n| Converter::installed(n)).collect::<Vec<_>>();
        let before = find(before);
        let again = before.iter().position(|c| c.name == "audioconvert");
        Self { before, again, after: find(after), concealment: concealment.and_then(Converter::installed) }
    }

    /// The stages in front of something that takes `raw`, and what the whole then takes.
    fn before(&self, raw: &gst::Caps) -> (Vec<Vec<String>>, gst::Caps) {
        let (Some(first), Some(last)) = (self.before.first(), self.before.last()) else {
            return (Vec::new(), raw.clone());
        };
        if !is_raw(raw) {
            return (Vec::new(), raw.clone());
        }
        let mut stages: Vec<Vec<String>> = self.before.iter().map(|c| vec![c.name.to_owned()]).collect();
        if let Some(again) = self.again.filter(|_| !last.src.can_intersect(raw)) {
            stages.push(vec![self.before[again].name.to_owned()]);
        }
        (stages, first.sink.clone())
    }

    /// The stages behind something that gives `raw`, and what the whole then gives. Conversion changes the
    /// format, not the rate.
    fn after(&self, raw: &gst::Caps, mono: bool) -> (Vec<Vec<String>>, gst::Caps) {
        let Some(last) = self.after.last().filter(|_| is_raw(raw)) else {
            return (Vec::new(), raw.clone());
        };
        let mut stages = Vec::new();
        if let Some(c) = self.concealment.as_ref().filter(|c| mono && c.sink.can_intersect(raw)) {
            stages.push(vec![c.name.to_owned()]);
        }
        stages.extend(self.after.iter().map(|c| vec![c.name.to_owned()]));
        let mut rates = gst::Caps::new_empty();
        for s in raw.iter() {
            let mut open = gst::Structure::new_empty(s.name());
            if let Ok(rate) = s.value("rate") {
                open.set_value("rate", rate.clone());
            }
            rates.merge(gst::Caps::from(open));
        }
        (stages, rates.intersect(&last.src))
    }
}
