//! Maps a timelines file into memory: the only file-mapping code.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;

/// Maps a whole file for reading.
///
/// # Errors
/// Any error of the operating system.
pub(super) fn map(file: &File) -> io::Result<memmap2::Mmap> {
    // SAFETY: the mapping is only sound while nobody changes the file under it. Timelines files are written to a
    // temporary name and renamed into place, never opened for writing again, so a mapped inode keeps its bytes. Their
    // checksum is verified over the mapping before any column is read.
    unsafe { memmap2::Mmap::map(file) }
}
