//! Whose turn it is: how many stories go on at a time, and which of them beside nothing busy.

use std::{
    mem,
    sync::{Mutex, PoisonError},
};

use anyhow::Result;
use tokio::sync::{Mutex as FairMutex, MutexGuard, Semaphore, SemaphorePermit};

/// Stories that keep the machine busy, told at a time.
const AT_A_TIME: u32 = 6;
static BUSY: Semaphore = Semaphore::const_new(AT_A_TIME as usize);

/// One crowd at a time, in the order in which they came.
static CROWD: FairMutex<()> = FairMutex::const_new(());
static CROWDS: Mutex<Crowds> = Mutex::new(Crowds { waiting: 0, handed_on: None });

/// The crowds that wait, and what the one before has left for the next: emptying the machine takes as long as the longest
/// story that is under way, and so it is done once for all of them.
struct Crowds {
    waiting: usize,
    handed_on: Option<SemaphorePermit<'static>>,
}

/// A story's leave to go on; given back when it is dropped.
#[derive(Debug)]
pub(crate) enum Turn {
    /// A story that waits for most of its time needs none.
    Free,
    /// One of the places for busy stories.
    Place { _place: SemaphorePermit<'static> },
    /// All of the places.
    Alone { places: Option<SemaphorePermit<'static>>, _only: MutexGuard<'static, ()> },
}

impl Turn {
    /// Waits for a place among the busy ones.
    pub(crate) async fn busy() -> Result<Self> {
        Ok(Self::Place { _place: BUSY.acquire().await? })
    }

    /// Waits until nothing busy goes on.
    pub(crate) async fn alone() -> Result<Self> {
        crowds(|crowds| crowds.waiting += 1);
        let only = CROWD.lock().await;
        let left = crowds(|crowds| {
            crowds.waiting -= 1;
            mem::take(&mut crowds.handed_on)
        });
        let places = match left {
            Some(places) => places,
            None => BUSY.acquire_many(AT_A_TIME).await?,
        };
        Ok(Self::Alone { places: Some(places), _only: only })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Self::Alone { places, .. } = self {
            crowds(|crowds| {
                if crowds.waiting > 0 {
                    crowds.handed_on = places.take();
                }
            });
        }
    }
}

fn crowds<T>(change: impl FnOnce(&mut Crowds) -> T) -> T {
    change(&mut CROWDS.lock().unwrap_or_else(PoisonError::into_inner))
}
