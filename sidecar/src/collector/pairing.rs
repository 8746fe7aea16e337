//! An event and a change of one request, of one entity, in one record.
//!
//! With `collector.join_window` both wait for the other, at most so long; whichever comes first. They are
//! acknowledged when the record is durable, so the window is what a sender may wait longer. What finds no
//! other is recorded alone, and the correlation id still holds them together.
//!
//! They belong together when they have the same correlation id, their own or that of the request that they name, and the
//! same entity. The record has the context of the change, and so its source: an event meets a change only of a service that
//! the event's sender may write for. An event that has an `id` of its own is not joined, because the record has one place
//! for such an id, and that is the change's.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::receipt::Outcome;
use crate::access::Services;

pub struct Pairing {
    window: Duration,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// The number of the next who waits.
    next: u64,
    waiting: HashMap<Meeting, Waiting>,
}

/// Where an event and a change meet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Meeting {
    pub correlation_id: String,
    pub entity_type: String,
    pub entity_id: String,
}

/// What a change is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Nobody waits for it, and it waits for nobody.
    Alone,
    /// With its service.
    Change(Meeting, String),
    /// With the event as JSON, and the services that its sender may write for.
    Event(Meeting, Bytes, Services),
}

/// What became of it.
pub enum Met {
    Nobody,
    /// The event that goes into the record of this change, and who wants to know what becomes of it.
    Event(Bytes, Partner),
    /// The outcome of the change whose record has this event.
    Change(Joined),
}

/// Tells the sender of an event which record it is in. Dropped untold, the event is recorded alone.
#[derive(Debug)]
pub struct Partner(watch::Sender<Option<Outcome>>);

/// The outcome of a change, for the sender of its event.
pub struct Joined(watch::Receiver<Option<Outcome>>);

#[derive(Default)]
struct Waiting {
    events: VecDeque<Seated<(Bytes, Services, oneshot::Sender<Joined>)>>,
    changes: VecDeque<Seated<(String, oneshot::Sender<Offer>)>>,
}

/// An event, and whoever sent it.
type Offer = (Bytes, Partner);

/// Who waits, under the number of his seat.
type Seated<T> = (u64, T);

/// Somebody who has come.
enum Ticket {
    Met(Met),
    Event(Seat, oneshot::Receiver<Joined>),
    Change(Seat, oneshot::Receiver<Offer>),
}

/// A place among those that wait; dropped, it is free.
struct Seat {
    pairing: Arc<Pairing>,
    meeting: Meeting,
    number: u64,
}

impl Pairing {
    pub fn new(window: Duration) -> Self {
        Self { window, table: Mutex::default() }
    }

    pub fn is_off(&self) -> bool {
        self.window.is_zero()
    }

    /// At how many places somebody waits.
    pub fn len(&self) -> usize {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).waiting.len()
    }

    /// Lets those of one body meet one another and others.
    pub async fn meet(self: &Arc<Self>, roles: Vec<Role>) -> Vec<Met> {
        let until = Instant::now() + self.window;
        let tickets: Vec<Ticket> = roles.into_iter().map(|role| self.come(role)).collect();
        let mut met = Vec::with_capacity(tickets.len());
        for ticket in tickets {
            met.push(match ticket {
                Ticket::Met(met) => met,
                Ticket::Event(seat, mut change) => match timeout_at(until, &mut change).await {
                    Ok(Ok(joined)) => Met::Change(joined),
                    _ => {
                        // Somebody may have come while the time ran out.
                        drop(seat);
                        change.try_recv().map_or(Met::Nobody, Met::Change)
                    }
                },
                Ticket::Change(seat, mut event) => match timeout_at(until, &mut event).await {
                    Ok(Ok((event, partner))) => Met::Event(event, partner),
                    _ => {
                        drop(seat);
                        let came = event.try_recv();
                        came.map_or(Met::Nobody, |(event, partner)| Met::Event(event, partner))
                    }
                },
            });
        }
        met
    }

    fn come(self: &Arc<Self>, role: Role) -> Ticket {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.next += 1;
        let (number, waiting) = (table.next, &mut table.waiting);
        let seat = |meeting| Seat { pairing: self.clone(), meeting, number };
        match role {
            Role::Alone => Ticket::Met(Met::Nobody),
            Role::Event(meeting, event, services) => {
                let at = waiting.entry(meeting.clone()).or_default();
                let (told, outcome) = watch::channel(None);
                let mut offer = (event, Partner(told));
                let fits = |(service, _): &(String, _)| services.have(service);
                while let Some((_, change)) = take_first(&mut at.changes, fits) {
                    // One whose sender has gone away takes nothing.
                    match change.send(offer) {
                        Ok(()) => return Ticket::Met(Met::Change(Joined(outcome))),
                        Err(back) => offer = back,
                    }
                }
                let (tell, told) = oneshot::channel();
                at.events.push_back((number, (offer.0, services, tell)));
                Ticket::Event(seat(meeting), told)
            }
            Role::Change(meeting, service) => {
                let at = waiting.entry(meeting.clone()).or_default();
                let fits = |(_, services, _): &(_, Services, _)| services.have(&service);
                while let Some((event, _, tell)) = take_first(&mut at.events, fits) {
                    let (told, outcome) = watch::channel(None);
                    if tell.send(Joined(outcome)).is_ok() {
                        return Ticket::Met(Met::Event(event, Partner(told)));
                    }
                }
                let (tell, told) = oneshot::channel();
                at.changes.push_back((number, (service, tell)));
                Ticket::Change(seat(meeting), told)
            }
        }
    }
}

