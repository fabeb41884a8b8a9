//! User-visible stories, told against a real cluster and real stores.
