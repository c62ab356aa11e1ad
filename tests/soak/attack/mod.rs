//! Attacks: hostile files, hostile and slow callers, and damage to the files of a store. Each prints what it found, in the
//! words of its row in docs/RELIABILITY.md, and has a fault where a promise does not hold.

mod damage;
mod foreign;
mod left_over;
mod memory;
mod rot;
mod signals;
mod slow;
mod texts;
mod wire;
