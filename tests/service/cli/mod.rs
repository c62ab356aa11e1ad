//! `mitsuke search`, `mitsuke watch` and `mitsuke export`: runs the program against the real app, directly and through a
//! proxy that injects faults. `mitsuke import`: runs it on stores, and reads them through servers and directly.

mod export;
mod import;
mod search;
mod watch;
