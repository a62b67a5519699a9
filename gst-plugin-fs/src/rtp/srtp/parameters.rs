//! The structure `FarstreamSRTP`, by which applications say how to encrypt and decrypt.
//!
//! | Field | Type | |
//! |---|---|---|
//! | `key` | buffer | master key and salt |
//! | `auth`, or `rtp-auth` and `rtcp-auth` | string | `null`, `hmac-sha1-32`, `hmac-sha1-80` |
//! | `cipher`, `rtp-cipher`, `rtcp-cipher` | string | `null` (default), `aes-128-icm`, `aes-256-icm`, `aes-128-gcm`, `aes-256-gcm` |
//! | `replay-window-size` | uint | 64 to 32767, 128 by default |
//! | `mki` | buffer | identifier of the master key, if packets carry one |
//! | `key2`, `mki2` to `key16`, `mki16` | buffer | more master keys to decrypt with |

use fs_core::Error;
use fs_proto::srtp::{Auth, Cipher, MasterKey, Policy, SrtpParameters};

/// The name of the structure.
pub const NAME: &str = "FarstreamSRTP";

/// An `FS_ERROR_INVALID_ARGUMENTS`.
fn invalid(text: &str) -> glib::Error {
    glib::Error::new(Error::InvalidArguments, text)
}

/// Reads the structure and checks that everything in it fits together.
///
/// # Errors
/// `FS_ERROR_INVALID_ARGUMENTS`, naming the field.
pub fn parse(structure: &gst::StructureRef) -> Result<SrtpParameters, glib::Error> {
    if structure.name() != NAME {
        return Err(invalid(&format!("structure '{}' is none named '{NAME}'", structure.name())));
    }
    let ciphers = Cipher::ALL.map(|cipher| (cipher.nick(), cipher));
    let auths = Auth::ALL.map(|auth| (auth.nick(), auth));
    let mut policies = [Policy::default(); 2];
    for (policy, kind) in policies.iter_mut().zip(["rtp", "rtcp"]) {
        let (cipher, auth) = (format!("{kind}-cipher"), format!("{kind}-auth"));
        policy.cipher = choice(structure, &[&cipher, "cipher"], &ciphers)?.unwrap_or_default();
        policy.auth = choice(structure, &[&auth, "auth"], &auths)?
            .ok_or_else(|| invalid(&format!("field 'auth' or '{auth}' is missing")))?;
    }
    let [rtp, rtcp] = policies;
    let parameters = SrtpParameters { rtp, rtcp, keys: keys(structure)?, replay_window: window(structure)? };
    parameters.validate().map_err(|why| invalid(&why.to_string()))?;
    Ok(parameters)
}

/// The value of the first of these fields that is there.
fn choice<T: Copy>(
    structure: &gst::StructureRef,
    fields: &[&str],
    known: &[(&str, T)],
) -> Result<Option<T>, glib::Error> {
    let Some(field) = fields.iter().find(|field| structure.has_field(**field)) else { return Ok(None) };
    let text = structure.get::<&str>(*field);
    let text = text.map_err(|_| invalid(&format!("field '{field}' is no string")))?;
    let found = known.iter().find(|(nick, _)| *nick == text);
    found.map(|(_, value)| Some(*value)).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(nick, _)| *nick).collect();
        invalid(&format!("field '{field}' is '{text}', none of {}", names.join(", ")))
    })
}

fn keys(structure: &gst::StructureRef) -> Result<Vec<MasterKey>, glib::Error> {
    let mut keys = Vec::new();
    for number in 1..=SrtpParameters::MAX_KEYS {
        let numbered = |field: &str| if number == 1 { field.to_owned() } else { format!("{field}{number}") };
        let key = octets(structure, &numbered("key"))?;
        let mki = octets(structure, &numbered("mki"))?;
        match (key, mki) {
            (Some(key), mki) => keys.push(MasterKey { key, mki: mki.unwrap_or_default() }),
            (None, Some(_)) => {
                let text = format!("field '{}' is there and '{}' is not", numbered("mki"), numbered("key"));
                return Err(invalid(&text));
            }
            (None, None) => break,
        }
    }
    Ok(keys)
}

fn octets(structure: &gst::StructureRef, field: &str) -> Result<Option<Vec<u8>>, glib::Error> {
    if !structure.has_field(field) {
        return Ok(None);
    }
    let buffer = structure.get::<gst::Buffer>(field);
    let buffer = buffer.map_err(|_| invalid(&format!("field '{field}' is no buffer")))?;
    let map = buffer.map_readable().map_err(|_| invalid(&format!("field '{field}' can't be read")))?;
    Ok(Some(map.to_vec()))
}

