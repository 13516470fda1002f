//! Ids that nobody can guess and that sort by time.

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes ids in the form of UUID version 7 (RFC 9562): milliseconds, then bits that nobody can guess.
#[derive(Debug)]
pub struct IdMaker {
    key: [u8; 32],
    made: AtomicU64,
}

impl IdMaker {
    /// A maker whose ids no other maker makes.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn new() -> io::Result<Self> {
        Ok(Self { key: random_bytes()?, made: AtomicU64::new(0) })
    }

    /// The next id, as of a time in milliseconds since 1970.
    #[must_use]
    pub fn next(&self, now_ms: i64) -> String {
        let count = self.made.fetch_add(1, Ordering::Relaxed);
        let hash = blake3::keyed_hash(&self.key, &count.to_le_bytes());
        let random = u128::from_le_bytes(hash.as_bytes()[..16].try_into().expect("sixteen bytes"));
        let time = (now_ms as u128 & 0xffff_ffff_ffff) << 80;
        let version_and_variant = (0x7 << 76) | (0b10 << 62);
        let free = !((0xf << 76) | (0b11 << 62)) & ((1 << 80) - 1);
        let id = format!("{:032x}", time | version_and_variant | (random & free));
        [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-")
    }
}

/// Bytes from the system's generator.
pub(super) fn random_bytes() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
