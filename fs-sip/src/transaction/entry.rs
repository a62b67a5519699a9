//! What the table keeps of a transaction, and what it tells of one.

use super::{Client, ClientInvite, ClientKey, MergeKey, Server, ServerInvite, ServerKey};
use crate::transport::Peer;
use crate::wire::{Request, Response};

/// Names a client transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub(super) u64);

/// Names a server transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub(super) u64);

/// Bytes to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// To whom.
    pub peer: Peer,
    /// One message.
    pub data: Vec<u8>,
}

/// What the transactions tell their user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upward {
    /// A response that is not a repetition (2xx to an INVITE: any).
    Response(ClientId, Box<Response>),
    /// No final response came in time.
    TimedOut(ClientId),
    /// The request can't be delivered.
    Undeliverable(ClientId),
    /// The ACK to our refusal of an INVITE came.
    Acknowledged(ServerId),
    /// It did not come within 64*T1.
    AckMissing(ServerId),
    /// The transaction is over; its id will not be heard of again.
    ClientEnded(ClientId),
    /// The transaction is over; its id will not be heard of again.
    ServerEnded(ServerId),
}

/// What became of a received request.
#[derive(Debug)]
pub enum Received {
    /// It opened a transaction and wants an answer.
    New(ServerId, Request),
    /// Like `New`, but the same request has come by another way.
    Merged(ServerId, Request),
    /// An ACK that belongs to a 2xx: the dialog must judge it.
    Ack(Request),
    /// It is new, and there are too many already.
    Overload(Request),
    /// A repetition, or the ACK to a refusal: nothing is left to do.
    Absorbed,
}

#[derive(Debug)]
pub(super) enum ClientFsm {
    Invite(ClientInvite),
    Other(Client),
}

#[derive(Debug)]
pub(super) struct ClientEntry {
    pub(super) fsm: ClientFsm,
    pub(super) key: ClientKey,
    pub(super) request: Request,
    pub(super) wire: Vec<u8>,
    pub(super) peer: Peer,
}

#[derive(Debug)]
pub(super) enum ServerFsm {
    Invite(ServerInvite),
    Other(Server),
}

#[derive(Debug)]
pub(super) struct ServerEntry {
    pub(super) fsm: ServerFsm,
    pub(super) key: ServerKey,
    pub(super) merge: Option<MergeKey>,
    /// What a 100 is made of, as long as an INVITE is not answered.
    pub(super) head: Option<Response>,
    pub(super) wire: Vec<u8>,
    pub(super) peer: Peer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Id {
    Client(ClientId),
    Server(ServerId),
}

/// What a table has seen since its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Client transactions begun.
    pub clients: u64,
    /// Server transactions begun.
    pub servers: u64,
    /// Messages sent again.
    pub sent_again: u64,
    /// Requests that came again.
    pub came_again: u64,
}
