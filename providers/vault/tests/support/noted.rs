//! A journal of logins that remembers what it was told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use strongroom_provider_api::{LoginJournal, Toolbox};

/// The logins that live, as far as it was told, and those that were left.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    pub(crate) open: Mutex<BTreeMap<String, Option<Duration>>>,
    pub(crate) left: Mutex<Vec<String>>,
}

impl LoginJournal for Noted {
    fn opened(&self, name: &str, life: Option<Duration>) {
        self.open.lock().unwrap().insert(name.to_owned(), life);
    }

    fn ended(&self, name: &str) {
        self.open.lock().unwrap().remove(name);
        self.left.lock().unwrap().retain(|left| left != name);
    }

    fn abandoned(&self) -> Vec<String> {
        self.left.lock().unwrap().clone()
    }
}

impl Noted {
    /// One that a process left these to, and what a client is given with it.
    pub(crate) fn after<const N: usize>(left: [String; N]) -> (Arc<Self>, Toolbox) {
        let noted = Arc::new(Self { left: Mutex::new(left.into()), ..Self::default() });
        let toolbox = Toolbox { journal: Arc::clone(&noted) as Arc<dyn LoginJournal>, ..Toolbox::default() };
        (noted, toolbox)
    }

    /// The names of the logins that live.
    pub(crate) fn names(&self) -> Vec<String> {
        self.open.lock().unwrap().keys().cloned().collect()
    }

    /// Waits until nothing is left.
    pub(crate) async fn settled(&self) {
        for _ in 0..200 {
            if self.left.lock().unwrap().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} are left", self.left.lock().unwrap().len());
    }
}
