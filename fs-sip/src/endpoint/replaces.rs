//! An INVITE that takes the place of another dialog (RFC 3891).

use super::command::InviteId;
use super::core::{Call, EndpointCore};
use crate::dialog::DialogId;
use crate::wire::Request;
use crate::wire::headers::{Replaces, name};

impl EndpointCore {
    /// The session that this INVITE wants to take the place of, or the status
    /// that refuses it (section 3).
    pub(super) fn replaced_by(&self, request: &Request) -> Result<Option<InviteId>, u16> {
        let mut all = request.headers.all(name::REPLACES);
        let (first, second) = (all.next(), all.next());
        let Some(first) = first else { return Ok(None) };
        if second.is_some() {
            return Err(400);
        }
        let replaces: Replaces = crate::wire::TypedHeader::parse_value(&first.text()).map_err(|_| 400u16)?;
        let dialog =
            DialogId { call_id: replaces.call_id, local_tag: replaces.to_tag, remote_tag: replaces.from_tag };
        let id = *self.dialogs.get(&dialog).ok_or(481u16)?;
        match self.calls.get(&id) {
            Some(Call::Session(session)) if session.is_leaving() => Err(603),
            Some(Call::Session(_)) if replaces.early_only => Err(486),
            Some(Call::Session(_) | Call::Outgoing(_)) => Ok(Some(id)),
            // An early dialog that this side did not begin.
            Some(Call::Incoming(_)) | None => Err(481),
        }
    }
}
