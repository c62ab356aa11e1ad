//! Turns errors of Oracle, its client library and ODPI-C into [`StoreError`], by the table of [`codes`](super::codes).
//!
//! A caller never gets a message of the driver, because such a message may name hosts and columns, and ODPI-C may leave
//! stray bytes in it. A caller gets the sentence of an error code, and the log gets the codes.

use std::fmt;

use super::codes::{Class, Code, TABLE, codes_in};
use crate::StoreError;

/// The source of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// A call on a connection.
    Call,
    /// An attempt to connect.
    Connecting,
    /// An attempt to connect that this program gave up with a message of its own.
    Own,
}

/// An error of the driver, or of connecting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DriverError {
    /// Every code that occurs in the message.
    codes: Vec<Code>,
    /// The printable part of the message, for the log only.
    message: String,
    origin: Origin,
    /// Whether connecting is not tried again before a restart.
    permanent: bool,
}

impl DriverError {
    /// Reads the codes in the text of a driver's error, after the code that the driver itself gives.
    fn new(own: Option<Code>, text: &str) -> Self {
        let mut codes: Vec<Code> = own.into_iter().collect();
        for code in codes_in(text) {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        Self { codes, message: printable(text), origin: Origin::Call, permanent: false }
    }

    /// Makes an error of connecting that this program reports with a message of its own.
    pub(crate) fn connecting(text: &str) -> Self {
        Self { origin: Origin::Own, ..Self::new(None, text) }
    }

    /// Marks the error as one of connecting.
    #[must_use]
    pub(crate) fn while_connecting(self) -> Self {
        Self { origin: Origin::Connecting, ..self }
    }

    /// Returns the class of the first row of the table that fits.
    pub(crate) fn class(&self) -> Class {
        match self.row().map_or(Class::Internal, |(_, class, _)| *class) {
            // No table holds all codes of the network, and none of them is a mistake of this program.
            Class::Internal if self.origin != Origin::Call => Class::Unreachable,
            class => class,
        }
    }

    /// Returns whether one of the error's codes is among `codes`.
    pub(crate) fn is_one_of(&self, codes: &[Code]) -> bool {
        self.codes.iter().any(|code| codes.contains(code))
    }

    /// Marks the error as one after which connecting is not tried again.
    #[must_use]
    pub(crate) fn permanent(self) -> Self {
        Self { permanent: true, ..self }
    }

    #[cfg(test)]
    pub(crate) fn from_text(text: &str) -> Self {
        Self::new(None, text)
    }

    /// Returns whether the error counts towards FAILED_LOGIN_ATTEMPTS.
    pub(crate) fn is_wrong_password(&self) -> bool {
        self.is_one_of(&[Code::Ora(1017)])
    }

    /// Returns whether another attempt with the same name and password could soon lock the account.
    pub(crate) fn concerns_the_account(&self) -> bool {
        self.is_one_of(&[Code::Ora(1017), Code::Ora(1005), Code::Ora(28000), Code::Ora(28001)])
    }

    fn row(&self) -> Option<&'static (Code, Class, &'static str)> {
        TABLE.iter().find(|(code, _, _)| self.codes.contains(code))
    }

    /// Returns the sentence of the table and the codes, without the driver's message.
    pub(crate) fn description(&self) -> String {
        let codes = self.codes.iter().map(Code::to_string).collect::<Vec<_>>().join(", ");
        match self.row() {
            Some((_, _, meaning)) if self.permanent => {
                format!("{meaning} ({codes}); not tried again until a restart, so that the account is not locked")
            }
            Some((_, _, meaning)) => format!("{meaning} ({codes})"),
            None if self.origin == Origin::Own => self.message.clone(),
            // The answer to a readiness check shows this text, so the driver's words stay in the log.
            None if self.origin == Origin::Connecting => {
                let codes = if codes.is_empty() { "without a code".to_owned() } else { codes };
                format!("connecting failed ({codes}); the log has the driver's words")
            }
            None if codes.is_empty() => self.message.clone(),
            None => format!("{codes}: {}", self.message),
        }
    }
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description())
    }
}

impl std::error::Error for DriverError {}

impl From<oracle::Error> for DriverError {
    fn from(error: oracle::Error) -> Self {
        let number = |code: i32| u32::try_from(code).unwrap_or_default();
        let own = error.oci_code().map(|code| Code::Ora(number(code)));
        let own = own.or_else(|| error.dpi_code().map(|code| Code::Dpi(number(code))));
        Self::new(own, &error.to_string())
    }
}

