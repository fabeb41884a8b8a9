//! From what happens to GeneratorStates to keys in their schedule.

use strongroom_crds::GeneratorState;

use crate::context::Context;
use crate::kube_io::{ObjectKey, Watched};
use crate::schedule::{Group, Lane};

/// A GeneratorState appeared, changed or went.
pub fn watch(
    context: &Context,
    key: &ObjectKey,
    _old: Option<&Watched<GeneratorState>>,
    _new: Option<&Watched<GeneratorState>>,
) {
    let group = Group::from(key.namespace.as_str());
    context.state_schedule.request(key, &group, Lane::Changed);
}
