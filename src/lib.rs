//! s3sleuth

pub mod synth;
