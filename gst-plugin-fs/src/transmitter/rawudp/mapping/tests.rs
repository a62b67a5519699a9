//! Gateways that are made up: one speaks NAT-PMP, one PCP, one UPnP.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::sync::mpsc::channel;

use super::*;

const OWN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7078);
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers what comes; the thread ends with the test's process.
fn gateway(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> (SocketAddr, Receiver<Vec<u8>>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut request = [0; 1100];
        while let Ok((size, from)) = socket.recv_from(&mut request) {
            if tell.send(request[..size].to_vec()).is_err() {
                return;
            }
            socket.send_to(&answer(&request[..size]), from).unwrap();
        }
    });
    (address, told)
}

fn nat_pmp(request: &[u8]) -> Vec<u8> {
    match *request {
        [0, 0] => [&[0, 128, 0, 0, 0, 0, 0, 9][..], &OUTSIDE.octets()].concat(),
        [0, 1, ..] => {
            let lifetime = &request[8..12];
            let port = if request[6..8] == [0, 0] { &request[6..8] } else { &[0x9c, 0x40] };
            [&[0, 129, 0, 0, 0, 0, 0, 9][..], &request[4..6], port, lifetime].concat()
        }
        // RFC 6887 appendix A: what NAT-PMP says to PCP.
        _ => vec![0, 128, 0, 1, 0, 0, 0, 9],
    }
}

fn pcp(request: &[u8]) -> Vec<u8> {
    let mut answer = vec![2, 0x80 | request[1], 0, 0, 0, 0, 0, 120, 0, 0, 0, 9];
    answer.resize(24, 0);
    if request[1] == 1 {
        answer.extend(&request[24..42]);
        answer.extend(50_000u16.to_be_bytes());
        answer.extend(OUTSIDE.to_ipv6_mapped().octets());
    }
    answer
}

fn request(gateway: SocketAddr) -> Request {
    let sockets = vec![(1, OWN), (2, SocketAddr::new(OWN.ip(), 7079))];
    Request { sockets, life: Duration::from_secs(600), patience: PATIENCE, gateway: Some(gateway) }
}

fn told(request: Request) -> (Mapper, Receiver<Told>) {
    let (tell, told) = channel();
    let mapper = Mapper::start(request, move |what| {
        let _ = tell.send(what);
    });
    (mapper.unwrap(), told)
}

#[test]
fn ports_are_forwarded_by_nat_pmp_and_given_back() {
    let (address, asked) = gateway(nat_pmp);
    let (mapper, told) = told(request(address));
    let outside = SocketAddr::new(OUTSIDE.into(), 40_000);
    for what in [Told::Gateway, Told::Mapped(1, outside), Told::Mapped(2, outside), Told::Done] {
        assert_eq!(told.recv_timeout(PATIENCE), Ok(what));
    }
    let map = |port: [u8; 2], wish: [u8; 2], life: [u8; 4]| [&[0, 1, 0, 0][..], &port, &wish, &life].concat();
    let life = 600u32.to_be_bytes();
    let seen: Vec<_> = std::iter::from_fn(|| asked.recv_timeout(PATIENCE).ok()).take(5).collect();
    assert_eq!(seen[0][..2], [2, 0], "PCP is tried first");
    assert!(seen.contains(&map([0x1b, 0xa6], [0x1b, 0xa6], life)), "{seen:?}");
    assert!(seen.contains(&map([0x1b, 0xa7], [0x1b, 0xa7], life)), "{seen:?}");
    drop(mapper);
    let gone: Vec<_> = std::iter::from_fn(|| asked.recv_timeout(PATIENCE).ok()).take(2).collect();
    assert_eq!(gone, [map([0x1b, 0xa6], [0, 0], [0; 4]), map([0x1b, 0xa7], [0, 0], [0; 4])]);
}

#[test]
fn ports_are_forwarded_by_pcp() {
    let (address, _asked) = gateway(pcp);
    let (_mapper, told) = told(request(address));
    let outside = SocketAddr::new(OUTSIDE.into(), 50_000);
    for what in [Told::Gateway, Told::Mapped(1, outside), Told::Mapped(2, outside), Told::Done] {
        assert_eq!(told.recv_timeout(PATIENCE), Ok(what));
    }
}

