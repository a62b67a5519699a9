//! Vorbis (RFC 5215 section 6) and Theora: decoders need the stream's code books.

use super::param::Rule;
use super::{CodecRule, Kinds, ParamRule};
use crate::media::MediaType;

const BOOKS: Kinds = Kinds::CONFIG.with(Kinds::MANDATORY);

pub(super) static VORBIS: CodecRule =
    CodecRule::new(MediaType::Audio, "VORBIS", &[ParamRule::new("configuration", BOOKS, Rule::Copy)]);

pub(super) static THEORA: CodecRule = CodecRule::new(
    MediaType::Video,
    "THEORA",
    &[
        ParamRule::new("configuration", BOOKS, Rule::Copy),
        ParamRule::new("delivery-method", Kinds::CONFIG, Rule::Copy),
    ],
);
