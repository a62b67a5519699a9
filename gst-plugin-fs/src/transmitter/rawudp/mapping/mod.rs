//! Forwarded ports: asks the gateway by PCP (RFC 6887), NAT-PMP (RFC 6886) or UPnP IGD, whichever answers first.
//!
//! Everything happens in threads of its own that exist only where an application asked for it: gateways are slow, and
//! nobody waits for them. What is mapped is renewed at half its lifetime, and unmapped at the end.
//!
//! | File | What it holds |
//! |---|---|
//! | `portcontrol` | PCP and NAT-PMP: messages, and one exchange over UDP |
//! | `igd` | UPnP: search, description, actions |
//! | `http` | the little of HTTP that UPnP needs |

mod http;
mod igd;
mod portcontrol;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::CAT;

/// Where PCP and NAT-PMP are answered (RFC 6887 section 19.1).
pub(super) const PORT_CONTROL: u16 = 5351;
/// Where UPnP devices are searched (UPnP Device Architecture 1.1, section 1.3.2).
const SSDP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 255, 255, 250)), 1900);
/// A renewal is not done more often than this, whatever a gateway grants.
const SHORTEST_LIFE: Duration = Duration::from_secs(60);

/// What is to be mapped, and whom to ask.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Component and local address of each socket.
    pub(super) sockets: Vec<(u32, SocketAddr)>,
    /// How long a mapping should live.
    pub(super) life: Duration,
    /// How long to look for a gateway.
    pub(super) patience: Duration,
    /// Who speaks PCP or NAT-PMP; `None` = the gateway of the default route.
    pub(super) gateway: Option<SocketAddr>,
}

/// What comes to light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// There is a gateway; its mappings follow.
    Gateway,
    /// The component can be reached there from outside.
    Mapped(u32, SocketAddr),
    /// Nothing more is to be expected, but changes.
    Done,
}

/// Keeps the mappings; they are given back when this is gone.
pub(super) struct Mapper {
    _stop: Sender<()>,
}

impl Mapper {
    /// Begins to ask. `tell` is called in a thread of the mapper.
    ///
    /// # Errors
    /// What the system says when it has no thread.
    pub(super) fn start(request: Request, tell: impl Fn(Told) + Send + 'static) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let run = move || Keeper { request, stopped, mapped: Vec::new() }.run(&tell);
        std::thread::Builder::new().name("fs-mapping".to_owned()).spawn(run)?;
        Ok(Self { _stop: stop })
    }
}

/// A protocol that a gateway speaks.
trait Gateway: Send {
    /// Forwards a port of the gateway to that socket and gives its address and lifetime.
    fn map(&mut self, socket: SocketAddr, life: Duration) -> io::Result<(SocketAddr, Duration)>;

    /// Takes it back.
    fn unmap(&mut self, socket: SocketAddr, outside: SocketAddr) -> io::Result<()>;
}

struct Keeper {
    request: Request,
    stopped: Receiver<()>,
    /// Component, socket, and its address outside.
    mapped: Vec<(u32, SocketAddr, SocketAddr)>,
}

impl Keeper {
    fn run(mut self, tell: &dyn Fn(Told)) {
        let Some(mut gateway) = self.search() else {
            gst::info!(CAT, "no gateway answers; ports are not forwarded");
            return tell(Told::Done);
        };
        tell(Told::Gateway);
        loop {
            let life = self.map_all(&mut *gateway, tell);
            tell(Told::Done);
            let wait = (life / 2).max(SHORTEST_LIFE / 2);
            if !matches!(self.stopped.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
                break;
            }
        }
        for (component, socket, outside) in self.mapped {
            if let Err(e) = gateway.unmap(socket, outside) {
                gst::info!(CAT, "component {component}: {outside} stays forwarded until it expires: {e}");
            }
        }
    }

    /// The first gateway that answers.
    fn search(&self) -> Option<Box<dyn Gateway>> {
        let end = Instant::now() + self.request.patience;
        let (found, answers) = channel::<Box<dyn Gateway>>();
        let (own, search_end) = (self.request.sockets.first()?.1.ip(), end);
        let tell = found.clone();
        let near = self.request.gateway.map(|asked| asked.ip()).or_else(default_gateway);
        let places: Vec<SocketAddr> =
            [SSDP].into_iter().chain(near.map(|ip| SocketAddr::new(ip, SSDP.port()))).collect();
        let by_upnp = move || match igd::search(own, &places, search_end) {
            // Nobody may be waiting any more.
            Ok(gateway) => drop(tell.send(Box::new(gateway))),
            Err(e) => gst::debug!(CAT, "UPnP: {e}"),
        };
        let asked = self.request.gateway.or_else(|| Some(SocketAddr::new(near?, PORT_CONTROL)));
        let by_port_control = move || match asked.map(|to| portcontrol::search(own, to, end)) {
            Some(Ok(gateway)) => drop(found.send(Box::new(gateway))),
            Some(Err(e)) => gst::debug!(CAT, "PCP and NAT-PMP: {e}"),
            None => gst::debug!(CAT, "no default route, so nobody to ask by PCP and NAT-PMP"),
        };
        let threads = std::thread::Builder::new().name("fs-upnp".to_owned()).spawn(by_upnp).and_then(|_| {
            std::thread::Builder::new().name("fs-port-control".to_owned()).spawn(by_port_control)
        });
        if let Err(e) = threads {
            gst::warning!(CAT, "no thread to look for a gateway: {e}");
        }
        // The channel closes when both have given up.
        answers.recv().ok()
    }

    /// Maps or renews everything and answers how long that holds.
    fn map_all(&mut self, gateway: &mut dyn Gateway, tell: &dyn Fn(Told)) -> Duration {
        let mut shortest = self.request.life;
        for (component, socket) in self.request.sockets.clone() {
            match gateway.map(socket, self.request.life) {
                Ok((outside, life)) => {
                    shortest = shortest.min(life);
                    let now = (component, socket, outside);
                    if !self.mapped.contains(&now) {
                        self.mapped.retain(|(known, ..)| *known != component);
                        self.mapped.push(now);
                        tell(Told::Mapped(component, outside));
                    }
                }
                Err(e) => gst::warning!(CAT, "component {component}: the gateway forwards no port: {e}"),
            }
        }
        shortest
    }
}

/// The IPv4 gateway of the default route.
fn default_gateway() -> Option<IpAddr> {
    gateway_in(&std::fs::read_to_string("/proc/net/route").ok()?)
}

/// Reads Linux's table of routes: interface, destination, gateway, flags, ..., hexadecimal.
fn gateway_in(routes: &str) -> Option<IpAddr> {
    const IS_GATEWAY: u16 = 2;
    routes.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (destination, gateway, flags) = (fields.next()?, fields.next()?, fields.next()?);
        let flags = u16::from_str_radix(flags, 16).ok()?;
        let gateway = u32::from_str_radix(gateway, 16).ok()?;
        let default = destination == "00000000" && flags & IS_GATEWAY != 0;
        default.then(|| Ipv4Addr::from(gateway.to_ne_bytes()).into())
    })
}

fn other(text: impl Into<String>) -> io::Error {
    io::Error::other(text.into())
}

#[cfg(test)]
mod tests;
