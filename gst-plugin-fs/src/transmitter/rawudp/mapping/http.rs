//! One request over HTTP/1.0 (RFC 1945), with a bound on time and size.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use super::other;

/// Descriptions of gateways have a few kilobytes.
const MOST_BYTES: usize = 128 * 1024;

/// Sends the request and gives status and body of the answer.
///
/// # Errors
/// What the system says, `TimedOut`, and answers that are none or too long.
pub(super) fn exchange(to: SocketAddr, request: &str, end: Instant) -> io::Result<(u16, String)> {
    let mut connection = TcpStream::connect_timeout(&to, left(end)?)?;
    connection.set_write_timeout(Some(left(end)?))?;
    connection.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        connection.set_read_timeout(Some(left(end)?))?;
        match connection.read(&mut piece)? {
            0 => break,
            size => answer.extend(piece.get(..size).unwrap_or_default()),
        }
        if answer.len() > MOST_BYTES {
            return Err(other(format!("{to} answers with more than {MOST_BYTES} bytes")));
        }
        if is_whole(&answer) {
            break;
        }
    }
    parse(&String::from_utf8_lossy(&answer)).ok_or_else(|| other(format!("{to} does not speak HTTP")))
}

fn left(end: Instant) -> io::Result<std::time::Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// Whether as many bytes are there as the answer says it has: some servers leave the connection open.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = header(head, "content-length").and_then(|value| value.parse::<usize>().ok());
    length.is_some_and(|length| answer.len() >= head.len() + 4 + length)
}

/// The value of a header, whatever its case.
pub(super) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/")?.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}
