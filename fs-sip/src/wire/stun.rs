//! STUN Binding (RFC 8489) as far as a flow needs it to stay open over UDP
//! (RFC 5626 section 4.4.2): the request, and the address in its answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// Names one request.
pub type TransactionId = [u8; 12];

/// Is this datagram STUN? SIP never begins with a byte below 4.
#[must_use]
pub fn is_stun(data: &[u8]) -> bool {
    data.len() >= 20 && data[0] < 4 && data[4..8] == COOKIE
}

/// A Binding request.
#[must_use]
pub fn request(id: TransactionId) -> Vec<u8> {
    let mut data = Vec::with_capacity(20);
    data.extend(BINDING_REQUEST.to_be_bytes());
    data.extend([0, 0]);
    data.extend(COOKIE);
    data.extend(id);
    data
}

/// The id of an answer to a Binding request and our address in it.
#[must_use]
pub fn answer(data: &[u8]) -> Option<(TransactionId, Option<SocketAddr>)> {
    if !is_stun(data) || data[..2] != BINDING_SUCCESS.to_be_bytes() {
        return None;
    }
    let id: TransactionId = data[8..20].try_into().ok()?;
    let length = usize::from(u16::from_be_bytes([data[2], data[3]]));
    let mut rest = data.get(20..20 + length)?;
    while let Some((head, after)) = rest.split_at_checked(4) {
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = after.get(..length)?;
        if kind == XOR_MAPPED_ADDRESS {
            return Some((id, mapped(value, &id)));
        }
        rest = after.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some((id, None))
}

fn mapped(value: &[u8], id: &TransactionId) -> Option<SocketAddr> {
    let port = u16::from_be_bytes([*value.get(2)?, *value.get(3)?]) ^ 0x2112;
    let mask = COOKIE.iter().chain(id.iter());
    let plain: Vec<u8> = value.get(4..)?.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    let ip = match value.get(1)? {
        1 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(plain.get(..4)?).ok()?)),
        2 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(plain.get(..16)?).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample of RFC 5769 section 2.2, without its integrity attributes.
    fn sample() -> Vec<u8> {
        let mut data = vec![0x01, 0x01, 0, 28, 0x21, 0x12, 0xa4, 0x42];
        data.extend([0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae]);
        data.extend([0x80, 0x22, 0, 11]);
        data.extend(b"test vector\x20");
        data.extend([0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        data
    }

    #[test]
    fn the_sample_of_rfc_5769() {
        let (id, address) = answer(&sample()).expect("an answer");
        assert_eq!(id[..2], [0xb7, 0xe7]);
        assert_eq!(address, Some(SocketAddr::from(([192, 0, 2, 1], 32853))));
    }

    #[test]
    fn what_is_cut_short_or_no_answer() {
        let whole = sample();
        for end in 0..whole.len() {
            let _ = answer(&whole[..end]);
        }
        assert_eq!(answer(&request([7; 12])), None);
        assert!(is_stun(&request([7; 12])));
        assert!(!is_stun(b"OPTIONS sip:a@b SIP/2.0\r\n"));
        let mut long = whole.clone();
        long[23] = 200;
        assert_eq!(answer(&long), None, "an attribute longer than the message");
    }
}
