//! Offer and answer as the messages of a dialog carry them (RFC 3264, RFC
//! 3311, RFC 6337): whose offer is open, and what another one gets. What the
//! descriptions say is none of its business.
//!
//! ```text
//!                 offer sent                      offer received
//!   LocalOffer <------------- Stable(settled) ------------------> RemoteOffer
//!       |   answer received,        ^    answer sent, refused         |
//!       |   refused, given up       |                                 |
//!       +---------------------------+---------------------------------+
//! ```
//! The six patterns of RFC 6337 section 2: offer in INVITE with the answer in
//! the 2xx or in a reliable 1xx; offer in the 2xx with the answer in the ACK;
//! offer in a reliable 1xx with the answer in the PRACK; offer in a PRACK and
//! offer in an UPDATE with the answers in their 2xx.

/// The state of one exchange; each early dialog of a fork has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exchange {
    open: Option<Offerer>,
    settled: bool,
}

/// Whose offer waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offerer {
    /// Ours.
    Local,
    /// The peer's.
    Remote,
}

/// What a description in a message is, from where the exchange stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It opens an exchange.
    Offer,
    /// It answers the open offer.
    Answer,
    /// It repeats what is settled: to be ignored (RFC 6337 section 3.1.1).
    Repetition,
}

/// A message that can carry a description, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// INVITE, UPDATE, PRACK with no offer open before it.
    Request,
    /// A reliable 1xx or a 2xx to an INVITE.
    InviteResponse,
    /// 2xx to UPDATE or PRACK, ACK.
    Other,
}

impl Exchange {
    /// An exchange where this side has just offered.
    #[must_use]
    pub fn offered(by: Offerer) -> Self {
        Self { open: Some(by), settled: false }
    }

    /// Whose offer is open.
    #[must_use]
    pub fn open(&self) -> Option<Offerer> {
        self.open
    }

    /// Was an offer ever answered?
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// May this side offer now? Before the first exchange only the INVITE and
    /// its answers may (RFC 3311 section 5.1).
    #[must_use]
    pub fn may_offer(&self) -> bool {
        self.open.is_none() && self.settled
    }

    /// The status for an offer of the peer in a re-INVITE, UPDATE or PRACK;
    /// none where it may come. 491 where ours is open, 500 with Retry-After
    /// where its own is (RFC 3311 section 5.2, RFC 3261 section 14.2).
    #[must_use]
    pub fn refusal(&self) -> Option<u16> {
        match self.open {
            Some(Offerer::Local) => Some(491),
            Some(Offerer::Remote) => Some(500),
            None => None,
        }
    }

    /// What a description from (or, `by` turned round, to) the peer is.
    #[must_use]
    pub fn role(&self, by: Offerer, carrier: Carrier) -> Role {
        match self.open {
            Some(offerer) if offerer != by => Role::Answer,
            Some(_) => Role::Repetition,
            None if carrier == Carrier::Request => Role::Offer,
            None if carrier == Carrier::InviteResponse && !self.settled => Role::Offer,
            None => Role::Repetition,
        }
    }

    /// A description goes by; tells what it was.
    pub fn carry(&mut self, by: Offerer, carrier: Carrier) -> Role {
        let role = self.role(by, carrier);
        match role {
            Role::Offer => self.open = Some(by),
            Role::Answer => (self.open, self.settled) = (None, true),
            Role::Repetition => {}
        }
        role
    }

    /// The open offer is refused or given up; what was settled stands.
    pub fn roll_back(&mut self) {
        self.open = None;
    }

    /// The INVITE is answered with 2xx: what follows are re-INVITEs.
    pub fn settle(&mut self) {
        self.settled = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Carrier::{InviteResponse, Other, Request};
    use Offerer::{Local, Remote};

    /// RFC 6337 section 2, table 1, seen from both sides.
    #[test]
    fn the_six_patterns() {
        for (us, them) in [(Local, Remote), (Remote, Local)] {
            let patterns: [&[(Offerer, Carrier, Role)]; 6] = [
                &[(us, Request, Role::Offer), (them, InviteResponse, Role::Answer)],
                &[(them, InviteResponse, Role::Offer), (us, Other, Role::Answer)],
                // The answer in a reliable 1xx; the 2xx repeats it.
                &[
                    (us, Request, Role::Offer),
                    (them, InviteResponse, Role::Answer),
                    (them, InviteResponse, Role::Repetition),
                ],
                // The offer in a reliable 1xx, the answer in the PRACK, the 2xx repeats it.
                &[
                    (them, InviteResponse, Role::Offer),
                    (us, Other, Role::Answer),
                    (them, InviteResponse, Role::Repetition),
                ],
                // A further offer in a PRACK.
                &[
                    (us, Request, Role::Offer),
                    (them, InviteResponse, Role::Answer),
                    (us, Request, Role::Offer),
                    (them, Other, Role::Answer),
                ],
                // UPDATE from the other side.
                &[
                    (us, Request, Role::Offer),
                    (them, InviteResponse, Role::Answer),
                    (them, Request, Role::Offer),
                    (us, Other, Role::Answer),
                ],
            ];
            for pattern in patterns {
                let mut exchange = Exchange::default();
                for (by, carrier, role) in pattern {
                    assert_eq!(exchange.carry(*by, *carrier), *role, "{pattern:?}");
                }
                assert_eq!((exchange.open(), exchange.is_settled()), (None, true), "{pattern:?}");
            }
        }
    }

    #[test]
    fn one_offer_at_a_time() {
        for (open, may, refusal) in
            [(None, true, None), (Some(Local), false, Some(491)), (Some(Remote), false, Some(500))]
        {
            let exchange = Exchange { open, settled: true };
            assert_eq!((exchange.may_offer(), exchange.refusal()), (may, refusal), "{open:?}");
        }
        assert!(!Exchange::default().may_offer(), "the first offer belongs to the INVITE");
    }

    #[test]
    fn a_refused_offer_leaves_what_was_settled() {
        let mut exchange = Exchange::default();
        exchange.settle();
        assert_eq!(exchange.carry(Local, Request), Role::Offer);
        assert_eq!(exchange.carry(Local, Request), Role::Repetition);
        exchange.roll_back();
        assert_eq!((exchange.open(), exchange.is_settled()), (None, true));
        assert_eq!(exchange.carry(Remote, Other), Role::Repetition, "an answer without an offer");
        assert_eq!(exchange.carry(Remote, InviteResponse), Role::Repetition);
    }
}