#[test]
fn a_gateway_that_refuses_or_raves_is_no_harm() {
    let (address, _asked) = gateway(|request| match request[..2] {
        [2, 0] => vec![2, 0x80, 0, 0],
        _ => {
            let mut answer = pcp(request);
            answer[3] = 8;
            answer
        }
    });
    let (_mapper, first) = told(request(address));
    assert_eq!(first.recv_timeout(PATIENCE), Ok(Told::Gateway));
    assert_eq!(first.recv_timeout(PATIENCE), Ok(Told::Done), "nothing is mapped");
    let (address, _asked) = gateway(|_| vec![7; 3]);
    let (_mapper, second) = told(Request { patience: Duration::from_millis(300), ..request(address) });
    assert_eq!(second.recv_timeout(PATIENCE), Ok(Told::Done));
}

/// A device that describes itself and takes actions, by HTTP.
fn igd() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let http = listener.local_addr().unwrap();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut conflicts = 1;
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut text = String::new();
            let mut piece = [0; 4096];
            let is_whole = |text: &str| match text.starts_with("GET") {
                true => text.ends_with("\r\n\r\n"),
                false => text.ends_with("</s:Envelope>\r\n"),
            };
            while !is_whole(&text) {
                let size = connection.read(&mut piece).unwrap();
                text.push_str(std::str::from_utf8(&piece[..size]).unwrap());
            }
            let (status, body) = if text.starts_with("GET /root.xml ") {
                let service = "<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>\
                               <controlURL>/ctl</controlURL></service>";
                ("200 OK", format!("<root><device>{service}</device></root>"))
            } else if text.contains("#GetExternalIPAddress\"") {
                ("200 OK", format!("<NewExternalIPAddress>{OUTSIDE}</NewExternalIPAddress>"))
            } else if text.contains("#AddPortMapping\"") && conflicts > 0 {
                conflicts -= 1;
                ("500 Internal Server Error", "<errorCode>718</errorCode>".to_owned())
            } else {
                ("200 OK", String::new())
            };
            write!(connection, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
            let _ = tell.send(text);
        }
    });
    let search = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = search.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut request = [0; 1500];
        while let Ok((size, from)) = search.recv_from(&mut request) {
            if String::from_utf8_lossy(&request[..size]).starts_with("M-SEARCH * HTTP/1.1\r\n") {
                let answer = format!("HTTP/1.1 200 OK\r\nLOCATION: http://{http}/root.xml\r\n\r\n");
                search.send_to(answer.as_bytes(), from).unwrap();
            }
        }
    });
    (address, told)
}

#[test]
fn ports_are_forwarded_by_upnp_and_given_back() {
    let (address, asked) = igd();
    let mut gateway = igd::search(OWN.ip(), &[address], Instant::now() + PATIENCE).unwrap();
    let life = Duration::from_secs(600);
    let mapped = gateway.map(OWN, life).unwrap();
    assert_eq!(
        mapped,
        (SocketAddr::new(OUTSIDE.into(), 7080), life),
        "7078 is somebody else's at the gateway"
    );
    gateway.unmap(OWN, mapped.0).unwrap();
    let seen: Vec<String> = std::iter::from_fn(|| asked.recv_timeout(PATIENCE).ok()).take(5).collect();
    let wanted = "<NewExternalPort>7080</NewExternalPort><NewProtocol>UDP</NewProtocol>\
                  <NewInternalPort>7078</NewInternalPort><NewInternalClient>127.0.0.1</NewInternalClient>";
    assert!(seen[3].contains(wanted), "{}", seen[3]);
    assert!(
        seen[4].contains("#DeletePortMapping\"") && seen[4].contains("<NewExternalPort>7080<"),
        "{}",
        seen[4]
    );
}

#[test]
fn the_default_route_is_read() {
    let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\n\
                 eth0\t0000A8C0\t00000000\t0001\t0\n\
                 eth0\t00000000\t0100A8C0\t0003\t0\n";
    assert_eq!(gateway_in(table), Some(IpAddr::from([192, 168, 0, 1])));
    assert_eq!(gateway_in("Iface\tDestination\tGateway\n"), None);
}
