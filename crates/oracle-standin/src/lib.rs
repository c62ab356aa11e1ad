//! A stand-in for Oracle's client library (`libclntsh.so`), for tests only.
//!
//! It exports the functions of the Oracle Call Interface that ODPI-C looks up, and runs the SQL that it is given over
//! SQLite. So Mitsuke's Oracle store runs through the real crates `oracle` and `r2d2-oracle` where no Oracle Database
//! is at hand. It is stricter than SQLite wherever Oracle is, and refuses SQL that it does not know. The README of this
//! crate lists what it believes about Oracle and what it cannot show.
//!
//! | Folder | Holds |
//! |---|---|
//! | `oci` | the C interface: handles, attributes, binds, defines, LOBs, numbers, dates |
//! | `sql` | Oracle's SQL and PL/SQL, from text to trees |
//! | `engine` | from trees to SQLite, with Oracle's types, constraints, transactions and locks; injected failures |
//!
//! A connect string `standin.test[:port]/path/of/a/file[?parameters]` names a database, which is created when it is
//! missing. The user STANDIN controls it through the PL/SQL package of that name, and no failure strikes that user.

mod engine;
mod errors;
mod oci;
mod sql;
pub mod testing;

/// The text of the version banner.
const BANNER: &str = "Mitsuke's stand-in for Oracle Database 23ai, Version 23.26.0.0.0 (not Oracle, for tests only)";
