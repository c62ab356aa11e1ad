//! Decompression of the bytes of one strip or tile.

use flate2::{Decompress, FlushDecompress, Status};
use weezl::{BitOrder, LzwStatus, decode::Decoder as Lzw};

use super::fax;
use super::page::{Compression, Page};
use crate::decode::refusal::Refusal;

/// Decompresses a strip or tile into `out`, until it is full or the data ends. Returns the number of bytes that were
/// filled. JPEG has a module of its own.
///
/// # Errors
/// [`Refusal`] when the data is damaged, not merely cut off.
pub fn decompress(page: &Page<'_>, data: &[u8], out: &mut [u8]) -> Result<usize, Refusal> {
    let turned;
    let data = if page.has_reversed_bits {
        turned = data.iter().map(|byte| byte.reverse_bits()).collect::<Vec<u8>>();
        &turned
    } else {
        data
    };
    match page.compression {
        Compression::None => Ok(copy(data, out)),
        Compression::PackBits => Ok(unpack_bits(data, out)),
        Compression::Lzw => lzw(data, out),
        Compression::Deflate => inflate(data, out),
        Compression::FaxRows { .. } | Compression::Fax3 { .. } | Compression::Fax4 => {
            fax::decompress(data, page.compression, page.chunk_size.0, out)
        }
        Compression::Jpeg { .. } => Ok(0),
    }
}

fn copy(data: &[u8], out: &mut [u8]) -> usize {
    let length = data.len().min(out.len());
    out[..length].copy_from_slice(&data[..length]);
    length
}

/// Decompresses PackBits (TIFF 6.0, section 9): counts, each followed by one byte to repeat or by bytes to copy.
fn unpack_bits(data: &[u8], out: &mut [u8]) -> usize {
    let (mut read, mut written) = (0, 0);
    while let Some(count) = data.get(read).filter(|_| written < out.len()) {
        read += 1;
        let room = out.len() - written;
        match count.cast_signed() {
            // A no-operation.
            -128 => {}
            repeat @ ..0 => {
                let Some(byte) = data.get(read) else { break };
                let length = (1 + usize::from(repeat.unsigned_abs())).min(room);
                out[written..written + length].fill(*byte);
                read += 1;
                written += length;
            }
            literal => {
                let length = (1 + usize::from(literal.unsigned_abs())).min(room);
                let copied = copy(&data[read..], &mut out[written..written + length]);
                read += copied;
                written += copied;
            }
        }
    }
    written
}

fn lzw(data: &[u8], out: &mut [u8]) -> Result<usize, Refusal> {
    // Before TIFF 6.0, libtiff wrote codes from the lowest bit on, and widened them one code later. Such data begins
    // with the clear code 256 in that order.
    let mut decoder = match data {
        [0, second, ..] if second & 1 == 1 => Lzw::new(BitOrder::Lsb, 8),
        _ => Lzw::with_tiff_size_switch(BitOrder::Msb, 8),
    };
    let (mut read, mut written) = (0, 0);
    while written < out.len() {
        let result = decoder.decode_bytes(&data[read..], &mut out[written..]);
        read += result.consumed_in;
        written += result.consumed_out;
        match result.status.map_err(Refusal::corrupt)? {
            LzwStatus::Ok => {}
            LzwStatus::NoProgress | LzwStatus::Done => break,
        }
    }
    Ok(written)
}

fn inflate(data: &[u8], out: &mut [u8]) -> Result<usize, Refusal> {
    let mut decoder = Decompress::new(true);
    loop {
        let (read, written) = (decoder.total_in(), decoder.total_out());
        let (rest, room) = (&data[read as usize..], &mut out[written as usize..]);
        let status = decoder.decompress(rest, room, FlushDecompress::None).map_err(Refusal::corrupt)?;
        let is_stuck = (decoder.total_in(), decoder.total_out()) == (read, written);
        if status == Status::StreamEnd || is_stuck || decoder.total_out() as usize == out.len() {
            return Ok(decoder.total_out() as usize);
        }
    }
}
