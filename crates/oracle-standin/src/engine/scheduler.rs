//! The package DBMS_SCHEDULER: jobs that are PL/SQL blocks. No time passes here, so a job runs only by RUN_JOB.

use super::catalog::Job;
use super::dml::Values;
use super::session::Session;
use crate::errors::{OraError, Result};
use crate::sql::Parser;

impl Session {
    /// Runs a procedure of the package. `argument` returns an argument by its name and place.
    ///
    /// # Errors
    /// Oracle's errors about jobs, and the errors of a job that runs in the session.
    pub(super) fn scheduler(
        &mut self,
        procedure: &str,
        argument: &dyn Fn(&str, usize) -> Option<String>,
    ) -> Result<()> {
        let name = argument("JOB_NAME", 0).or_else(|| argument("NAME", 0)).unwrap_or_default().to_uppercase();
        let user = self.user.to_uppercase();
        let unknown = || OraError::new(27475, format_args!("unknown job \"{user}\".\"{name}\""));
        let flag = |argument: Option<String>| argument.is_some_and(|text| text == "1" || text == "TRUE");
        match procedure {
            "DBMS_SCHEDULER.CREATE_JOB" => {
                if self.is_denied("CREATE JOB")? {
                    return Err(OraError::new(27486, "insufficient privileges"));
                }
                if argument("JOB_TYPE", 1).as_deref() != Some("PLSQL_BLOCK") {
                    return Err(OraError::unsupported("jobs that are no PL/SQL blocks"));
                }
                let job = Job {
                    action: argument("JOB_ACTION", 2).unwrap_or_default(),
                    repeat_interval: argument("REPEAT_INTERVAL", 5).unwrap_or_default(),
                    enabled: flag(argument("ENABLED", 8)),
                    runs: Vec::new(),
                };
                Parser::new(&job.action)?.whole_statement()?;
                self.change_catalog(|catalog| {
                    if catalog.jobs.contains_key(&name) {
                        let message = format_args!("\"{user}\".\"{name}\" already exists");
                        return Err(OraError::new(27477, message));
                    }
                    catalog.jobs.insert(name.clone(), job);
                    Ok(())
                })
            }
            "DBMS_SCHEDULER.DROP_JOB" => {
                self.change_catalog(|catalog| catalog.jobs.remove(&name).map(|_| ()).ok_or_else(unknown))
            }
            "DBMS_SCHEDULER.ENABLE" | "DBMS_SCHEDULER.DISABLE" => self.change_catalog(|catalog| {
                catalog.jobs.get_mut(&name).ok_or_else(unknown)?.enabled = procedure.ends_with("ENABLE");
                Ok(())
            }),
            "DBMS_SCHEDULER.RUN_JOB" => {
                let mut action = String::new();
                self.change_catalog(|catalog| {
                    action.clone_from(&catalog.jobs.get(&name).ok_or_else(unknown)?.action);
                    Ok(())
                })?;
                let statement = Parser::new(&action)?.whole_statement()?;
                let done = self.run(&statement, Values { binds: &[], variables: None });
                if argument("USE_CURRENT_SESSION", 1).is_none_or(|text| text == "1" || text == "TRUE") {
                    return done.map(|_| ());
                }
                let error = done.err().map(|error| error.message);
                self.change_catalog(|catalog| {
                    catalog.jobs.get_mut(&name).ok_or_else(unknown)?.runs.push(error);
                    Ok(())
                })
            }
            other => Err(OraError::new(6550, format_args!("PLS-00302: component '{other}' must be declared"))),
        }
    }
}
