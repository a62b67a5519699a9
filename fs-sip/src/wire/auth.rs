//! Digest authentication on the wire (RFC 3261 section 22, RFC 8760): the
//! challenges of a response, and the answer to one. Pure: the counter and the
//! client's nonce are given.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use digest_auth::{Algorithm, AlgorithmType, AuthContext, Charset, HttpMethod, Qop, WwwAuthenticateHeader};

use super::headers::{Headers, name};
use super::params::{is_space, is_token, quoted_end, unquote};
use crate::error::ParseError;

/// Who asks for the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Asker {
    /// The other end: 401, WWW-Authenticate, Authorization.
    Server,
    /// A proxy on the way: 407, Proxy-Authenticate, Proxy-Authorization.
    Proxy,
}

impl Asker {
    /// The header of its challenges.
    #[must_use]
    pub fn challenge(self) -> &'static str {
        match self {
            Self::Server => name::WWW_AUTHENTICATE,
            Self::Proxy => name::PROXY_AUTHENTICATE,
        }
    }

    /// The header of the answers.
    #[must_use]
    pub fn answer(self) -> &'static str {
        match self {
            Self::Server => name::AUTHORIZATION,
            Self::Proxy => name::PROXY_AUTHORIZATION,
        }
    }
}

/// A password or another secret: it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, to be stored or sent, never shown.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What proves who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The realm they are for; none = every realm that nothing else is for.
    pub realm: Option<String>,
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// A Digest challenge whose algorithm and quality of protection we know.
#[derive(Debug, Clone, PartialEq)]
pub struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    stale: bool,
    algorithm: Algorithm,
    qop: Option<Qop>,
    userhash: bool,
}

/// What the answer depends on.
#[derive(Debug, Clone, Copy)]
pub struct Proof<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// Its Request-URI.
    pub uri: &'a str,
    /// Its body.
    pub body: &'a [u8],
    /// How often the nonce has been used, with this time.
    pub count: u32,
    /// The client's nonce.
    pub cnonce: &'a str,
}

impl Challenge {
    /// Reads one value of WWW-Authenticate or Proxy-Authenticate; `None` where
    /// scheme, algorithm or quality of protection are unknown to us.
    ///
    /// # Errors
    /// When the value is broken or lacks realm or nonce.
    pub fn parse(text: &str) -> Result<Option<Self>, ParseError> {
        let (scheme, rest) = text.trim_matches(is_space).split_once(is_space).unwrap_or((text, ""));
        if !scheme.eq_ignore_ascii_case("Digest") {
            return Ok(None);
        }
        let list = auth_params(rest)?;
        let find = |name: &str| {
            list.iter()
                .find(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, value)| unquote(value).into_owned())
        };
        let need = |name| find(name).ok_or_else(|| ParseError::new("challenge lacks a parameter", name, 0));
        let algorithm = match find("algorithm") {
            None => Algorithm::new(AlgorithmType::MD5, false),
            Some(text) => match Algorithm::from_str(&text.to_ascii_uppercase().replace("-SESS", "-sess")) {
                Ok(algorithm) => algorithm,
                Err(_) => return Ok(None),
            },
        };
        let qop = match find("qop") {
            None => None,
            Some(offers) => match best_qop(&offers) {
                Some(qop) => Some(qop),
                None => return Ok(None),
            },
        };
        let flag = |name| find(name).is_some_and(|v| v.eq_ignore_ascii_case("true"));
        Ok(Some(Self {
            realm: need("realm")?,
            nonce: need("nonce")?,
            opaque: find("opaque"),
            stale: flag("stale"),
            algorithm,
            qop,
            userhash: flag("userhash"),
        }))
    }

    /// The realm.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The nonce.
    #[must_use]
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// The earlier answer was right, but its nonce is too old.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// The value of Authorization or Proxy-Authorization; none where the
    /// algorithm can't do what was asked.
    #[must_use]
    pub fn answer(&self, credentials: &Credentials, proof: &Proof<'_>) -> Option<String> {
        let mut prompt = WwwAuthenticateHeader {
            domain: None,
            realm: self.realm.clone(),
            nonce: self.nonce.clone(),
            opaque: self.opaque.clone(),
            stale: self.stale,
            algorithm: self.algorithm,
            qop: self.qop.map(|q| vec![q]),
            userhash: self.userhash,
            charset: Charset::UTF8,
            nc: proof.count.saturating_sub(1),
        };
        let context = AuthContext {
            username: Cow::Borrowed(&credentials.username),
            password: Cow::Borrowed(&credentials.password.0),
            uri: Cow::Borrowed(proof.uri),
            body: Some(Cow::Borrowed(proof.body)),
            method: HttpMethod(Cow::Borrowed(proof.method)),
            cnonce: Some(Cow::Borrowed(proof.cnonce)),
        };
        prompt.respond(&context).ok().map(|answer| answer.to_header_string())
    }
}

