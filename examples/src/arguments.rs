//! The command lines of the SIP examples. Pure.

use std::path::PathBuf;

use crate::phone::Sounds;

/// What the command line of `sip_call`, `sip_answer` or `demo` asks for.
#[derive(Debug, Clone)]
pub struct Arguments {
    /// Whom to call (`sip_call` only).
    pub target: Option<String>,
    /// Who we are and where we listen.
    pub local_uri: Option<String>,
    /// What is played and recorded.
    pub sounds: Sounds,
    /// How many calls to place or to answer.
    pub calls: u32,
    /// How long a call stands, in seconds.
    pub seconds: f64,
    /// Codec names, best first.
    pub codecs: String,
}

impl Arguments {
    /// Reads the words after the program's name.
    ///
    /// # Errors
    /// Names the word that is wrong.
    pub fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut found = Self {
            target: None,
            local_uri: None,
            sounds: Sounds::default(),
            calls: 1,
            seconds: 6.0,
            codecs: "opus,G722,PCMU,PCMA".to_owned(),
        };
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
            match word.as_str() {
                "--local-uri" => found.local_uri = Some(value()?),
                "--play" => found.sounds.play = Some(PathBuf::from(value()?)),
                "--record" => found.sounds.record = Some(PathBuf::from(value()?)),
                "--device" => found.sounds.device = true,
                "--codecs" => found.codecs = value()?,
                "--calls" => found.calls = number(&word, &value()?)?,
                "--seconds" => {
                    found.seconds = number(&word, &value()?)?;
                    if !(found.seconds > 0.0 && found.seconds < 86400.0) {
                        return Err(format!("--seconds {} is out of range", found.seconds));
                    }
                }
                uri if !uri.starts_with('-') && found.target.is_none() => found.target = Some(uri.to_owned()),
                other => return Err(format!("{other} is not understood")),
            }
        }
        Ok(found)
    }
}

fn number<T: std::str::FromStr>(word: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{word} {text} is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn everything_at_once() {
        let found =
            parse("sip:b@127.0.0.1 --calls 3 --seconds 0.2 --play a.wav --record b.wav --codecs PCMU")
                .unwrap();
        assert_eq!((found.target.as_deref(), found.calls, found.seconds), (Some("sip:b@127.0.0.1"), 3, 0.2));
        assert_eq!((found.sounds.play.is_some(), found.codecs.as_str()), (true, "PCMU"));
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(parse("--calls").unwrap_err(), "--calls wants a value");
        assert_eq!(parse("--calls x").unwrap_err(), "--calls x is no number");
        assert_eq!(parse("--what").unwrap_err(), "--what is not understood");
        assert!(parse("--seconds -1").is_err() && parse("--seconds NaN").is_err());
    }
}
