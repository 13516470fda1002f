//! tend.
