//! `Turns`: owns the places for requests about leases; where there are too few, whose time is up first goes first.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::oneshot;

/// The places, in all and for each namespace: a service that hangs holds up nobody else's leases.
#[derive(Debug)]
pub struct Turns {
    total: usize,
    per_namespace: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    by_namespace: HashMap<String, usize>,
    /// By deadline, and of equal ones by arrival.
    waiting: BTreeMap<(Timestamp, u64), Waiting>,
    arrivals: u64,
}

#[derive(Debug)]
struct Waiting {
    namespace: String,
    turn: oneshot::Sender<Turn>,
}

/// A place; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Arc<Turns>,
    namespace: String,
}

impl Turns {
    /// So many places, all free.
    pub fn new(total: usize, per_namespace: usize) -> Self {
        Self { total, per_namespace, state: Mutex::default() }
    }

    /// Waits for a place for something in `namespace` that should be done before `deadline`.
    pub(super) async fn turn(self: &Arc<Self>, namespace: &str, deadline: Timestamp) -> Turn {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.lock();
            state.arrivals += 1;
            let place = (deadline, state.arrivals);
            state.waiting.insert(place, Waiting { namespace: namespace.to_owned(), turn: sender });
        }
        self.give();
        match receiver.await {
            Ok(turn) => turn,
            // A sender that waits is dropped with `self` only, which is borrowed here.
            Err(_closed) => std::future::pending().await,
        }
    }

    /// Gives free places to who waits for them.
    fn give(self: &Arc<Self>) {
        while let Some(Waiting { namespace, turn }) = self.taken() {
            // Who no longer waits drops the place, which is given to the next one then.
            let _ = turn.send(Turn { turns: Arc::clone(self), namespace });
        }
    }

    /// Takes a place for the most urgent one that may have one.
    fn taken(&self) -> Option<Waiting> {
        let mut state = self.lock();
        if state.taken >= self.total {
            return None;
        }
        let has_room = |namespace: &str| {
            state.by_namespace.get(namespace).is_none_or(|taken| *taken < self.per_namespace)
        };
        let place = *state.waiting.iter().find(|(_, waiting)| has_room(&waiting.namespace))?.0;
        let waiting = state.waiting.remove(&place)?;
        state.taken += 1;
        *state.by_namespace.entry(waiting.namespace.clone()).or_default() += 1;
        Some(waiting)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        {
            let mut state = self.turns.lock();
            state.taken = state.taken.saturating_sub(1);
            if let Some(taken) = state.by_namespace.get_mut(&self.namespace) {
                *taken -= 1;
                if *taken == 0 {
                    state.by_namespace.remove(&self.namespace);
                }
            }
        }
        self.turns.give();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::JoinSet;
    use tokio::time::sleep;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_lease_that_ends_first_is_renewed_first() {
        let turns = Arc::new(Turns::new(1, 1));
        let first = turns.turn("a", at(0)).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        for second in [30, 10, 40, 20, 10] {
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            tasks.spawn(async move {
                let turn = turns.turn("a", at(second)).await;
                order.lock().unwrap().push(second);
                drop(turn);
            });
        }
        sleep(Duration::from_secs(1)).await;
        drop(first);
        tasks.join_all().await;
        assert_eq!(*order.lock().unwrap(), [10, 10, 20, 30, 40]);
        assert_eq!(turns.lock().taken, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_namespace_whose_service_hangs_leaves_places_to_the_others() {
        let turns = Arc::new(Turns::new(3, 2));
        let _hang = (turns.turn("a", at(1)).await, turns.turn("a", at(1)).await);
        let third = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.turn("a", at(1)).await }
        });
        let other = turns.turn("b", at(100)).await;
        assert!(!third.is_finished());
        drop(other);
        sleep(Duration::from_secs(1)).await;
        assert!(!third.is_finished(), "the place of the others is not its own");
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_takes_no_place_with_him() {
        let turns = Arc::new(Turns::new(1, 1));
        let held = turns.turn("a", at(0)).await;
        let lost = tokio::time::timeout(Duration::from_secs(1), turns.turn("a", at(1))).await;
        assert!(lost.is_err());
        drop(held);
        let _next = tokio::time::timeout(Duration::from_secs(1), turns.turn("b", at(2))).await.unwrap();
        let state = turns.lock();
        assert_eq!((state.taken, state.waiting.len()), (1, 0));
    }
}
