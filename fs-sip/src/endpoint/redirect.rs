//! 3xx answers to our INVITE (RFC 3261 section 8.1.3.4): told to the
//! application, and followed where the settings say so.

use super::command::InviteId;
use super::core::{Call, EndpointCore, Purpose};
use super::event::Event;
use crate::limits;
use crate::transaction::ClientId;
use crate::wire::headers::{CSeq, name};
use crate::wire::{Headers, NameAddr, Request, Response};

impl EndpointCore {
    /// A 3xx; `true` where the call goes on to another target.
    pub(super) fn on_redirect(&mut self, client: ClientId, id: InviteId, response: &Response) -> bool {
        let contacts = by_preference(&response.headers);
        if self.is_cancelled(id) {
            return false;
        }
        let follow = self.config.follow_redirects;
        let Some(Call::Outgoing(outgoing)) = self.calls.get_mut(&id) else { return false };
        if follow {
            for contact in &contacts {
                let new = !outgoing.targets.contains(&contact.uri);
                if new && contact.uri.is_sip() && outgoing.targets.len() <= limits::MAX_REDIRECTS {
                    outgoing.targets.push(contact.uri.clone());
                }
            }
        }
        self.event(Event::Redirected { id, status: response.status, contacts });
        self.try_next_target(client, id)
    }

    /// The next target of a redirected call, if there is one left.
    pub(super) fn try_next_target(&mut self, client: ClientId, id: InviteId) -> bool {
        let Some(Call::Outgoing(outgoing)) = self.calls.get_mut(&id) else { return false };
        let Some(target) = outgoing.targets.get(outgoing.tried).cloned() else { return false };
        outgoing.tried += 1;
        self.invite_again(client, id, |request| request.uri = target.to_request_uri())
    }

    /// Sends an INVITE once more with changes and the next CSeq number.
    pub(super) fn invite_again(
        &mut self,
        client: ClientId,
        id: InviteId,
        change: impl FnOnce(&mut Request),
    ) -> bool {
        let Some(mut request) = self.table.request_of(client).cloned() else { return false };
        let Ok(CSeq { number, method }) = request.cseq() else { return false };
        let number = (number + 1).min(limits::MAX_CSEQ);
        request.headers.remove_first(name::VIA);
        request.headers.remove(name::CONTACT);
        request.headers.set_first(name::CSEQ, CSeq { number, method }.to_string());
        change(&mut request);
        let retries = self.retries.get(&client).copied().unwrap_or_default();
        self.begin_again(&Purpose::Invite(id));
        self.send_again(request, Purpose::Invite(id), retries + 1);
        true
    }
}

/// The addresses of Contact, highest `q` first.
fn by_preference(headers: &Headers) -> Vec<NameAddr> {
    let all = headers.all(name::CONTACT).filter_map(|h| NameAddr::parse(&h.text()).ok());
    let mut list: Vec<NameAddr> = all.take(limits::MAX_REDIRECTS).collect();
    let q = |address: &NameAddr| match address.params.raw("q").map(str::parse::<f32>) {
        Some(Ok(q)) if (0.0..=1.0).contains(&q) => (q * 1000.0) as u32,
        _ => 1000,
    };
    list.sort_by_key(|address| std::cmp::Reverse(q(address)));
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_comes_first() {
        let mut headers = Headers::new();
        for contact in ["<sip:c@h>;q=0.1", "<sip:a@h>", "broken>", "<sip:b@h>;q=0.5", "*"] {
            headers.push(name::CONTACT, contact);
        }
        let users: Vec<_> =
            by_preference(&headers).iter().map(|c| c.uri.user().unwrap_or_default().into_owned()).collect();
        assert_eq!(users, ["a", "b", "c"]);
    }
}