/// All challenges of a response that can be answered, the first of each realm
/// that we know the algorithm of: the server puts what it likes best first
/// (RFC 8760 section 2.3).
#[must_use]
pub fn challenges(headers: &Headers, asker: Asker) -> Vec<Challenge> {
    let mut list: Vec<Challenge> = Vec::new();
    for header in headers.all(asker.challenge()) {
        if let Ok(Some(challenge)) = Challenge::parse(&header.text())
            && !list.iter().any(|c| c.realm == challenge.realm)
        {
            list.push(challenge);
        }
    }
    list
}

/// Realm and nonce of the answers that a request carries.
#[must_use]
pub fn answered(headers: &Headers, asker: Asker) -> Vec<(String, String)> {
    let of = |text: &str| {
        let (_, rest) = text.split_once(is_space)?;
        let list = auth_params(rest).ok()?;
        let find = |name: &str| list.iter().find(|(n, _)| *n == name).map(|(_, v)| unquote(v).into_owned());
        Some((find("realm")?, find("nonce")?))
    };
    headers.all(asker.answer()).filter_map(|h| of(&h.text())).collect()
}

fn best_qop(offers: &str) -> Option<Qop> {
    let has = |word: &str| offers.split(',').any(|o| o.trim().eq_ignore_ascii_case(word));
    if has("auth") { Some(Qop::AUTH) } else { has("auth-int").then_some(Qop::AUTH_INT) }
}

