//! Adding to the samples of a row what was subtracted from them before they were compressed.

use super::page::{Page, Predictor};

/// Restores the samples of a row.
pub fn restore(page: &Page<'_>, row: &mut [u8]) {
    let distance = page.samples_in_chunk() as usize;
    match page.predictor {
        Predictor::None => {}
        Predictor::Horizontal => match page.bits {
            8 => add_left(row, distance),
            16 => add_left_wide::<2>(row, distance, page.big_endian),
            32 => add_left_wide::<4>(row, distance, page.big_endian),
            64 => add_left_wide::<8>(row, distance, page.big_endian),
            _ => {}
        },
        Predictor::Float => floats(row, distance, page.bits as usize / 8, page.big_endian),
    }
}

/// Adds to each byte the one `distance` bytes to the left.
fn add_left(row: &mut [u8], distance: usize) {
    for i in distance..row.len() {
        row[i] = row[i].wrapping_add(row[i - distance]);
    }
}

/// Adds to each number of `N` bytes the one `distance` numbers to the left.
fn add_left_wide<const N: usize>(row: &mut [u8], distance: usize, big_endian: bool) {
    let numbers = row.as_chunks_mut::<N>().0;
    for i in distance..numbers.len() {
        let left = numbers[i - distance];
        let mut carry = 0;
        for at in 0..N {
            let at = if big_endian { N - 1 - at } else { at };
            let sum = u16::from(numbers[i][at]) + u16::from(left[at]) + carry;
            (numbers[i][at], carry) = (sum as u8, sum >> 8);
        }
    }
}

/// Adds the bytes to the left, and brings together the bytes of each float, which stand in as many groups as a float has
/// bytes, the highest first.
fn floats(row: &mut [u8], distance: usize, size: usize, big_endian: bool) {
    add_left(row, distance);
    let sorted = row.to_vec();
    let count = row.len() / size;
    for (i, float) in row.chunks_exact_mut(size).enumerate() {
        for (at, byte) in float.iter_mut().enumerate() {
            let significance = if big_endian { at } else { size - 1 - at };
            *byte = sorted[significance * count + i];
        }
    }
}