/// Bindings without types of their own for numbers send a signed one.
fn window(structure: &gst::StructureRef) -> Result<u32, glib::Error> {
    const FIELD: &str = "replay-window-size";
    if !structure.has_field(FIELD) {
        return Ok(SrtpParameters::DEFAULT_REPLAY_WINDOW);
    }
    let signed = || structure.get::<i32>(FIELD).ok().map(|size| u32::try_from(size).unwrap_or_default());
    structure
        .get::<u32>(FIELD)
        .ok()
        .or_else(signed)
        .ok_or_else(|| invalid(&format!("field '{FIELD}' is no unsigned number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> gst::Structure {
        gst::init().expect("GStreamer works");
        gst::Structure::builder(NAME)
            .field("key", gst::Buffer::from_slice(vec![7u8; 30]))
            .field("cipher", "aes-128-icm")
            .field("auth", "hmac-sha1-80")
            .build()
    }

    #[test]
    fn fields_are_read() {
        let mut structure = base();
        let parameters = parse(&structure).unwrap();
        assert_eq!(parameters.rtp, Policy { cipher: Cipher::AesCm128, auth: Auth::HmacSha1Tag80 });
        assert_eq!(parameters.rtcp, parameters.rtp);
        assert_eq!(parameters.keys[0].key, [7; 30]);
        assert_eq!(parameters.replay_window, 128);
        structure.set("rtp-auth", "hmac-sha1-32");
        structure.set("rtcp-cipher", "null");
        structure.set("replay-window-size", 512);
        structure.set("mki", gst::Buffer::from_slice(vec![1u8]));
        structure.set("key2", gst::Buffer::from_slice(vec![8u8; 30]));
        structure.set("mki2", gst::Buffer::from_slice(vec![2u8]));
        let parameters = parse(&structure).unwrap();
        assert_eq!(parameters.rtp.auth, Auth::HmacSha1Tag32);
        assert_eq!(parameters.rtcp, Policy { cipher: Cipher::Null, auth: Auth::HmacSha1Tag80 });
        assert_eq!((parameters.keys.len(), parameters.keys[1].mki.as_slice()), (2, &[2u8][..]));
        assert_eq!(parameters.replay_window, 512);
    }

    #[test]
    fn errors_name_the_field() {
        type Change = fn(&mut gst::Structure);
        let buffer = |length: usize| gst::Buffer::from_slice(vec![1u8; length]);
        let table: [(&str, Change); 17] = [
            ("FarstreamSRTP", |s| s.set_name("FarstreamSrtp")),
            ("'key'", |s| s.remove_field("key")),
            ("'key'", |s| s.set("key", "text")),
            ("'key'", |s| s.set("key", gst::Buffer::from_slice(vec![1u8; 3]))),
            ("'auth'", |s| s.remove_field("auth")),
            ("'auth'", |s| s.set("auth", 3)),
            ("'auth'", |s| s.set("auth", "hmac-md5")),
            ("'rtp-auth'", |s| s.set("rtp-auth", "")),
            ("'rtcp-auth'", |s| s.set("rtcp-auth", "null")),
            ("'cipher'", |s| s.set("cipher", "rot13")),
            ("'rtcp-cipher'", |s| s.set("rtcp-cipher", 1u32)),
            ("'replay-window-size'", |s| s.set("replay-window-size", 63u32)),
            ("'replay-window-size'", |s| s.set("replay-window-size", 32768u32)),
            ("'replay-window-size'", |s| s.set("replay-window-size", -1)),
            ("'replay-window-size'", |s| s.set("replay-window-size", "64")),
            ("'mki2'", |s| s.set("mki2", gst::Buffer::from_slice(vec![1u8]))),
            ("'rtp-auth'", |s| s.set("cipher", "aes-128-gcm")),
        ];
        for (field, change) in table {
            let mut structure = base();
            change(&mut structure);
            let error = parse(&structure).unwrap_err();
            assert!(error.matches(Error::InvalidArguments), "{error}");
            assert!(error.message().contains(field), "{field}: {error}");
        }
        let mut structure = base();
        structure.set("key2", buffer(30));
        assert!(parse(&structure).unwrap_err().message().contains("'mki"));
    }
}
