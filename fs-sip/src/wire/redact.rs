//! A message for people to read: its bytes without the secrets in it.

/// What a secret is replaced by.
const HIDDEN: &[u8] = b"...";

/// Headers whose values prove who somebody is.
const PROOFS: [&str; 3] = ["authorization", "proxy-authorization", "authentication-info"];
/// Their parameters that everybody may see.
const HARMLESS: [&str; 8] = ["username", "realm", "uri", "algorithm", "qop", "nc", "opaque", "stale"];

/// Takes the secrets out of a message: answers to challenges, passwords in
/// URIs, and the keys of media in an SDP body.
#[must_use]
pub fn redacted(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len());
    let mut in_body = false;
    let mut in_proof = false;
    for line in message.split_inclusive(|b| *b == b'\n') {
        let text = line.trim_ascii_end();
        let end = &line[text.len()..];
        if in_body {
            out.extend(media_line(text));
        } else if text.is_empty() {
            in_body = true;
        } else {
            let folded = matches!(text.first(), Some(b' ' | b'\t'));
            if !folded {
                in_proof = is_proof(text);
            }
            if in_proof && folded {
                // Where a folded line begins in a proof can't be told.
                out.extend([b" ", HIDDEN].concat());
            } else if in_proof {
                out.extend(proof(text));
            } else {
                out.extend(without_passwords(text));
            }
        }
        out.extend(end);
    }
    out
}

fn is_proof(line: &[u8]) -> bool {
    let name = line.split(|b| *b == b':').next().unwrap_or_default().trim_ascii();
    PROOFS.iter().any(|p| name.eq_ignore_ascii_case(p.as_bytes()))
}

/// Keeps the scheme and the harmless parameters of a proof.
fn proof(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let Some((name, value)) = text.split_once(':') else { return HIDDEN.to_vec() };
    let value = value.trim();
    let (scheme, rest) = match value.split_once([' ', '\t']) {
        Some((scheme, rest)) if !scheme.contains('=') => (scheme, rest),
        _ => ("", value),
    };
    let mut shown = format!("{name}: {scheme}");
    if !rest.contains('=') || scheme.eq_ignore_ascii_case("basic") {
        shown.push_str(" ...");
        return shown.into_bytes();
    }
    for (index, parameter) in split_quoted(rest).iter().enumerate() {
        let parameter = parameter.trim();
        let name = parameter.split('=').next().unwrap_or_default().trim();
        let harmless = HARMLESS.iter().any(|h| name.eq_ignore_ascii_case(h));
        shown.push_str(if index == 0 { " " } else { ", " });
        match harmless {
            true => shown.push_str(parameter),
            false => shown.push_str(&format!("{name}=\"...\"")),
        }
    }
    shown.into_bytes()
}

/// Divides at commas outside quotes.
fn split_quoted(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// `sip:user:password@host` without the password, wherever it stands.
fn without_passwords(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.iter().position(|b| *b == b'@') {
        let before = &rest[..at];
        let scheme = before.windows(4).rposition(|w| w.eq_ignore_ascii_case(b"sip:")).map(|i| i + 4);
        let scheme =
            scheme.max(before.windows(5).rposition(|w| w.eq_ignore_ascii_case(b"sips:")).map(|i| i + 5));
        let password = scheme.and_then(|s| before[s..].iter().position(|b| *b == b':').map(|i| s + i));
        match password {
            Some(colon) => {
                out.extend(&before[..=colon]);
                out.extend(HIDDEN);
            }
            None => out.extend(before),
        }
        out.push(b'@');
        rest = &rest[at + 1..];
    }
    out.extend(rest);
    out
}

/// A line of SDP without keys (RFC 4568, RFC 4566 section 5.12, RFC 8839).
fn media_line(line: &[u8]) -> Vec<u8> {
    let cut = |end: usize| [&line[..end], HIDDEN].concat();
    let begins = |with: &[u8]| line.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with));
    if begins(b"a=crypto:") {
        let inline = line.windows(7).position(|w| w.eq_ignore_ascii_case(b"inline:"));
        return inline.map_or_else(|| cut(9), |i| cut(i + 7));
    }
    for secret in [&b"a=ice-pwd:"[..], b"k=clear:", b"k=base64:", b"k=uri:"] {
        if begins(secret) {
            return cut(secret.len());
        }
    }
    line.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        String::from_utf8(redacted(text.as_bytes())).expect("text")
    }

    #[test]
    fn proofs_keep_what_helps_and_no_more() {
        let text = "REGISTER sip:h SIP/2.0\r\nAuthorization: Digest username=\"al,ice\", realm=\"r\", nonce=\"n\", \
                    response=\"d41d8\", cnonce=\"c\", nc=00000001\r\nPROXY-authorization : Basic YWxpY2U6c2VjcmV0\r\n\
                    Authentication-Info: rspauth=\"abc\"\r\n\r\n";
        let shown = shown(text);
        assert!(shown.contains("username=\"al,ice\"") && shown.contains("nc=00000001"), "{shown}");
        for secret in ["d41d8", "YWxpY2U6c2VjcmV0", "\"abc\"", "\"c\""] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.ends_with("\r\n\r\n"));
    }

    #[test]
    fn folded_proofs_hide_their_further_lines() {
        let shown = shown(
            "X sip:h SIP/2.0\r\nAuthorization: Digest realm=\"r\",\r\n response=\"d41d8\"\r\nTo: <sip:a@h>\r\n\r\n",
        );
        assert!(!shown.contains("d41d8") && shown.contains("To: <sip:a@h>\r\n"), "{shown}");
    }

    #[test]
    fn passwords_in_uris_and_keys_of_media() {
        let shown = shown(
            "INVITE sip:bob:geheim@h:5060 SIP/2.0\r\nTo: \"a@b\" <sips:bob:geheim@h>;x=1\r\n\r\nv=0\r\n\
             a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:S0VZ|2^20\r\nk=clear:S0VZ\r\na=ice-pwd:S0VZ\r\na=sendrecv\r\n",
        );
        assert!(!shown.contains("geheim") && !shown.contains("S0VZ"), "{shown}");
        for kept in
            ["sip:bob:...@h:5060", "\"a@b\" <sips:bob:...@h>;x=1", "AES_CM_128_HMAC_SHA1_80", "a=sendrecv"]
        {
            assert!(shown.contains(kept), "{kept} in {shown}");
        }
    }

    #[test]
    fn all_else_stays_byte_for_byte() {
        let text = b"MESSAGE sip:a@h SIP/2.0\r\nX: \xff\xfe\r\n\tfolded\r\n\r\nbody\x00\n\nmore";
        assert_eq!(redacted(text), text);
        for data in [&b""[..], b"\r\n", b"@", b"sip:@", b"Authorization", b"Authorization:", b":"] {
            let _ = redacted(data);
        }
    }
}