impl From<DriverError> for StoreError {
    fn from(failure: DriverError) -> Self {
        if failure.row().is_none() && failure.origin == Origin::Connecting {
            log::warn!("the driver says: {}", failure.message);
        } else {
            log::debug!("the driver says: {}", failure.message);
        }
        let text = failure.description();
        match failure.class() {
            // A lost session reaches a caller only when the repeated work lost its session too, or after a write.
            Class::Unreachable | Class::Lost => Self::Unreachable(text),
            Class::Busy => Self::Busy(text),
            Class::Misconfigured => Self::Misconfigured(text),
            Class::Keywords => Self::BadKeywords(text),
            Class::Full => Self::DiskFull(text),
            Class::NoTable => Self::Misconfigured(format!("{text}; run `mitsuke migrate`")),
            Class::Unique | Class::NoParent | Class::Internal => Self::Internal(text),
        }
    }
}

/// The reason why work on a session ended early: an error of the driver, or an error of the store's own.
#[derive(Debug)]
pub(crate) enum OracleError {
    /// An error of the driver, which the caller may still handle.
    Driver(DriverError),
    /// An error of the store's own.
    Store(StoreError),
}

impl OracleError {
    /// Returns the class of a driver's error; `None` for an error of the store's own.
    pub(crate) fn class(&self) -> Option<Class> {
        match self {
            Self::Driver(failure) => Some(failure.class()),
            Self::Store(_) => None,
        }
    }
}

impl From<oracle::Error> for OracleError {
    fn from(error: oracle::Error) -> Self {
        Self::Driver(error.into())
    }
}

impl From<DriverError> for OracleError {
    fn from(failure: DriverError) -> Self {
        Self::Driver(failure)
    }
}

impl From<StoreError> for OracleError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<OracleError> for StoreError {
    fn from(error: OracleError) -> Self {
        match error {
            OracleError::Driver(failure) => failure.into(),
            OracleError::Store(error) => error,
        }
    }
}

