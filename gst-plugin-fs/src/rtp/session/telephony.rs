//! Sending telephony events: the queue's effects become elements and messages.
//!
//! Whatever happens to the queue (a request, an answer of a source, another send codec) happens under the session's lock.
//! What follows from it is done by one thread of the conference's pool at a time, so that messages come in the right
//! order and elements are never removed in the thread that runs them. The lock of the [`Player`] is only ever taken by
//! that thread, when the send codec changes, and at the end of the session; it is taken after the one for changes of the
//! send path and before the session's.

use fs_core::prelude::*;
use fs_core::{Error, messages};
use fs_proto::negotiation::Association;
use fs_proto::session::telephony::{Effect, Telephony, Tone};
use fs_proto::{Codec, DtmfMethod, EventSet};
use glib::subclass::prelude::*;
use gst::prelude::*;

use super::imp;
use super::state::State;
use crate::debug::CONFERENCE as CAT;
use crate::rtp::discovery::Blueprint;
use crate::rtp::element;
use crate::rtp::special::{self, SourceBin, SpecialSource};

/// The queue, and what its owner needs to know of the elements; behind the session's lock.
#[derive(Debug, Default)]
pub struct TelephonyState {
    queue: Telephony,
    /// Some thread follows the effects.
    working: bool,
    /// The element that answers, and how it sends.
    source: Option<(gst::Element, DtmfMethod)>,
    /// When the last event ended: the next one keeps a distance.
    last_stop: Option<gst::ClockTime>,
}

/// The elements that send an event.
#[derive(Debug)]
pub struct Player {
    parts: SourceBin,
    method: DtmfMethod,
    association: Association,
    muxer: gst::Element,
    mux_pad: gst::Pad,
}

impl Player {
    /// Stops and removes everything. Waits for data on its way through.
    pub fn take_down(self) {
        element::remove(&self.parts.bin);
        self.muxer.release_request_pad(&self.mux_pad);
    }
}

impl State {
    /// What is sent besides the main codec (`secondary-codecs`): what a profile sends along, and the codecs of telephony
    /// events. One for each payload type.
    pub fn secondary_codecs(&self) -> Vec<Codec> {
        let Some(current) = self.send.current.as_ref() else { return Vec::new() };
        let main = &current.association;
        let events = special::choose(0, &self.outcome.associations, main).into_iter().map(|(_, a)| a.codec);
        let mut secondary: Vec<Codec> = Vec::new();
        for codec in current.along.iter().map(|along| along.codec.clone()).chain(events) {
            if codec.id != main.codec.id && secondary.iter().all(|other| other.id != codec.id) {
                secondary.push(codec);
            }
        }
        secondary
    }
}

impl imp::Session {
    /// `start_telephony_event`.
    pub(super) fn start_event(&self, event: u8, volume: u8) -> bool {
        !self.is_disposed() && self.telephony(|queue| queue.start(event, volume))
    }

    /// `stop_telephony_event`.
    pub(super) fn stop_event(&self) -> bool {
        !self.is_disposed() && self.telephony(Telephony::stop)
    }

    /// A source of telephony events began or ended one, or, if `dropped`, could not.
    pub(in crate::rtp) fn event_answered(&self, source: &gst::Object, start: bool, dropped: bool) {
        let now = self.conference().and_then(|conference| conference.current_running_time());
        let method = {
            let mut state = self.state();
            let known = state.telephony.source.as_ref();
            let Some(method) =
                known.filter(|(e, _)| e.upcast_ref::<gst::Object>() == source).map(|(_, m)| *m)
            else {
                return;
            };
            if !start {
                state.telephony.last_stop = now;
            }
            method
        };
        self.telephony(|queue| match (start, dropped) {
            (true, false) => queue.began(method),
            (true, true) => queue.refused(),
            (false, _) => queue.ended(),
        });
    }

