//! WebSocket (RFC 7118).

use super::*;

#[tokio::test]
async fn a_call_over_websocket_goes_both_ways_on_one_connection() {
    let (mut a, mut b) = (Side::plain().await, websocket_listener().await);
    let target = b.uri(Protocol::Ws);
    let headers = whole_call(&mut a, &mut b, &target).await;
    assert!(header(&headers, "Via").starts_with("SIP/2.0/WS 127.0.0.1:"));
    let contact = NameAddr::parse(header(&headers, "Contact")).expect("contact");
    assert_eq!(contact.uri.params().raw("transport"), Some("ws"));
    // Nobody listens at the contact: it stands for the connection.
    let back = contact.uri.to_string();
    whole_call(&mut b, &mut a, &back).await;
}

/// Opens a WebSocket connection by hand and gives back the answer's head.
async fn handshake(to: SocketAddr, subprotocol: &str) -> (TcpStream, String) {
    let mut socket = TcpStream::connect(to).await.expect("connected");
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {to}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{subprotocol}\r\n"
    );
    socket.write_all(request.as_bytes()).await.expect("written");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = tokio::time::timeout(LIMIT, socket.read_u8()).await.expect("in time");
        match byte {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    (socket, String::from_utf8(head).expect("text"))
}

/// A frame with the mask 0 (RFC 6455 section 5.2).
fn frame(opcode: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("short");
    let mut frame = vec![0x80 | opcode, 0x80 | 126];
    frame.extend(length.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(data);
    frame
}

#[tokio::test]
async fn websocket_frames_that_are_fine_and_that_are_not() {
    let mut b = websocket_listener().await;
    let address = b.address(Protocol::Ws);
    let (_, refused) = handshake(address, "Sec-WebSocket-Protocol: chat\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    let (_, refused) = handshake(address, "").await;
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    let (mut socket, taken) = handshake(address, "Sec-WebSocket-Protocol: chat, sip\r\n").await;
    assert!(taken.starts_with("HTTP/1.1 101 "), "{taken}");
    assert!(taken.to_ascii_lowercase().contains("sec-websocket-protocol: sip\r\n"), "{taken}");
    let text = |n: u32| String::from_utf8(options(n, "")).expect("text").replace("/TCP", "/WS");
    let without_length = text(1).replace("Content-Length: 0\r\n", "");
    // As text, as binary, an empty keep-alive, a ping.
    let four = [
        frame(1, without_length.as_bytes()),
        frame(2, text(2).as_bytes()),
        frame(1, b"\r\n\r\n"),
        frame(9, b"pi"),
    ];
    socket.write_all(&four.concat()).await.expect("written");
    let mut answers = Vec::new();
    while !(answers.windows(4).any(|w| w == b"\x8a\x02pi")
        && answers.windows(4).any(|w| w == b"\x81\x02\r\n")
        && answers.windows(11).filter(|w| w == b"SIP/2.0 200").count() == 2)
    {
        let mut buffer = [0; 4096];
        let read =
            tokio::time::timeout(LIMIT, socket.read(&mut buffer)).await.expect("in time").expect("read");
        assert!(read > 0, "closed early: {}", String::from_utf8_lossy(&answers));
        answers.extend(&buffer[..read]);
    }
    // Not UTF-8 in a text frame: that connection is broken, no other.
    let (mut other, _) = handshake(address, "Sec-WebSocket-Protocol: sip\r\n").await;
    other.write_all(&frame(1, b"\xff\xfe")).await.expect("written");
    assert!(matches!(b.next().await, Event::Malformed { .. }));
    socket.write_all(&frame(1, text(4).as_bytes())).await.expect("written");
    let mut buffer = [0; 4096];
    let read = tokio::time::timeout(LIMIT, socket.read(&mut buffer)).await.expect("in time").expect("read");
    assert!(read > 0, "the first connection goes on");
}
