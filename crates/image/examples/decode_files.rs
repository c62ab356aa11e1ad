//! Decodes many files in one process, for comparison with other decoders (scripts/check_decoding.sh).
//!
//! Paths come on standard input, one a line. For each of them, standard output gets a line, `ok WIDTH HEIGHT` or the
//! name of a refusal and its detail, and after `ok` the pixels, three bytes each.

use std::io::{self, BufRead as _, Write as _};

use mitsuke_image::{DecodeLimits, ImageError, decode};

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for path in io::stdin().lock().lines() {
        let bytes = std::fs::read(path?)?;
        match decode(&bytes, &DecodeLimits::default()) {
            Ok(decoded) => {
                let (width, height) = decoded.pixels.dimensions();
                writeln!(out, "ok {width} {height}")?;
                out.write_all(decoded.pixels.as_raw())?;
            }
            Err(error) => {
                let name = match error {
                    ImageError::UnsupportedType { .. } | ImageError::UnsupportedKind { .. } => "kind",
                    ImageError::Corrupt { .. } => "damaged",
                    _ => "limit",
                };
                let detail = error.detail().unwrap_or_default().replace('\n', " ");
                writeln!(out, "{name} {error}: {detail}")?;
            }
        }
        out.flush()?;
    }
    Ok(())
}