/// Returns a message on one line, shortened, with blanks in place of control characters.
fn printable(text: &str) -> String {
    const MOST: usize = 500;
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() || c == char::REPLACEMENT_CHARACTER { ' ' } else { c })
        .take(MOST)
        .collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message and a check of its answer.
    type Case = (&'static str, fn(&StoreError) -> bool);

    fn failure(text: &str) -> DriverError {
        DriverError::new(None, text)
    }

    fn answer(text: &str) -> StoreError {
        failure(text).into()
    }

    #[test]
    fn every_case_an_operator_meets_has_its_answer() {
        use StoreError as E;
        let cases: &[Case] = &[
            ("DPI-1047: Cannot locate a 64-bit Oracle Client library", |e| matches!(e, E::Misconfigured(_))),
            ("ORA-12541: TNS:no listener", |e| matches!(e, E::Unreachable(_))),
            ("ORA-12170: TNS:Connect timeout occurred", |e| matches!(e, E::Unreachable(_))),
            ("ORA-12514: TNS:listener does not currently know of service", |e| matches!(e, E::Unreachable(_))),
            ("ORA-12154: TNS:could not resolve the connect identifier", |e| matches!(e, E::Misconfigured(_))),
            ("ORA-01017: invalid username/password; logon denied", |e| matches!(e, E::Misconfigured(_))),
            ("ORA-28000: the account is locked", |e| matches!(e, E::Misconfigured(_))),
            ("ORA-01031: insufficient privileges", |e| matches!(e, E::Misconfigured(_))),
            ("ORA-00942: table or view does not exist", |e| matches!(e, E::Misconfigured(_))),
            ("ORA-01033: ORACLE initialization or shutdown in progress", |e| matches!(e, E::Unreachable(_))),
            ("DPI-1067: call timeout of 1000 ms exceeded with ORA-3136", |e| matches!(e, E::Busy(_))),
            ("DPI-1080: connection was closed by ORA-3113", |e| matches!(e, E::Unreachable(_))),
            ("DPI-1010: not connected", |e| matches!(e, E::Unreachable(_))),
            ("ORA-00018: maximum number of sessions exceeded", |e| matches!(e, E::Busy(_))),
            ("ORA-00060: deadlock detected while waiting for resource", |e| matches!(e, E::Busy(_))),
            ("ORA-30006: resource busy; acquire with WAIT timeout expired", |e| matches!(e, E::Busy(_))),
            ("ORA-51815: INMEMORY NEIGHBOR GRAPH HNSW vector index snapshot is too old.", |e| matches!(e, E::Busy(_))),
            ("ORA-51928: DML on X.T with INMEMORY NEIGHBOR GRAPH vector index X.I is not currently allowed.", |e| {
                matches!(e, E::Misconfigured(_))
            }),
            ("ORA-51908: Centroid assignment failed for the neighbor partitions vector index.", |e| {
                matches!(e, E::DiskFull(_))
            }),
            ("ORA-01653: unable to extend table", |e| matches!(e, E::DiskFull(_))),
            ("ORA-12954: The request exceeds the maximum allowed database size of 12 GB.", |e| {
                matches!(e, E::DiskFull(_))
            }),
            (
                "ORA-29902: error in executing ODCIIndexStart() routine\nORA-20000: Oracle Text error:\n\
                 DRG-50901: text query parser syntax error on line 1, column 2",
                |e| matches!(e, E::BadKeywords(_)),
            ),
            ("ORA-00904: \"X\": invalid identifier", |e| matches!(e, E::Internal(_))),
            ("no code at all", |e| matches!(e, E::Internal(_))),
        ];
        for (text, expected) in cases {
            assert!(expected(&answer(text)), "{text} became {:?}", answer(text));
        }
    }

    #[test]
    fn the_race_and_the_lost_parent_are_told_apart_from_mistakes() {
        assert_eq!(failure("ORA-00001: unique constraint (X.IMAGES_SHA256_KEY) violated").class(), Class::Unique);
        assert_eq!(failure("ORA-02291: integrity constraint violated - parent key not found").class(), Class::NoParent);
        assert_eq!(failure("ORA-00904: invalid identifier").class(), Class::Internal);
    }

    #[test]
    fn a_code_of_connecting_that_nobody_knows_is_no_mistake_of_this_program() {
        let unknown = failure("ORA-12699: a secret of the driver").while_connecting();
        assert_eq!(unknown.class(), Class::Unreachable);
        assert_eq!(unknown.description(), "connecting failed (ORA-12699); the log has the driver's words");
        assert_eq!(failure("ORA-01017: denied").while_connecting().class(), Class::Misconfigured);
        assert!(failure("no code").while_connecting().description().contains("without a code"));
        assert_eq!(DriverError::connecting("it took too long").description(), "it took too long");
    }

    #[test]
    fn a_code_inside_of_another_decides_when_it_says_more() {
        // ODPI-C ends a session whose call takes too long. That is a timeout and not a lost session.
        assert_eq!(failure("DPI-1080: connection was closed by ORA-03156").class(), Class::Busy);
        assert_eq!(failure("DPI-1080: connection was closed by ORA-1017").class(), Class::Misconfigured);
    }

    #[test]
    fn a_closed_pool_text_keeps_its_code() {
        let text = "timed out waiting for connection: OCI Error: ORA-12541: TNS:no listener";
        assert_eq!(failure(text).class(), Class::Unreachable);
    }

    #[test]
    fn no_message_of_the_driver_is_part_of_a_known_failure() {
        let text = "ORA-12541: Cannot connect. No listener at host db.example port 1521.\u{0}\u{fffd}\u{1}garbage";
        let described = failure(text).description();
        assert_eq!(described, "nothing listens at the host and port of DB_DSN (ORA-12541)");
    }

    #[test]
    fn unknown_failures_are_made_printable() {
        let described = failure("ORA-00600: internal error\n\u{0}\u{7}\u{fffd} code").description();
        assert_eq!(described, "ORA-00600: ORA-00600: internal error code");
    }

    #[test]
    fn codes_are_read_at_any_place_and_width() {
        let found = codes_in("DPI-1080: connection was closed by ORA-3113, TNS-12541 DRG-50901 ORA- DPI-x");
        assert_eq!(found, [Code::Dpi(1080), Code::Ora(3113), Code::Ora(12541), Code::Drg(50901)]);
        assert_eq!(Code::Ora(1).to_string(), "ORA-00001");
    }

    #[test]
    fn the_table_names_no_code_twice() {
        for (n, (code, _, _)) in TABLE.iter().enumerate() {
            assert!(TABLE[..n].iter().all(|(other, _, _)| other != code), "{code}");
        }
    }

    #[test]
    fn refused_accounts_are_not_asked_again_at_once() {
        assert!(failure("ORA-01017: logon denied").concerns_the_account());
        assert!(!failure("ORA-12541: no listener").concerns_the_account());
    }
}
