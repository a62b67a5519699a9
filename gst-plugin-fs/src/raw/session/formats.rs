//! The remote codecs of a raw stream: one or two formats, each named by fixed caps.

use fs_core::Error;
use fs_proto::Codec;

/// A codec with the caps its name stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Format {
    /// As the application gave it.
    pub codec: Codec,
    /// Fixed.
    pub caps: gst::Caps,
}

/// What the peer sends, and what it wants to get.
#[derive(Clone, Debug, PartialEq)]
pub struct Formats {
    /// As the application gave them.
    pub codecs: Vec<Codec>,
    /// The peer's format: the first codec.
    pub received: Format,
    /// Ours: the second codec, or the first if it is the only one.
    pub sent: Format,
}

impl Formats {
    /// Reads the list of `set_remote_codecs`.
    ///
    /// # Errors
    /// `INVALID_ARGUMENTS`, saying which codec is wrong and why.
    pub fn read(codecs: &[Codec]) -> Result<Self, glib::Error> {
        let (received, sent) = match codecs {
            [one] => (one, one),
            [received, sent] => (received, sent),
            _ => {
                let text = format!(
                    "a raw stream takes one remote codec for both ways or two (received, sent), not {}",
                    codecs.len()
                );
                return Err(glib::Error::new(Error::InvalidArguments, &text));
            }
        };
        Ok(Self { codecs: codecs.to_vec(), received: format(received)?, sent: format(sent)? })
    }
}

fn format(codec: &Codec) -> Result<Format, glib::Error> {
    let wrong = |why: &str| {
        let text = format!("the name of a raw codec is its caps; '{}' {why}", codec.encoding_name);
        glib::Error::new(Error::InvalidArguments, &text)
    };
    if codec.encoding_name.is_empty() {
        return Err(wrong("is empty"));
    }
    let caps: gst::Caps = codec.encoding_name.parse().map_err(|_| wrong("can't be read as caps"))?;
    if !caps.is_fixed() {
        return Err(wrong("leaves values open"));
    }
    Ok(Format { codec: codec.clone(), caps })
}

#[cfg(test)]
mod tests {
    use fs_proto::MediaType;

    use super::*;

    const ONE: &str = "audio/x-raw,format=S16LE,rate=8000,channels=1,layout=interleaved";
    const TWO: &str = "audio/x-raw,format=S16LE,rate=16000,channels=1,layout=interleaved";

    fn codec(name: &str) -> Codec {
        gst::init().unwrap();
        Codec::new(Codec::ID_ANY, name, MediaType::Audio, 0)
    }

    #[test]
    fn the_first_is_received_the_second_sent() {
        let both = Formats::read(&[codec(ONE)]).unwrap();
        assert_eq!(both.received, both.sent);
        let two = Formats::read(&[codec(ONE), codec(TWO)]).unwrap();
        assert_eq!(two.received.caps, ONE.parse::<gst::Caps>().unwrap());
        assert_eq!(two.sent.caps, TWO.parse::<gst::Caps>().unwrap());
    }

    #[test]
    fn other_lists_are_refused_with_a_reason() {
        for (list, said) in [
            (vec![], "not 0"),
            (vec![codec(ONE); 3], "not 3"),
            (vec![codec("")], "is empty"),
            (vec![codec("PCMU, [")], "can't be read"),
            (vec![codec("audio/x-raw,rate=[1,2]")], "leaves values open"),
            (vec![codec("ANY")], "leaves values open"),
            (vec![codec(ONE), codec("EMPTY")], "leaves values open"),
        ] {
            let error = Formats::read(&list).unwrap_err();
            assert!(error.matches(Error::InvalidArguments));
            assert!(error.message().contains(said), "{error}");
        }
    }
}
