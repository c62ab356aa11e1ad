//! The one table of Oracle's codes: the class of each, and the sentence that an operator reads about it.
//!
//! An error has up to three kinds of codes: those of the database or the network layer (ORA-), of ODPI-C (DPI-) and,
//! inside of an ORA-20000 or ORA-29902, of Oracle Text (DRG-). All of them count, because ODPI-C reports a dead session
//! as DPI-1080 and a call timeout as DPI-1067, without an ORA code of its own.

use std::fmt;

/// A code in an error of the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Code {
    /// A code of the database or the network layer.
    Ora(u32),
    /// A code of ODPI-C.
    Dpi(u32),
    /// A code of Oracle Text.
    Drg(u32),
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ora(code) => write!(f, "ORA-{code:05}"),
            Self::Dpi(code) => write!(f, "DPI-{code:04}"),
            Self::Drg(code) => write!(f, "DRG-{code:05}"),
        }
    }
}

/// The meaning of an error for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// No server answers at the address, or the database is starting or stopping.
    Unreachable,
    /// The session is gone; another one may work at once.
    Lost,
    /// A limit of time or of sessions is reached; the same call may succeed in a moment.
    Busy,
    /// The set-up is wrong (the password, the library, a grant, an option). Only an operator can correct it.
    Misconfigured,
    /// A unique key is taken.
    Unique,
    /// The referenced row does not exist (any more).
    NoParent,
    /// The table or view does not exist.
    NoTable,
    /// Oracle Text does not understand the expression.
    Keywords,
    /// No space or quota is left.
    Full,
    /// Any other error: a mistake of this program or of the database.
    Internal,
}

