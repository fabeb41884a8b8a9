//! Turns what a store holds into what a Secret holds: pure engines and transforms.
