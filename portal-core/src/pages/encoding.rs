//! Content encodings: which ones a client accepts, and compression of files that are sent often.

use std::io::Write as _;

use axum::http::{HeaderMap, header};
use flate2::{Compression, write::GzEncoder};

/// Returns `true` if a client accepts a content encoding, such as `gzip`.
pub(crate) fn accepts_coding(request: &HeaderMap, coding: &str) -> bool {
    request
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|entry| {
            let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            let refused = parameters
                .trim()
                .strip_prefix("q=")
                .is_some_and(|weight| weight.trim().parse() == Ok(0.0_f32));
            name.trim().eq_ignore_ascii_case(coding) && !refused
        })
}

/// Compresses with Brotli, at the best quality in release builds.
///
/// Unoptimized builds would take seconds at that quality. Returns nothing on failure, which cannot
/// happen when writing to memory.
pub(super) fn brotli(plain: &[u8]) -> Vec<u8> {
    brotli_of(plain, if cfg!(debug_assertions) { 5 } else { 11 })
}

/// Compresses with Brotli at a quality from 0 to 11.
pub(super) fn brotli_of(plain: &[u8], quality: i32) -> Vec<u8> {
    let params = brotli::enc::BrotliEncoderParams {
        quality,
        // A window of 256 KB is sufficient for all files; the largest window would use 32 MB of
        // memory.
        lgwin: 18,
        size_hint: plain.len(),
        ..Default::default()
    };
    let mut out = Vec::new();
    match brotli::BrotliCompress(&mut &*plain, &mut out, &params) {
        Ok(_) => out,
        Err(_) => Vec::new(),
    }
}

/// Compresses with gzip at the best level.
///
/// Returns nothing on failure, which cannot happen when writing to memory.
pub(super) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(plain).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}
