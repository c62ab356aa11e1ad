//! The account: privileges, quota, and the use of Oracle Text.

use super::{Inspection, not_visible};
use crate::Finding;

/// The privileges that Mitsuke's statements need, and their purpose.
const PRIVILEGES: [(&str, &str); 4] = [
    ("CREATE SESSION", "connecting"),
    ("CREATE TABLE", "tables and indexes"),
    ("CREATE SEQUENCE", "the numbers that rows get by themselves"),
    ("CREATE VIEW", "the views that programs of the original application read"),
];

impl Inspection<'_> {
    pub(super) fn privileges(&self) -> Vec<Finding> {
        let granted = match self.strings("SELECT privilege FROM session_privs") {
            Ok(granted) => granted,
            Err(error) => return vec![not_visible("privileges", error)],
        };
        PRIVILEGES
            .iter()
            .map(|(privilege, purpose)| {
                if granted.iter().any(|other| other == privilege) {
                    Finding::good("grants", *privilege)
                } else {
                    Finding::problem(
                        "grants",
                        format!("{privilege} is missing ({purpose})"),
                        "Let a DBA run sql/oracle/grants.sql.",
                    )
                }
            })
            .collect()
    }

    pub(super) fn quota(&self) -> Finding {
        let unlimited = self.strings("SELECT privilege FROM session_privs WHERE privilege = 'UNLIMITED TABLESPACE'");
        let quotas =
            self.strings("SELECT tablespace_name FROM user_ts_quotas WHERE max_bytes = -1 OR max_bytes > bytes");
        match (unlimited, quotas) {
            (Ok(unlimited), _) if !unlimited.is_empty() => Finding::good("quota", "unlimited"),
            (_, Ok(spaces)) if !spaces.is_empty() => Finding::good("quota", format!("on {}", spaces.join(", "))),
            (_, Ok(_)) => Finding::problem(
                "quota",
                "the account may not use any space",
                "Let a DBA run: ALTER USER … QUOTA UNLIMITED ON …; with the tablespace of the account (USERS, on Autonomous \
                 Database DATA).",
            ),
            (_, Err(error)) => not_visible("quota", error),
        }
    }

    pub(super) fn oracle_text(&self) -> Finding {
        let sql = "SELECT object_name FROM all_objects WHERE owner = 'CTXSYS' AND object_name = 'CTX_DDL'";
        match self.strings(sql) {
            Ok(found) if !found.is_empty() => Finding::good("Oracle Text", "CTX_DDL may be executed"),
            Ok(_) => Finding::problem(
                "Oracle Text",
                "CTXSYS.CTX_DDL cannot be seen",
                "Let a DBA run sql/oracle/grants.sql. The -slim container images have no Oracle Text at all: use one without.",
            ),
            Err(error) => not_visible("Oracle Text", error),
        }
    }
}
