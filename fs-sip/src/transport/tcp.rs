//! TCP (RFC 3261 section 18).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::stream;
use super::table::{Link, Task};
use super::tls::Tls;

/// Opens a connection.
pub(super) fn dial(remote: SocketAddr, _: Option<Arc<str>>, _: Arc<Tls>) -> Task<io::Result<Link>> {
    Box::pin(async move { link(TcpStream::connect(remote).await?) })
}

/// Takes a connection.
pub(super) fn greet(socket: TcpStream, _: Arc<Tls>) -> Task<io::Result<Link>> {
    Box::pin(async move { link(socket) })
}

fn link(socket: TcpStream) -> io::Result<Link> {
    // Messages are written whole: waiting for more would only delay them.
    socket.set_nodelay(true)?;
    let (local, remote) = (socket.local_addr()?, socket.peer_addr()?);
    Ok(Link { local, remote, run: Box::new(|line| Box::pin(stream::run(socket, line))) })
}
