//! A DNS server of our own on loopback, with a handful of records.
#![allow(dead_code)] // each test binary uses its part

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// The records of a name.
pub enum Record {
    A(Ipv4Addr),
    /// Priority, weight, port, target.
    Srv(u16, u16, u16, &'static str),
    /// Order, service, replacement.
    Naptr(u16, &'static str, &'static str),
}

impl Record {
    fn kind(&self) -> u16 {
        match self {
            Self::A(_) => 1,
            Self::Srv(..) => 33,
            Self::Naptr(..) => 35,
        }
    }

    fn data(&self) -> Vec<u8> {
        let mut data = Vec::new();
        match self {
            Self::A(ip) => data.extend(ip.octets()),
            Self::Srv(priority, weight, port, target) => {
                for number in [priority, weight, port] {
                    data.extend(number.to_be_bytes());
                }
                data.extend(encoded(target));
            }
            Self::Naptr(order, service, replacement) => {
                data.extend(order.to_be_bytes());
                data.extend(1u16.to_be_bytes());
                for text in ["s", service, ""] {
                    data.push(u8::try_from(text.len()).expect("short"));
                    data.extend(text.bytes());
                }
                data.extend(encoded(replacement));
            }
        }
        data
    }
}

fn encoded(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.') {
        out.push(u8::try_from(label.len()).expect("short"));
        out.extend(label.bytes());
    }
    out.push(0);
    out
}

/// The server; it ends with this value.
pub struct DnsServer {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl DnsServer {
    pub async fn start(zone: Vec<(&'static str, Record)>) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = socket.local_addr().expect("its address");
        let task = tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let answer = answer(&buffer[..length], &zone);
                // Who asked may be gone.
                let _ = socket.send_to(&answer, from).await;
            }
        });
        Self { address, task }
    }
}

fn answer(query: &[u8], zone: &[(&'static str, Record)]) -> Vec<u8> {
    let mut labels = Vec::new();
    let mut at = 12;
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..end]).to_lowercase());
        at = end;
    }
    let name = labels.join(".");
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let question = &query[12..at + 5];
    let found: Vec<&Record> =
        zone.iter().filter(|(n, r)| *n == name && r.kind() == kind).map(|(_, r)| r).collect();
    let known = zone.iter().any(|(n, _)| *n == name);
    let mut out = query[..2].to_vec();
    out.extend([0x85, if known { 0x80 } else { 0x83 }, 0, 1]);
    out.extend(u16::try_from(found.len()).expect("few").to_be_bytes());
    out.extend([0, 0, 0, 0]);
    out.extend(question);
    for record in found {
        out.extend([0xc0, 12]);
        out.extend(record.kind().to_be_bytes());
        out.extend([0, 1, 0, 0, 0, 60]);
        let data = record.data();
        out.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
        out.extend(data);
    }
    out
}
