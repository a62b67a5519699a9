//! How large lists may be. A peer writes them, so each has a bound, far above what any session needs.

use crate::codec::Codec;
use crate::error::{InvalidCodec, NegotiationError};
use crate::hdrext::RtpHeaderExtension;

/// Most codecs of one list: each of the 128 payload types twice.
pub const MAX_CODECS: usize = 256;

/// Most format and feedback parameters of one codec. H.264 and H.265 have some twenty.
pub const MAX_PARAMETERS: usize = 256;

/// Most text of one list of codecs or of header extensions, in octets. The code books of Theora are some ten thousand.
pub const MAX_TEXT_OCTETS: usize = 1024 * 1024;

/// Most header extensions of one list: each of the 255 ids four times over, because preferences may name alternatives.
pub const MAX_EXTENSIONS: usize = 1024;

/// Most codecs and most reasons that an error text names; the rest is counted.
pub const MAX_NAMED: usize = 32;

/// Most characters of a value that an error text or a message quotes.
pub const MAX_QUOTED: usize = 64;

/// Refuses a list of codecs that is too large to be looked at.
///
/// # Errors
/// [`NegotiationError::InvalidCodec`] with the codec at which it is too much.
pub fn check_codecs(codecs: &[Codec]) -> Result<(), NegotiationError> {
    let fail = |codec: &Codec, why| {
        // Whoever reads the error needs to know which codec it is, not all of it.
        let codec = Codec::new(codec.id, &quote(&codec.encoding_name), codec.media_type, codec.clock_rate);
        Err(NegotiationError::InvalidCodec { codec, why })
    };
    if let Some(first_too_many) = codecs.get(MAX_CODECS) {
        return fail(first_too_many, InvalidCodec::TooManyCodecs { count: codecs.len() });
    }
    let mut octets = 0;
    for codec in codecs {
        let count = codec.optional_params.len() + codec.feedback_params.len();
        if count > MAX_PARAMETERS {
            return fail(codec, InvalidCodec::TooManyParameters { count });
        }
        octets += text_octets(codec);
        if octets > MAX_TEXT_OCTETS {
            return fail(codec, InvalidCodec::TooLong);
        }
    }
    Ok(())
}

fn text_octets(codec: &Codec) -> usize {
    let parameters = codec.optional_params.iter().map(|p| p.name.len() + p.value.len());
    let feedback =
        codec.feedback_params.iter().map(|f| f.kind.len() + f.subtype.len() + f.extra_params.len());
    codec.encoding_name.len() + parameters.chain(feedback).sum::<usize>()
}

/// Refuses a list of header extensions that is too large to be looked at.
///
/// # Errors
/// [`NegotiationError::ExtensionsTooLarge`].
pub fn check_extensions(extensions: &[RtpHeaderExtension]) -> Result<(), NegotiationError> {
    let octets = extensions.iter().map(|e| e.uri.len()).sum();
    if extensions.len() > MAX_EXTENSIONS || octets > MAX_TEXT_OCTETS {
        return Err(NegotiationError::ExtensionsTooLarge { count: extensions.len(), octets });
    }
    Ok(())
}

/// The beginning of a text, with a mark where something is left out.
pub fn quote(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