/// The one that has waited longest of those that fit.
fn take_first<T>(waiting: &mut VecDeque<Seated<T>>, fits: impl Fn(&T) -> bool) -> Option<T> {
    let first = waiting.iter().position(|(_, one)| fits(one))?;
    waiting.remove(first).map(|(_, one)| one)
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut table = self.pairing.table.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = &mut table.waiting;
        let Some(at) = waiting.get_mut(&self.meeting) else { return };
        at.events.retain(|(number, ..)| *number != self.number);
        at.changes.retain(|(number, _)| *number != self.number);
        if at.events.is_empty() && at.changes.is_empty() {
            waiting.remove(&self.meeting);
        }
    }
}

impl Partner {
    pub fn tell(self, outcome: &Outcome) {
        self.0.send_replace(Some(outcome.clone()));
    }
}

impl Joined {
    /// The outcome, if the record was made; else the event is to be recorded alone.
    pub async fn recorded(mut self) -> Option<Outcome> {
        let outcome = self.0.wait_for(Option::is_some).await.ok()?.clone();
        outcome.filter(Result::is_ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Grants;
    use crate::code::Code;
    use crate::collector::Receipt;
    use crate::error::Error;

    fn meeting(correlation_id: &str) -> Meeting {
        let correlation_id = correlation_id.to_owned();
        Meeting { correlation_id, entity_type: "order".into(), entity_id: "7".into() }
    }

    fn event(correlation_id: &str) -> Role {
        Role::Event(meeting(correlation_id), Bytes::from_static(b"{}"), Services::default())
    }

    fn change(correlation_id: &str) -> Role {
        Role::Change(meeting(correlation_id), "shop".into())
    }

    /// Of somebody who may write for one service.
    fn event_of(service: &str) -> Role {
        let writer = Grants::parse(&[format!("writer:{service}")], &[]).unwrap();
        Role::Event(meeting("a"), Bytes::from_static(b"{}"), writer.services().clone())
    }

    fn names(met: &[Met]) -> Vec<&'static str> {
        let name = |met: &Met| match met {
            Met::Nobody => "nobody",
            Met::Event(..) => "event",
            Met::Change(_) => "change",
        };
        met.iter().map(name).collect()
    }

    #[tokio::test]
    async fn in_either_order_and_the_first_with_the_first() {
        // Far beyond the test: whoever is met does not wait.
        let pairing = Arc::new(Pairing::new(Duration::from_hours(1)));
        let met = pairing.meet(vec![event("a"), Role::Alone, change("a")]).await;
        assert_eq!(names(&met), ["change", "nobody", "event"]);
        let first = tokio::spawn({
            let pairing = pairing.clone();
            async move { pairing.meet(vec![change("b")]).await }
        });
        while pairing.table.lock().unwrap().waiting.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(names(&pairing.meet(vec![event("b")]).await), ["change"]);
        assert_eq!(names(&first.await.unwrap()), ["event"]);
        assert!(pairing.table.lock().unwrap().waiting.is_empty());
    }

    #[tokio::test]
    async fn nobody_gets_an_event_into_the_record_of_a_service_that_he_may_not_write_for() {
        let pairing = Arc::new(Pairing::new(Duration::from_millis(20)));
        let met = pairing.meet(vec![event_of("other"), change("a"), event_of("shop")]).await;
        assert_eq!(names(&met), ["nobody", "event", "change"]);
        let met = pairing.meet(vec![change("a"), event_of("other"), event_of("shop")]).await;
        assert_eq!(names(&met), ["event", "nobody", "change"]);
        let met = pairing.meet(vec![event_of("other"), event_of("shop"), change("a")]).await;
        assert_eq!(names(&met), ["nobody", "change", "event"]);
        assert!(pairing.table.lock().unwrap().waiting.is_empty());
    }

    #[tokio::test]
    async fn whoever_finds_nobody_is_alone_after_the_window() {
        let pairing = Arc::new(Pairing::new(Duration::from_millis(20)));
        let roles = vec![event("a"), change("b"), event("c"), change("c"), change("c")];
        let met = pairing.meet(roles).await;
        assert_eq!(names(&met), ["nobody", "nobody", "change", "event", "nobody"]);
        assert!(pairing.table.lock().unwrap().waiting.is_empty());
    }

    #[tokio::test]
    async fn who_went_away_takes_no_event_with_him() {
        let pairing = Arc::new(Pairing::new(Duration::from_hours(1)));
        let mut gone = Box::pin(pairing.meet(vec![change("a")]));
        assert!(timeout_at(Instant::now(), &mut gone).await.is_err());
        drop(gone);
        assert!(pairing.table.lock().unwrap().waiting.is_empty());
    }

    #[tokio::test]
    async fn an_event_whose_change_failed_is_to_be_recorded_alone() {
        let pairing = Arc::new(Pairing::new(Duration::from_hours(1)));
        for outcome in [None, Some(Err(Error::new(Code::TooLarge, "x")))] {
            let mut met = pairing.meet(vec![event("a"), change("a")]).await;
            let (Some(Met::Event(_, partner)), Some(Met::Change(joined))) = (met.pop(), met.pop())
            else {
                panic!("they met")
            };
            if let Some(outcome) = outcome {
                partner.tell(&outcome);
            } else {
                drop(partner);
            }
            assert!(joined.recorded().await.is_none());
        }
        let mut met = pairing.meet(vec![event("a"), change("a")]).await;
        let (Some(Met::Event(_, partner)), Some(Met::Change(joined))) = (met.pop(), met.pop())
        else {
            panic!("they met")
        };
        let receipt = Receipt::Unchanged { correlation_id: "a".into() };
        partner.tell(&Ok(receipt.clone()));
        assert_eq!(joined.recorded().await.unwrap().unwrap(), receipt);
    }
}
