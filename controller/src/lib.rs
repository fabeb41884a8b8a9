//! The Strongroom controller: library and the strongroom binary.