    /// Another way to send events may be there, and the one in use may be gone.
    pub(in crate::rtp) fn review_events(&self) {
        let Some(conference) = self.conference() else { return };
        if self.state().telephony.source.is_none() {
            self.telephony(Telephony::retry);
            return;
        }
        let weak = self.obj().downgrade();
        conference.call_async(move |_| {
            let Some(session) = weak.upgrade() else { return };
            let session = session.imp();
            if !session.player_fits() && session.remove_player() {
                session.telephony(Telephony::lost);
            }
            session.telephony(Telephony::retry);
        });
    }

    /// Forgets all events, at the end of the session. The player has to be taken down.
    pub(super) fn end_telephony(&self) -> Option<Player> {
        let player = self.player().take();
        let mut state = self.state();
        state.telephony.queue.clear();
        state.telephony.source = None;
        player
    }

    /// Changes the queue and sees to it that what follows is done.
    fn telephony<R>(&self, change: impl FnOnce(&mut Telephony) -> R) -> R {
        let (result, work) = {
            let mut state = self.state();
            let telephony = &mut state.telephony;
            let result = change(&mut telephony.queue);
            let work = telephony.queue.has_effects() && !telephony.working;
            telephony.working |= work;
            (result, work)
        };
        if work {
            let weak = self.obj().downgrade();
            match self.conference() {
                Some(conference) => conference.call_async(move |_| {
                    if let Some(session) = weak.upgrade() {
                        session.imp().follow_effects();
                    }
                }),
                None => self.state().telephony.working = false,
            }
        }
        result
    }

    fn follow_effects(&self) {
        loop {
            let effect = {
                let mut state = self.state();
                let effect = state.telephony.queue.next_effect();
                state.telephony.working = effect.is_some();
                effect
            };
            match effect {
                None => return,
                Some(Effect::Begin(tone)) => self.begin(tone),
                Some(Effect::End) => self.end_tone(),
                Some(Effect::Started(tone, method)) => {
                    let Tone { event, volume } = tone;
                    let session = self.obj();
                    self.post(messages::telephony_event_started(
                        session.upcast_ref(),
                        method.into(),
                        event,
                        volume,
                    ));
                }
                Some(Effect::Stopped(method)) => {
                    self.post(messages::telephony_event_stopped(self.obj().upcast_ref(), method.into()));
                }
                Some(Effect::Rest) => {
                    self.remove_player();
                }
            }
        }
    }

    /// The muxer takes one clock rate at a time: what sends at another one has to go before the media's codec can come.
    /// The caller holds the lock against other changes of the send path.
    pub(super) fn end_events_at_another_rate(&self, clock_rate: u32) {
        let other = self.player().take_if(|player| player.association.codec.clock_rate != clock_rate);
        if let Some(player) = other {
            self.state().telephony.source = None;
            player.take_down();
            self.telephony(Telephony::lost);
        }
    }

    fn begin(&self, tone: Tone) {
        let method = match self.prepare_player(tone) {
            Ok(method) => method,
            Err(error) => {
                self.telephony(Telephony::refused);
                if let Some(error) = error {
                    let text = format!("can't send event {}: {}", tone.event, error.message());
                    self.obj().emit_error(Error::Construction, &text);
                }
                return;
            }
        };
        let last_stop = self.state().telephony.last_stop;
        let mut structure = gst::Structure::builder("dtmf-event")
            .field("type", 1i32)
            .field("method", method as i32)
            .field("start", true)
            .field("number", i32::from(tone.event))
            .field("volume", i32::from(tone.volume))
            .build();
        if let Some(last_stop) = last_stop {
            structure.set("last-stop", last_stop.nseconds());
        }
        if !self.tell_source(structure) {
            self.telephony(Telephony::refused);
        }
    }

    fn end_tone(&self) {
        let structure =
            gst::Structure::builder("dtmf-event").field("type", 1i32).field("start", false).build();
        if !self.tell_source(structure) {
            // It does not run any more, so nothing sounds.
            self.telephony(Telephony::ended);
        }
    }

    /// Sends a `dtmf-event`; false if there is no source, or it does not run.
    fn tell_source(&self, structure: gst::Structure) -> bool {
        let source = self.state().telephony.source.clone();
        let pad = source.and_then(|(source, _)| source.static_pad("src"));
        pad.is_some_and(|pad| pad.send_event(gst::event::CustomUpstream::new(structure)))
    }