/// `name=value, name="value"`, white space around everything.
fn auth_params(text: &str) -> Result<Vec<(&str, &str)>, ParseError> {
    let broken = |rest| ParseError::new("authentication parameter is broken", rest, 0);
    let mut list = Vec::new();
    let mut rest = text.trim_matches(is_space);
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or_else(|| broken(rest))?;
        let name = name.trim_matches(is_space);
        if !is_token(name) {
            return Err(broken(rest));
        }
        let after = after.trim_start_matches(is_space);
        let end = match after.starts_with('"') {
            true => quoted_end(after).ok_or_else(|| broken(after))?,
            false => after.find([',', ' ', '\t']).unwrap_or(after.len()),
        };
        list.push((name, &after[..end]));
        rest = after[end..].trim_start_matches(is_space);
        rest = match rest.strip_prefix(',') {
            Some(more) => more.trim_start_matches(|c| is_space(c) || c == ','),
            None if rest.is_empty() => rest,
            None => return Err(broken(rest)),
        };
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mufasa() -> Credentials {
        let (username, password) = ("Mufasa".to_owned(), Secret::new("Circle of Life"));
        Credentials { realm: None, username, password }
    }

    fn answer(challenge: &str, cnonce: &str) -> String {
        let challenge = Challenge::parse(challenge).expect("no fault").expect("known");
        let proof = Proof { method: "GET", uri: "/dir/index.html", body: b"", count: 1, cnonce };
        challenge.answer(&mufasa(), &proof).expect("an answer")
    }

    #[test]
    fn the_examples_of_rfc_7616() {
        let challenge = |algorithm| {
            format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            )
        };
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let md5 = answer(&challenge("MD5"), cnonce);
        assert!(md5.contains("response=\"8ca523f5e9506fed4657c9700eebdbec\""), "{md5}");
        assert!(md5.contains("qop=auth,") && md5.contains("nc=00000001"), "{md5}");
        let sha = answer(&challenge("SHA-256"), cnonce);
        assert!(sha.contains("753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"), "{sha}");
        assert!(sha.contains("algorithm=SHA-256"), "{sha}");
    }

    /// The request of RFC 7616 section 3.9.2; both hashes computed with Python's
    /// hashlib, as those printed there are not SHA-512/256.
    #[test]
    fn the_example_with_a_hashed_name() {
        let text = "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, \
                    nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", \
                    opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\", charset=UTF-8, userhash=true";
        let challenge = Challenge::parse(text).expect("no fault").expect("known");
        let (username, password) = ("J\u{e4}s\u{f8}n Doe".to_owned(), Secret::new("Secret, or not?"));
        let cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm";
        let proof = Proof { method: "GET", uri: "/doe.json", body: b"", count: 1, cnonce };
        let answer = challenge.answer(&Credentials { realm: None, username, password }, &proof);
        let answer = answer.expect("an answer");
        for part in [
            "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b",
            "7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c",
            "userhash=true",
        ] {
            assert!(answer.contains(part), "{part}: {answer}");
        }
    }

    /// The names and the nonce of RFC 3261 section 22.4, the tenth use of the
    /// nonce; responses computed with Python's hashlib.
    #[test]
    fn every_algorithm_and_protection() {
        let values = [
            ("MD5", "auth", "c2fa774b7863da4ead7b6e06b0d2e98c"),
            ("MD5", "auth-int", "8e8863f1efed4abb10fb0c787ba245e9"),
            ("SHA-256", "auth", "121c2e9cb99d81a5f40a300e0d3ee1ffe34ec2215733b94591d35716679cab5b"),
            ("SHA-256", "auth-int", "7b438267df48b73537c65e7adb56514fa5c23903fbf0912eaf8d353de8d7f555"),
            ("SHA-512-256", "auth", "6c3e06b7f81315daf49ad87d1f19db305e0bcefbdb71e95d282c36e2fa515ea1"),
            ("SHA-512-256", "auth-int", "22e51ca23c699ed2bc5cd24d5f0db9b614dee2c69accbb97d82c841167b253f3"),
            ("MD5-sess", "auth", "ad47bcf6bb5681207111240669f59fdf"),
            ("MD5-sess", "auth-int", "1714ffbdfcca30e4c7111688accacf13"),
            ("SHA-256-sess", "auth", "1e9768b649b85720e65403ece0cac8b70c8a449c606dfaf6c0c14413ccef5588"),
            ("SHA-256-sess", "auth-int", "0313765b9200cdb2f3b9a611d05aec04555804e4a4ce35a83d32f395b869fff2"),
            ("SHA-512-256-sess", "auth", "73209a12569ac6e80a225248b055cf7b5a10efe122c9a87696b9a2f10c531f60"),
            (
                "SHA-512-256-sess",
                "auth-int",
                "c907466d4f24d540fab6c16cd4eb26d874d68e65ef7232eb177f9cdc2dcf1432",
            ),
        ];
        let (username, password) = ("bob".to_owned(), Secret::new("zanzibar"));
        let bob = Credentials { realm: None, username, password };
        for (algorithm, qop, response) in values {
            let text = format!(
                "Digest realm=\"biloxi.example.com\", qop=\"{qop}\", algorithm={algorithm}, \
                 nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\""
            );
            let challenge = Challenge::parse(&text).expect("no fault").expect("known");
            let (uri, cnonce) = ("sip:bob@biloxi.example.com", "0a4f113b");
            let proof = Proof { method: "INVITE", uri, body: b"v=0\r\n", count: 10, cnonce };
            let answer = challenge.answer(&bob, &proof).expect("an answer");
            for part in [&format!("response=\"{response}\""), "nc=0000000a", &format!("qop={qop},")] {
                assert!(answer.contains(part), "{algorithm} {qop}, {part}: {answer}");
            }
            assert!(answer.contains(&format!("algorithm={algorithm}")), "{answer}");
        }
    }

    #[test]
    fn the_oldest_form_without_qop() {
        let text = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
        let answer = answer(text, "x");
        assert!(answer.contains("response=\"2951cdbad33b2271fcb6b8e7b8feac23\""), "{answer}");
        assert!(!answer.contains("nc=") && !answer.contains("cnonce="), "{answer}");
    }

    #[test]
    fn all_algorithms_and_what_is_not_for_us() {
        for name in ["MD5", "md5", "SHA-256", "SHA-512-256", "MD5-sess", "SHA-256-sess", "SHA-512-256-sess"] {
            let text = format!("Digest realm=\"r\", nonce=\"n\", algorithm={name}, qop=\"auth\"");
            assert!(Challenge::parse(&text).expect(name).is_some(), "{name}");
        }
        for text in [
            "Basic realm=\"r\"",
            "Digest realm=\"r\", nonce=\"n\", algorithm=AKAv1-MD5",
            "Digest realm=\"r\", nonce=\"n\", qop=\"token\"",
        ] {
            assert_eq!(Challenge::parse(text), Ok(None), "{text}");
        }
        for text in
            ["Digest nonce=\"n\"", "Digest realm=\"r\"", "Digest realm=\"r", "Digest x", "Digest a=b c=d"]
        {
            assert!(Challenge::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn white_space_quotes_and_case() {
        let text = "digest  Realm = \"a \\\"b\\\", c\" ,, NONCE=\"n\",stale=TRUE , opaque=\"\"";
        let challenge = Challenge::parse(text).expect("no fault").expect("known");
        assert_eq!(challenge.realm(), "a \"b\", c");
        assert!(challenge.is_stale());
        let proof = Proof { method: "REGISTER", uri: "sip:h", body: b"", count: 1, cnonce: "c" };
        let answer = challenge.answer(&mufasa(), &proof).expect("an answer");
        assert!(answer.contains("realm=\"a \\\"b\\\", c\""), "{answer}");
    }

    #[test]
    fn auth_int_covers_the_body() {
        let challenge = "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"";
        let challenge = Challenge::parse(challenge).expect("no fault").expect("known");
        let with = |body| {
            let proof = Proof { method: "INVITE", uri: "sip:h", body, count: 1, cnonce: "c" };
            challenge.answer(&mufasa(), &proof).expect("an answer")
        };
        assert!(with(b"one").contains("qop=auth-int"));
        assert_ne!(with(b"one"), with(b"two"));
    }

    #[test]
    fn the_first_known_challenge_of_a_realm_counts() {
        let mut headers = Headers::new();
        for value in [
            "Digest realm=\"r\", nonce=\"1\", algorithm=UNKNOWN",
            "Digest realm=\"r\", nonce=\"2\", algorithm=SHA-256",
            "Digest realm=\"r\", nonce=\"3\", algorithm=MD5",
            "Digest realm=\"s\", nonce=\"4\"",
        ] {
            headers.push(name::WWW_AUTHENTICATE, value);
        }
        let nonces: Vec<_> = challenges(&headers, Asker::Server).into_iter().map(|c| c.nonce).collect();
        assert_eq!(nonces, ["2", "4"]);
        assert_eq!(challenges(&headers, Asker::Proxy), []);
    }

    #[test]
    fn a_secret_is_not_printed() {
        let text = format!("{:?}", mufasa());
        assert!(text.contains("Mufasa") && !text.contains("Circle"), "{text}");
    }
}
