//! The fake provider: values written in the store's own spec.