/// Codes, their classes and the sentences about them. The first row that fits decides, so the more specific codes come
/// first: ORA-01017 inside a DPI-1080 is about the password.
pub(crate) const TABLE: &[(Code, Class, &str)] = &[
    // The client library.
    (
        Code::Dpi(1047),
        Class::Misconfigured,
        "the Oracle client library cannot be loaded; install Oracle Instant Client and name its folder in LD_LIBRARY_PATH",
    ),
    (Code::Dpi(1050), Class::Misconfigured, "the Oracle client library is too old; install Instant Client 19 or newer"),
    (
        Code::Dpi(1072),
        Class::Misconfigured,
        "the Oracle client library is of a version that is not supported; install Instant Client 19 or newer",
    ),
    (
        Code::Dpi(1049),
        Class::Misconfigured,
        "the Oracle client library lacks a function; install Instant Client 19 or newer",
    ),
    (
        Code::Ora(1804),
        Class::Misconfigured,
        "the Oracle client library does not find its time zone files; check its installation",
    ),
    // The user.
    (Code::Ora(1017), Class::Misconfigured, "DB_USER or DB_PASSWORD is wrong"),
    (Code::Ora(1005), Class::Misconfigured, "DB_PASSWORD is empty"),
    (Code::Ora(28000), Class::Misconfigured, "the database account is locked"),
    (Code::Ora(28001), Class::Misconfigured, "the password of the database account has expired"),
    (Code::Ora(28002), Class::Misconfigured, "the password of the database account is about to expire"),
    (Code::Ora(1045), Class::Misconfigured, "the database account lacks CREATE SESSION; see sql/oracle/grants.sql"),
    (Code::Ora(1031), Class::Misconfigured, "the database account lacks a privilege; see sql/oracle/grants.sql"),
    (
        Code::Ora(1950),
        Class::Misconfigured,
        "the database account has no quota on its tablespace; see sql/oracle/grants.sql",
    ),
    (
        Code::Ora(6550),
        Class::Misconfigured,
        "a PL/SQL block does not compile, mostly because the account may not execute CTXSYS.CTX_DDL; see sql/oracle/grants.sql",
    ),
    (Code::Ora(6576), Class::Misconfigured, "a package is missing or may not be executed; see sql/oracle/grants.sql"),
    (
        Code::Ora(51928),
        Class::Misconfigured,
        "a vector index is an in-memory graph, and this release of the database changes no rows under one; run \
         `mitsuke index build --organization ivf` for an index that allows changes",
    ),
    // The address.
    (Code::Ora(12154), Class::Misconfigured, "DB_DSN cannot be resolved: no such host or TNS name"),
    (Code::Ora(12262), Class::Misconfigured, "DB_DSN cannot be resolved: no such host or TNS name"),
    (Code::Ora(12545), Class::Misconfigured, "DB_DSN cannot be resolved: no such host"),
    (Code::Ora(12533), Class::Misconfigured, "DB_DSN is not a connect string that the client understands"),
    (Code::Ora(12162), Class::Misconfigured, "DB_DSN is not a connect string that the client understands"),
    (Code::Ora(12261), Class::Misconfigured, "DB_DSN is not a connect string that the client understands"),
    (Code::Ora(12504), Class::Misconfigured, "DB_DSN names no service"),
    (
        Code::Ora(12529),
        Class::Misconfigured,
        "the listener does not let this host connect; see its valid node checking",
    ),
    (
        Code::Ora(12650),
        Class::Misconfigured,
        "client and database have no encryption in common; see sqlnet.ora of both",
    ),
    (
        Code::Ora(28040),
        Class::Misconfigured,
        "client and database have no way of logging in in common; install a newer Instant Client",
    ),
    (Code::Ora(28759), Class::Misconfigured, "the wallet of the connection cannot be opened; check WALLET_LOCATION"),
    (Code::Ora(29024), Class::Misconfigured, "the database's certificate is not trusted; check the wallet"),
    (Code::Ora(12564), Class::Unreachable, "the database refused the connection"),
    (
        Code::Ora(12514),
        Class::Unreachable,
        "the listener does not know the service of DB_DSN (not started yet, or misspelt)",
    ),
    (
        Code::Ora(12505),
        Class::Unreachable,
        "the listener does not know the SID of DB_DSN (not started yet, or misspelt)",
    ),
    (Code::Ora(12541), Class::Unreachable, "nothing listens at the host and port of DB_DSN"),
    (Code::Ora(12543), Class::Unreachable, "the host of DB_DSN cannot be reached"),
    (Code::Ora(12560), Class::Unreachable, "the network connection to the database failed"),
    (Code::Ora(12170), Class::Unreachable, "the host of DB_DSN did not answer in time"),
    (Code::Ora(12535), Class::Unreachable, "the host of DB_DSN did not answer in time"),
    (Code::Ora(12606), Class::Unreachable, "the database did not answer in time"),
    (Code::Ora(12526), Class::Unreachable, "the database is in restricted mode"),
    (Code::Ora(12528), Class::Unreachable, "the database is starting or stopping"),
    (Code::Ora(12518), Class::Busy, "the listener could not hand the connection over"),
    (Code::Ora(12519), Class::Busy, "the database has no process left for another session"),
    (Code::Ora(12520), Class::Busy, "the database has no process left for another session"),
    (Code::Ora(12516), Class::Busy, "the database has no process left for another session"),
    (Code::Ora(1033), Class::Unreachable, "the database is starting or stopping"),
    (Code::Ora(1034), Class::Unreachable, "the database is not started"),
    (Code::Ora(1035), Class::Unreachable, "the database is in restricted mode"),
    (Code::Ora(1109), Class::Unreachable, "the database is not open"),
    (Code::Ora(27101), Class::Unreachable, "the database is not started"),
    // Limits.
    (Code::Dpi(1067), Class::Busy, "a call took longer than MITSUKE_DB_CALL_TIMEOUT_MS"),
    (Code::Ora(3136), Class::Busy, "a call took longer than MITSUKE_DB_CALL_TIMEOUT_MS"),
    (Code::Ora(3156), Class::Busy, "a call took longer than MITSUKE_DB_CALL_TIMEOUT_MS"),
    (Code::Ora(1013), Class::Busy, "the call was cancelled"),
    (Code::Ora(18), Class::Busy, "the database has no session left"),
    (Code::Ora(20), Class::Busy, "the database has no process left"),
    (Code::Ora(2391), Class::Busy, "the account has as many sessions as its profile allows"),
    (Code::Ora(2392), Class::Busy, "the account has used the CPU time of its profile"),
    (Code::Ora(2394), Class::Busy, "the account has read as much as its profile allows"),
    (Code::Ora(54), Class::Busy, "another session holds a lock"),
    (Code::Ora(60), Class::Busy, "two sessions waited for each other"),
    (Code::Ora(8177), Class::Busy, "two transactions could not be put in an order"),
    (Code::Ora(30006), Class::Busy, "another process holds a lock for long"),
    (Code::Ora(4020), Class::Busy, "two sessions waited for each other"),
    (Code::Ora(4021), Class::Busy, "another session holds a lock on the object"),
    (Code::Ora(4031), Class::Busy, "the database has no shared memory left"),
    (Code::Ora(4036), Class::Busy, "the database has no session memory left"),
    (Code::Ora(4030), Class::Busy, "the database has no session memory left"),
    (Code::Ora(51962), Class::Busy, "the memory for vector indexes is used up; raise vector_memory_size"),
    (Code::Ora(1555), Class::Busy, "the query ran longer than undo is kept"),
    (Code::Ora(51815), Class::Busy, "an in-memory vector index was replaced during the query"),
    // Space.
    (Code::Ora(1536), Class::Full, "the quota of the account is used up"),
    (Code::Ora(1652), Class::Full, "the temporary tablespace is full"),
    (Code::Ora(1653), Class::Full, "the tablespace is full"),
    (Code::Ora(1654), Class::Full, "the tablespace is full"),
    (Code::Ora(1658), Class::Full, "the tablespace is full"),
    (Code::Ora(1688), Class::Full, "the tablespace is full"),
    (Code::Ora(1691), Class::Full, "the tablespace is full"),
    (Code::Ora(12954), Class::Full, "the Free edition holds no more data"),
    (
        Code::Ora(51908),
        Class::Full,
        "the vectors could not be divided among the partitions of a vector index, mostly because the database has no room \
         for them meanwhile; run `mitsuke doctor`",
    ),
    (Code::Ora(19809), Class::Full, "the recovery area is full"),
    (Code::Ora(257), Class::Full, "the archiver is stuck, mostly because the recovery area is full"),
    // Rules of the schema.
    (Code::Ora(1), Class::Unique, "a unique key is taken"),
    (Code::Ora(2291), Class::NoParent, "the row that is referred to is not there"),
    (Code::Ora(942), Class::NoTable, "a table or view is missing"),
    // Oracle Text.
    (Code::Drg(50857), Class::Internal, "Oracle Text failed in a query"),
    (Code::Drg(50900), Class::Keywords, "Oracle Text cannot read the query"),
    (Code::Drg(50901), Class::Keywords, "Oracle Text cannot read the query"),
    (Code::Drg(50915), Class::Keywords, "Oracle Text cannot read the query"),
    (Code::Drg(50920), Class::Keywords, "a part of the phrase is not a phrase"),
    (Code::Drg(50937), Class::Keywords, "the query is too complex for Oracle Text"),
    (Code::Drg(50943), Class::Keywords, "a word of the query is too long for Oracle Text"),
    (Code::Drg(51030), Class::Keywords, "the query stands for too many words"),
    (Code::Drg(10599), Class::Misconfigured, "the column has no text index; run `mitsuke doctor`"),
    (Code::Drg(10502), Class::Misconfigured, "a text index is missing; run `mitsuke doctor`"),
    (Code::Drg(10700), Class::Misconfigured, "a preference of the text indexes is missing; run `mitsuke doctor`"),
    (Code::Ora(29861), Class::Misconfigured, "a text index is marked as failed; run `mitsuke doctor`"),
    (Code::Ora(29833), Class::Misconfigured, "the database has no Oracle Text (the -slim images lack it)"),
    // The session is gone.
    (Code::Dpi(1080), Class::Lost, "the session was lost"),
    (Code::Dpi(1010), Class::Lost, "the session was lost"),
    (Code::Ora(22), Class::Lost, "the session was lost"),
    (Code::Ora(28), Class::Lost, "the session was killed"),
    (Code::Ora(31), Class::Lost, "the session was killed"),
    (Code::Ora(45), Class::Lost, "the session was ended"),
    (Code::Ora(603), Class::Lost, "the session was ended by the server"),
    (Code::Ora(609), Class::Lost, "the session was lost"),
    (Code::Ora(1012), Class::Lost, "the session was lost"),
    (Code::Ora(1041), Class::Lost, "the session was lost"),
    (Code::Ora(1089), Class::Lost, "the database is being shut down"),
    (Code::Ora(1092), Class::Lost, "the database was shut down"),
    (Code::Ora(2396), Class::Lost, "the session was idle for too long"),
    (Code::Ora(2399), Class::Lost, "the session has lived for too long"),
    (Code::Ora(3113), Class::Lost, "the connection broke"),
    (Code::Ora(3114), Class::Lost, "the connection broke"),
    (Code::Ora(3135), Class::Lost, "the connection broke"),
    (Code::Ora(12153), Class::Lost, "the connection broke"),
    (Code::Ora(12537), Class::Lost, "the connection was closed"),
    (Code::Ora(12547), Class::Lost, "the connection broke"),
    (Code::Ora(12570), Class::Lost, "the connection broke"),
    (Code::Ora(12571), Class::Lost, "the connection broke"),
    (Code::Ora(12583), Class::Lost, "the connection broke"),
    (Code::Ora(25408), Class::Lost, "the connection broke"),
];

/// A prefix of codes, and the constructor of its codes.
type Kind = (&'static str, fn(u32) -> Code);

/// Returns every code in a message, in their order.
pub(crate) fn codes_in(text: &str) -> Vec<Code> {
    const KINDS: [Kind; 4] = [("ORA-", Code::Ora), ("DPI-", Code::Dpi), ("DRG-", Code::Drg), ("TNS-", Code::Ora)];
    let mut found: Vec<(usize, Code)> = Vec::new();
    for (prefix, code) in KINDS {
        for (at, _) in text.match_indices(prefix) {
            let digits = text[at + prefix.len()..].bytes().take_while(u8::is_ascii_digit).take(5).count();
            if let Ok(number) = text[at + prefix.len()..at + prefix.len() + digits].parse() {
                found.push((at, code(number)));
            }
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, code)| code).collect()
}
