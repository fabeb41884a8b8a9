//! `ManifestMirrors`: what is seen of targets that are not Secrets, one mirror for each kind, made when it is first asked
//! for. The kinds, and the requests for their objects, are in `manifests`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::{ManifestKind, ManifestKinds, Mirror, SecretDigest};

/// A kind that is to be watched, and where to put what is seen.
pub(super) type Wanted = (ManifestKind, Arc<Mirror<SecretDigest>>);

/// Managed objects of every kind that a generic target has, as digests. Written by one watch for each kind, which
/// starts with the first ExternalSecret that needs it, and by `apply`.
#[derive(Debug)]
pub struct ManifestMirrors {
    /// The kinds that were found.
    pub kinds: ManifestKinds,
    mirrors: Mutex<HashMap<ManifestKind, Arc<Mirror<SecretDigest>>>>,
    wanted: mpsc::UnboundedSender<Wanted>,
    starts: Mutex<Option<mpsc::UnboundedReceiver<Wanted>>>,
}

impl Default for ManifestMirrors {
    fn default() -> Self {
        let (wanted, starts) = mpsc::unbounded_channel();
        Self {
            kinds: ManifestKinds::default(),
            mirrors: Mutex::default(),
            wanted,
            starts: Mutex::new(Some(starts)),
        }
    }
}

impl ManifestMirrors {
    /// The mirror of `kind`. It is empty until its first list is complete.
    pub fn mirror(&self, kind: &ManifestKind) -> Arc<Mirror<SecretDigest>> {
        let mut mirrors = self.mirrors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mirror) = mirrors.get(kind) {
            return Arc::clone(mirror);
        }
        let mirror = Arc::new(Mirror::default());
        mirrors.insert(kind.clone(), Arc::clone(&mirror));
        // Fails only at the end of the process, when nobody watches any more.
        let _ = self.wanted.send((kind.clone(), Arc::clone(&mirror)));
        mirror
    }

    /// What is to be watched, as it comes. For the one who watches: gives nothing the second time.
    pub(super) fn starts(&self) -> Option<mpsc::UnboundedReceiver<Wanted>> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
