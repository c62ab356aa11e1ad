//! A stand-in for Oracle's client library (`libclntsh.so`), for tests only.
//!
//! It exports the functions of the Oracle Call Interface that ODPI-C looks up, and runs the SQL that it is given over
//! SQLite. So Mitsuke's Oracle store can be run through the real crates `oracle` and `r2d2-oracle` where no Oracle
//! Database can be had. It is stricter than SQLite wherever Oracle is, and refuses SQL that it does not know; what it
//! cannot show is said in this repository's README.
//!
//! | Folder | Holds |
//! |---|---|
//! | `oci` | the C interface: handles, attributes, binds, defines, LOBs, numbers, dates |
//! | `sql` | Oracle's SQL and PL/SQL → trees |
//! | `engine` | trees → SQLite, with Oracle's types, constraints, transactions and locks; injected failures |
//!
//! A connect string `standin.test[:port]/path/of/a/file[?parameters]` names a database, which is made when it is not
//! there. The user STANDIN controls it through the PL/SQL package of that name and is spared by what it sets up.

mod engine;
mod errors;
mod oci;
mod sql;

/// What the version banner says.
const BANNER: &str = "Mitsuke's stand-in for Oracle Database 23ai, Version 23.26.0.0.0 (not Oracle, for tests only)";
