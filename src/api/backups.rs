//! GET and POST /backups.

use std::path::PathBuf;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};

use crate::api::caller::Caller;
use crate::api::json::OptionalJson;
use crate::api::metric_table::{set, set_counter};
use crate::api::route::{Route, route};
use crate::api::types::{BackupRequest, BackupsBody};
use crate::api::{Scope, Services};
use crate::error::ErrorCode::{BackupNowhere, BackupRunning};
use crate::error::{ApiError, ErrorCode};
use mitsuke_engine::backup::{BackupOrder, NotStarted};
use mitsuke_engine::blocking;
use mitsuke_store::{BackupError, BackupOptions};

/// The routes of backups.
pub fn routes() -> Vec<Route> {
    vec![
        route!(get).errors([&[BackupNowhere]]).scope(Scope::Admin),
        route!(start).errors([&[BackupRunning, BackupNowhere]]).scope(Scope::Admin),
    ]
}

/// See the backups
///
/// Shows the backup that is being made, how the last one ended, and the copies in the folder of MITSUKE_BACKUP_DIR.
#[utoipa::path(
    get, path = "/backups", tag = "operations", operation_id = "get_backups",
    responses((status = 200, description = "The backups", body = BackupsBody))
)]
pub async fn get(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(body(&services).await?))
}

/// Back up
///
/// Adds a copy of the embedded store to the folder of MITSUKE_BACKUP_DIR, in the background and behind searches and uploads.
/// The copy shows the store as it is at one moment; of the originals, only those that no earlier copy has are written. A
/// store in an Oracle database is backed up with the tools of the database.
#[utoipa::path(
    post, path = "/backups", tag = "operations", operation_id = "start_backup",
    request_body = Option<BackupRequest>,
    responses((status = 202, description = "The backup runs; GET /backups shows how far it is", body = BackupsBody))
)]
pub async fn start(
    services: web::Data<Services>,
    request: HttpRequest,
    OptionalJson(asked): OptionalJson<BackupRequest>,
) -> Result<HttpResponse, ApiError> {
    let order = order(&services, Caller::of(&request).is_local(), asked)?;
    let backups = Arc::clone(&services.backups);
    blocking::run(move || backups.start(order)).await??;
    Ok(HttpResponse::Accepted().json(body(&services).await?))
}

/// Returns the backup that a caller asks for. Only a caller with the token of this machine may name a folder: the server
/// would write where its caller may not.
fn order(services: &Services, is_local: bool, asked: BackupRequest) -> Result<BackupOrder, ApiError> {
    let BackupRequest { directory, verify, keep } = asked;
    if keep == Some(0) {
        return Err(ApiError::invalid("keep", "At least one copy is kept."));
    }
    let schedule = services.backups.schedule();
    let Some(directory) = directory else {
        let directory = schedule.directory.clone().ok_or_else(|| {
            ApiError::new(
                ErrorCode::BackupNowhere,
                "Set MITSUKE_BACKUP_DIR, or run `mitsuke backup DIR` on the server's machine.",
            )
        })?;
        return Ok(BackupOrder { directory, options: BackupOptions { verify, keep: keep.or(Some(schedule.keep)) } });
    };
    if !is_local {
        return Err(ApiError::invalid(
            "directory",
            "Only `mitsuke backup` on the server's machine may name a folder. Leave it out to use MITSUKE_BACKUP_DIR.",
        ));
    }
    let directory = PathBuf::from(directory);
    if !directory.is_absolute() {
        return Err(ApiError::invalid("directory", "Give an absolute path."));
    }
    Ok(BackupOrder { directory, options: BackupOptions { verify, keep } })
}

async fn body(services: &Services) -> Result<BackupsBody, ApiError> {
    // The status comes first, so that an ended backup never seems to have left no copy.
    let status = services.backups.status();
    let backups = Arc::clone(&services.backups);
    let copies = blocking::run(move || backups.copies()).await?.map_err(NotStarted::Refused)?;
    Ok(BackupsBody::new(services.backups.schedule().directory.as_deref(), status, copies))
}

/// Sets the metrics of backups.
pub fn set_metrics(services: &Services) {
    let (metrics, status) = (&services.metrics, services.backups.status());
    let newest = status.newest.map_or(0, |newest| newest.unix_timestamp());
    set(&metrics.backup_last_success, u64::try_from(newest).unwrap_or_default());
    set_counter(&metrics.backup_failures, status.failures);
    if let Some(last) = status.last {
        metrics.backup_duration.set((last.ended_at - last.started_at).as_seconds_f64());
    }
}

impl From<NotStarted> for ApiError {
    fn from(error: NotStarted) -> Self {
        match error {
            NotStarted::Running => {
                Self::new(ErrorCode::BackupRunning, "A backup is being made. GET /backups shows how far it is.")
            }
            NotStarted::Refused(BackupError::Store(error)) => error.into(),
            NotStarted::Refused(error) => {
                log::warn!("no backup is made: {error}");
                Self::new(ErrorCode::BackupNowhere, format!("There is no backup to show or make here: {error}."))
            }
        }
    }
}
