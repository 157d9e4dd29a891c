//! s3sleuth
