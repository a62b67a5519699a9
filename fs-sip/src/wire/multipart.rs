//! Bodies of several parts (RFC 2046 section 5.1, RFC 5621).

use super::headers::{ContentType, Headers, TypedHeader, name};
use super::lexer::lex_part;
use crate::limits;

/// One part of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// What stands in front of it; may be empty.
    pub headers: Headers,
    /// Its bytes.
    pub body: &'a [u8],
}

impl Part<'_> {
    /// Is it of this type, and as it is: neither packed nor in letters?
    #[must_use]
    pub fn is(&self, media_type: &str) -> bool {
        let plain = ["binary", "8bit", "7bit"];
        let encoding = self.headers.text(TRANSFER_ENCODING);
        let transfer = encoding.is_none_or(|e| plain.iter().any(|p| e.eq_ignore_ascii_case(p)));
        let content_type = self.headers.text(name::CONTENT_TYPE);
        let content_type = content_type.and_then(|t| ContentType::parse_value(&t).ok());
        transfer && content_type.is_some_and(|t| t.is(media_type))
    }

    /// Must who does not know its type refuse the whole message? RFC 3261 section 20.11 has that as the default; in practice
    /// parts without a word about it may be left out, so here they have to say `handling=required`.
    #[must_use]
    pub fn is_required(&self) -> bool {
        let disposition =
            self.headers.text(name::CONTENT_DISPOSITION).unwrap_or_default().to_ascii_lowercase();
        disposition.split(';').skip(1).any(|param| {
            let mut halves = param.split('=').map(str::trim);
            halves.next() == Some("handling") && halves.next() == Some("required")
        })
    }
}

const TRANSFER_ENCODING: &str = "Content-Transfer-Encoding";

/// The parts of a body, at most [`limits::MAX_PARTS`]; those whose headers are broken are left out. `None` where the type is
/// none of several parts, or has no boundary. A part that nothing ends reaches to the end.
#[must_use]
pub fn parts<'a>(content_type: &ContentType, body: &'a [u8]) -> Option<Vec<Part<'a>>> {
    if !content_type.kind.eq_ignore_ascii_case("multipart") {
        return None;
    }
    let boundary = content_type.params.value("boundary").filter(|b| !b.is_empty() && b.len() <= 70)?;
    let marker = [b"--", boundary.as_bytes()].concat();
    let (mut parts, mut begin, mut at) = (Vec::new(), None, 0);
    for line in body.split_inclusive(|b| *b == b'\n') {
        let (start, end) = (at, at + line.len());
        at = end;
        let Some(rest) = line.strip_prefix(marker.as_slice()) else { continue };
        let rest = rest.trim_ascii_end();
        if !matches!(rest, b"" | b"--") {
            continue;
        }
        if let Some(begin) = begin.replace(end) {
            parts.extend(part(&body[begin..start]));
        }
        if rest == b"--" || parts.len() >= limits::MAX_PARTS {
            return Some(parts);
        }
    }
    parts.extend(begin.and_then(|begin| part(&body[begin..])));
    Some(parts)
}

/// The line end in front of the delimiter belongs to that.
fn part(text: &[u8]) -> Option<Part<'_>> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let (headers, body) = lex_part(text)?;
    Some(Part { headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(content_type: &str, body: &'a [u8]) -> Option<Vec<Part<'a>>> {
        parts(&ContentType::parse_value(content_type).expect("a type"), body)
    }

    #[test]
    fn parts_are_byte_exact() {
        let body = b"preamble\r\n--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--x  \r\nc: application/ISUP\r\n\
                     Content-Disposition: signal; handling = Required\r\n\r\n\x01\0\xff\r\n--y\r\n--x\r\n\r\nplain\n--x--\r\n--x\r\n\r\nno";
        let found = read("multipart/mixed;boundary=x", body).expect("parts");
        let bodies: Vec<&[u8]> = found.iter().map(|part| part.body).collect();
        assert_eq!(bodies, [&b"v=0\r\n"[..], b"\x01\0\xff\r\n--y", b"plain"]);
        let sdp: Vec<bool> = found.iter().map(|part| part.is("application/sdp")).collect();
        assert_eq!(sdp, [true, false, false]);
        assert!(found[1].is("application/isup"));
        let required: Vec<bool> = found.iter().map(Part::is_required).collect();
        assert_eq!(required, [false, true, false]);
    }

    #[test]
    fn what_is_none_and_what_is_broken() {
        assert_eq!(read("application/sdp", b"--x\r\n\r\na\r\n--x--"), None);
        assert_eq!(read("multipart/mixed", b"--x\r\n\r\na\r\n--x--"), None);
        assert_eq!(read("multipart/mixed;boundary=\"\"", b"----"), None);
        assert_eq!(read("multipart/mixed;boundary=x", b"nothing here"), Some(Vec::new()));
        let cut = read("multipart/mixed;boundary=\"a b\"", b"--a b\r\n\r\nopen\r\nend").expect("parts");
        assert_eq!((cut.len(), cut[0].body), (1, &b"open\r\nend"[..]));
        assert_eq!(
            read("multipart/mixed;boundary=x", b"--x\r\nno header\r\n\r\na\r\n--x--"),
            Some(Vec::new())
        );
        let packed =
            b"--x\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0w\r\n--x--";
        assert!(!read("multipart/mixed;boundary=x", packed).expect("parts")[0].is("application/sdp"));
        let many = b"--x\r\n\r\na\r\n".repeat(1000);
        assert_eq!(read("multipart/mixed;boundary=x", &many).map(|p| p.len()), Some(limits::MAX_PARTS));
    }
}
