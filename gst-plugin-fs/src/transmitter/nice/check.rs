//! A connectivity check of our own as octets: a binding request (RFC 8489) with what ICE asks for (RFC 8445 section 7.1.1). Pure but for
//! GLib's HMAC.

use glib::translate::*;

use super::candidate::Credentials;
use crate::transmitter::rawudp::stun::{self, Id};

const PRIORITY: u16 = 0x0024;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const FINGERPRINT: u16 = 0x8028;
/// Octets of an attribute's type and length, of a SHA-1 and of a CRC-32.
const HEAD: usize = 4;
const SHA1: usize = 20;
const CRC32: usize = 4;
/// Of peer-reflexive candidates, which a check tells (RFC 8445 section 5.1.2.1).
const TYPE_PREFERENCE: u32 = 110;

/// The check of a component, from us to the peer. It names no role: it must not be the one that begins a conflict of roles.
pub(super) fn request(id: &Id, component: u32, ours: &Credentials, theirs: &Credentials) -> Vec<u8> {
    let mut packet = stun::request(id).to_vec();
    let priority = (TYPE_PREFERENCE << 24) | (0xffff << 8) | 256u32.saturating_sub(component);
    attribute(&mut packet, PRIORITY, &priority.to_be_bytes());
    attribute(&mut packet, USERNAME, format!("{}:{}", theirs.username, ours.username).as_bytes());
    seal(packet, &theirs.password)
}

fn attribute(packet: &mut Vec<u8>, kind: u16, value: &[u8]) {
    packet.extend(kind.to_be_bytes());
    packet.extend(u16::try_from(value.len()).unwrap_or_default().to_be_bytes());
    packet.extend(value);
    packet.resize(packet.len().next_multiple_of(4), 0);
}

/// Adds MESSAGE-INTEGRITY and FINGERPRINT, each over what stands before it and a length that counts it in (RFC 8489 sections 14.5
/// and 14.7).
fn seal(mut packet: Vec<u8>, password: &str) -> Vec<u8> {
    set_length(&mut packet, HEAD + SHA1);
    let integrity = hmac_sha1(password.as_bytes(), &packet);
    attribute(&mut packet, MESSAGE_INTEGRITY, &integrity);
    set_length(&mut packet, HEAD + CRC32);
    let fingerprint = stun::fingerprint(&packet);
    attribute(&mut packet, FINGERPRINT, &fingerprint.to_be_bytes());
    packet
}

/// The length that the packet has with so many octets more.
fn set_length(packet: &mut [u8], more: usize) {
    let length = u16::try_from(packet.len() - stun::HEADER + more).unwrap_or_default();
    packet[2..4].copy_from_slice(&length.to_be_bytes());
}

fn hmac_sha1(key: &[u8], data: &[u8]) -> [u8; SHA1] {
    // SAFETY: both places are valid for the lengths that are told; the text in hexadecimal, or NULL, is ours.
    let text: Option<String> = unsafe {
        from_glib_full(glib::ffi::g_compute_hmac_for_data(
            glib::ffi::G_CHECKSUM_SHA1,
            key.as_ptr(),
            key.len(),
            data.as_ptr(),
            data.len(),
        ))
    };
    let text = text.unwrap_or_default();
    let mut sum = [0; SHA1];
    for (i, octet) in sum.iter_mut().enumerate() {
        let digits = text.get(2 * i..2 * i + 2).unwrap_or_default();
        *octet = u8::from_str_radix(digits, 16).unwrap_or_default();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 section 2.1 without its last two attributes.
    const BEGINNING: &[u8] =
        b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\
        \x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\x00\x06\x00\x09evtj:h6vY   ";
    const END: &[u8] =
        b"\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\
        \x80\x28\x00\x04\xe5\x7a\x3b\xcf";

    #[test]
    fn the_request_of_rfc_5769_is_sealed_as_there() {
        let sealed = seal(BEGINNING.to_vec(), "VOkJxbRl1RmTxUk/WvJxBt");
        assert_eq!(sealed, [BEGINNING, END].concat());
    }

    #[test]
    fn a_check_names_both_users_and_the_priority_of_what_it_may_discover() {
        let of = |name: &str| Credentials { username: name.into(), password: "x".repeat(22) };
        let packet = request(&[7; 12], 2, &of("ours"), &of("theirs"));
        assert_eq!(packet[..2], [0, 1]);
        assert_eq!(usize::from(u16::from_be_bytes([packet[2], packet[3]])) + stun::HEADER, packet.len());
        assert_eq!(packet[20..28], [0, 0x24, 0, 4, 110, 0xff, 0xff, 254]);
        assert_eq!(packet[28..32], [0, 6, 0, 11]);
        assert_eq!(&packet[32..44], b"theirs:ours\0");
    }
}