    /// Sees to it that there are elements that can send the event with what is agreed now. An error without text: there
    /// is no way to send it.
    fn prepare_player(&self, tone: Tone) -> Result<DtmfMethod, Option<glib::Error>> {
        let _send_path_stays = self.swapping();
        let (chosen, blueprints) = {
            let state = self.state();
            let main = state.send.current.as_ref().map(|current| &current.association);
            let chosen = main.and_then(|m| special::choose(tone.event, &state.outcome.associations, m));
            // Tones are raw whatever the application sends.
            (chosen, state.discovered.clone())
        };
        let Some((source, association)) = chosen else {
            gst::info!(CAT, "session {}: nothing agreed can carry event {} now", self.id(), tone.event);
            return Err(None);
        };
        gst::debug!(CAT, "session {}: event {} as {}", self.id(), tone.event, association.codec);
        warn_of_unknown_event(tone, &association);
        let fits = self.player().as_ref().is_some_and(|p| is_way(p, source, &association));
        if !fits {
            self.take_player_down();
            self.add_player(source, association, &blueprints)?;
        }
        Ok(source.method())
    }

    fn add_player(
        &self,
        source: &'static dyn SpecialSource,
        association: Association,
        blueprints: &[Blueprint],
    ) -> Result<(), glib::Error> {
        let (conference, graph) = self.conference().zip(self.graph()).ok_or_else(super::disposed)?;
        let name = format!("send_event_{}_{}", self.id(), association.codec.id);
        let parts = source.build(&association, blueprints, &name)?;
        let mut place = self.player();
        if self.is_disposed() {
            return Err(super::disposed());
        }
        let muxer = graph.muxer().clone();
        let mux_pad = element::request_pad(&muxer, "priority_sink_%u")?;
        let player = Player { parts, method: source.method(), association, muxer, mux_pad };
        self.state().telephony.source = Some((player.parts.source.clone(), player.method));
        let connect = || {
            element::add(conference.upcast_ref(), &player.parts.bin)?;
            element::link(&element::static_pad(&player.parts.bin, "src")?, &player.mux_pad)?;
            element::start(&player.parts.bin)
        };
        if let Err(error) = connect() {
            self.state().telephony.source = None;
            player.take_down();
            return Err(error);
        }
        *place = Some(player);
        Ok(())
    }

    /// Removes the elements while the send path stays as it is; true if there were any.
    fn remove_player(&self) -> bool {
        let _send_path_stays = self.swapping();
        self.take_player_down()
    }

    fn take_player_down(&self) -> bool {
        let player = self.player().take();
        self.state().telephony.source = None;
        let had = player.is_some();
        player.into_iter().for_each(Player::take_down);
        had
    }

    /// Whether the elements in use send with a codec that is still right.
    fn player_fits(&self) -> bool {
        let player = self.player();
        let Some(player) = &*player else { return true };
        let state = self.state();
        let Some(main) = state.send.current.as_ref().map(|current| &current.association) else {
            return false;
        };
        let mut ways = special::SOURCES.into_iter().filter(|s| s.method() == player.method);
        ways.any(|s| s.choose(&state.outcome.associations, main).is_some_and(|a| is_way(player, s, &a)))
    }
}

fn is_way(player: &Player, source: &dyn SpecialSource, association: &Association) -> bool {
    let sends = |a: &Association| (a.send_codec.clone(), a.capability, a.send_profile.clone());
    player.method == source.method() && sends(&player.association) == sends(association)
}

/// A peer ignores events it did not list; the application may know better.
fn warn_of_unknown_event(tone: Tone, association: &Association) {
    let listed = association.send_codec.param("events").or_else(|| association.send_codec.param(""));
    if let Some(set) = listed.and_then(EventSet::parse)
        && !set.contains(tone.event)
    {
        gst::warning!(CAT, "event {} is none of those agreed on: {set}", tone.event);
    }
}
