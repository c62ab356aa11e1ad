use std::ffi::OsStr;
use std::io::Write as _;

use clap::Parser as _;
use secrecy::ExposeSecret as _;

use super::sources::{command, variable};
use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    Settings::from_lookup(&|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
}

#[test]
fn nothing_set_gives_the_documented_defaults() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.data_dir, PathBuf::from("./data"));
    assert_eq!(settings.images_dir, Some(PathBuf::from("./images")));
    assert!(settings.api_keys.is_empty());
}

#[test]
fn backups_need_a_folder_of_their_own() {
    let name = |pairs: &[(&str, &str)]| read(pairs).unwrap_err().name;
    assert_eq!(name(&[("MITSUKE_BACKUP_EVERY_H", "24")]), "MITSUKE_BACKUP_EVERY_H");
    assert_eq!(name(&[("MITSUKE_BACKUP_DIR", "./data")]), "MITSUKE_BACKUP_DIR");
    let database = [("DB_USER", "a"), ("DB_PASSWORD", "a"), ("DB_DSN", "a")];
    let regular = [("MITSUKE_BACKUP_DIR", "/x"), ("MITSUKE_BACKUP_EVERY_H", "24")];
    assert_eq!(name(&[&database[..], &regular].concat()), "MITSUKE_BACKUP_EVERY_H");
    let settings = read(&regular).unwrap().backup;
    assert_eq!((settings.backup_every_h, settings.backup_keep, settings.min_free_bytes), (24, 7, None));
    assert_eq!(read(&[("MITSUKE_MIN_FREE_BYTES", "0")]).unwrap().backup.min_free_bytes, Some(0));
    assert!(read(&[("MITSUKE_MIN_FREE_BYTES", "1G")]).unwrap_err().reason.contains("or `auto`"));
}

#[test]
fn a_blank_images_dir_means_none_and_other_blanks_mean_not_set() {
    let settings = read(&[("MITSUKE_IMAGES_DIR", ""), ("MITSUKE_DATA_DIR", " "), ("DB_USER", "")]).unwrap();
    assert_eq!(settings.images_dir, None);
    assert_eq!(settings.data_dir, PathBuf::from("./data"));
}

#[test]
fn a_bad_value_names_its_variable_and_what_is_allowed() {
    let error = read(&[("MITSUKE_MAX_FILES", "many")]).unwrap_err();
    assert_eq!(error.name, "MITSUKE_MAX_FILES");
    assert!(error.reason.contains("from 1 to 10000"), "{error}");
    assert_eq!(read(&[("MITSUKE_MAX_PAGE", "0")]).unwrap_err().name, "MITSUKE_MAX_PAGE");
    assert_eq!(read(&[("MITSUKE_DEVICE", "tpu")]).unwrap_err().name, "MITSUKE_DEVICE");
    assert_eq!(read(&[("MITSUKE_CORS_ORIGINS", "example.com")]).unwrap_err().name, "MITSUKE_CORS_ORIGINS");
    assert_eq!(read(&[("MITSUKE_BIND", "8080")]).unwrap_err().name, "MITSUKE_BIND");
    let error = read(&[("MITSUKE_ALLOW_ANONYMOUS", "yes")]).unwrap_err();
    assert!(error.to_string().contains("may be `true` or `false`"), "{error}");
}

#[test]
fn three_settings_select_oracle_and_a_missing_one_is_named() {
    let all = [("DB_USER", "mitsuke"), ("DB_PASSWORD", " top secret "), ("DB_DSN", "db:1521/FREEPDB1")];
    assert!(read(&[]).unwrap().oracle.is_none());
    let oracle = read(&all).unwrap().oracle.unwrap();
    assert_eq!((oracle.user.as_str(), oracle.dsn.as_str()), ("mitsuke", "db:1521/FREEPDB1"));
    assert_eq!(oracle.password.expose_secret(), " top secret ");
    assert_eq!((oracle.pool_size, oracle.target_accuracy), (8, 95));
    for missing in 0..3 {
        let two: Vec<_> = all.iter().copied().filter(|(name, _)| *name != all[missing].0).collect();
        let error = read(&two).unwrap_err();
        assert_eq!(error.name, all[missing].0);
    }
    assert!(read(&all[..1]).unwrap_err().reason.contains("DB_PASSWORD and DB_DSN are not set"));
    assert!(!format!("{:?}", read(&all).unwrap()).contains("top secret"));
}

#[test]
fn limits_of_the_database_are_checked() {
    let with = |pair| {
        let all = [("DB_USER", "u"), ("DB_PASSWORD", "p"), ("DB_DSN", "d"), pair];
        read(&all).map(|settings| settings.oracle.unwrap())
    };
    assert_eq!(with(("MITSUKE_DB_CALL_TIMEOUT_MS", "1500")).unwrap().call_timeout, Duration::from_millis(1500));
    assert_eq!(with(("MITSUKE_VECTOR_TARGET_ACCURACY", "101")).unwrap_err().name, "MITSUKE_VECTOR_TARGET_ACCURACY");
    assert_eq!(with(("MITSUKE_DB_POOL_SIZE", "1")).unwrap_err().name, "MITSUKE_DB_POOL_SIZE");
}

#[test]
fn an_open_server_must_be_asked_for() {
    let open = ("MITSUKE_BIND", "0.0.0.0:8080");
    assert_eq!(read(&[open]).unwrap_err().name, "MITSUKE_BIND");
    assert!(read(&[open, ("MITSUKE_ALLOW_ANONYMOUS", "true")]).is_ok());
    assert!(read(&[open, ("MITSUKE_API_KEYS", "0123456789abcdef")]).is_ok());
}

#[test]
fn a_bad_line_of_the_env_file_is_not_printed() {
    let line = "DB_PASSWORD=hush hush".to_owned();
    let error = env_file_outcome(Err(dotenvy::Error::LineParse(line, 12))).unwrap_err();
    assert_eq!(error.name, ".env");
    assert!(!error.to_string().contains("hush"), "{error}");
}

#[test]
fn keys_are_long_and_never_printed() {
    assert_eq!(read(&[("MITSUKE_API_KEYS", "short")]).unwrap_err().name, "MITSUKE_API_KEYS");
    let settings = read(&[("MITSUKE_API_KEYS", "0123456789abcdef, fedcba9876543210")]).unwrap();
    assert_eq!(settings.api_keys.len(), 2);
    assert!(!format!("{settings:?}").contains("0123456789abcdef"));
}

/// A command with settings, as `mitsuke serve` is.
#[derive(Debug, clap::Parser)]
struct Serve {
    #[command(flatten)]
    flags: Flags,
}

fn flags(line: &[&str]) -> Result<Flags, clap::Error> {
    Serve::try_parse_from([&["serve"], line].concat()).map(|serve| serve.flags)
}

fn read_with(line: &[&str], pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let environment = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Settings::from_sources(&Sources { flags: &flags(line).unwrap(), environment: &environment })
}

#[test]
fn a_flag_wins_over_the_environment_and_the_environment_over_the_default() {
    let pairs = [("MITSUKE_MAX_FILES", "5"), ("MITSUKE_MAX_PAGE", "7"), ("MITSUKE_IMAGES_DIR", "/pictures")];
    let settings = read_with(&["--max-files", "3", "--data-dir=/data", "--images-dir", ""], &pairs).unwrap();
    assert_eq!((settings.limits.files, settings.limits.page, settings.limits.edge), (3, 7, 20_000));
    assert_eq!(settings.data_dir, PathBuf::from("/data"));
    assert_eq!(settings.images_dir, None);
    // A value that is not used need not be right.
    assert_eq!(read_with(&["--max-files=3"], &[("MITSUKE_MAX_FILES", "many")]).unwrap().limits.files, 3);
}

#[test]
fn a_flag_that_is_wrong_is_named_and_told_what_is_allowed() {
    let message = |line: &[&str]| flags(line).unwrap_err().to_string();
    let many = message(&["--max-files", "many"]);
    assert!(many.contains("--max-files <N>") && many.contains("from 1 to 10000"), "{many}");
    assert!(message(&["--device", "tpu"]).contains("may be `auto`, `cpu` or `cuda`"));
    assert!(message(&["--data-dir", ""]).contains("a value is required for '--data-dir <FOLDER>'"));
    let error = read_with(&["--bind", "0.0.0.0:8080"], &[]).unwrap_err();
    assert_eq!(error.name, "--bind");
    assert!(read_with(&["--bind", "0.0.0.0:8080", "--allow-anonymous"], &[]).is_ok());
    assert!(read_with(&["--bind", "0.0.0.0:8080", "--allow-anonymous=false"], &[]).is_err());
}

#[test]
fn every_setting_is_a_flag_that_follows_from_its_variable_except_secrets() {
    let mut secrets = Vec::new();
    for arg in command().get_arguments() {
        let (variable, flag) = (variable(arg), arg.get_long().unwrap());
        let named = variable.trim_start_matches("MITSUKE_").to_lowercase().replace('_', "-");
        assert!(flag == named || (variable, flag) == ("RUST_LOG", "log"), "{variable} and --{flag}");
        assert!(arg.get_help().is_some() && arg.get_help_heading().is_some(), "{variable} is explained and in a group");
        let refused = flags(&[&format!("--{flag}=\u{1}")]).err().map(|error| error.kind());
        if refused == Some(clap::error::ErrorKind::UnknownArgument) {
            secrets.push(variable.to_owned());
        }
    }
    assert_eq!(secrets, ["DB_PASSWORD", "MITSUKE_API_KEYS"]);
}

#[test]
fn the_help_shows_the_variable_the_default_and_what_is_allowed() {
    use clap::CommandFactory as _;
    let help = Serve::command().render_long_help().to_string();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let files =
        "--max-files <N> Files in one upload. [env: MITSUKE_MAX_FILES] [default: 64] [possible values: 1–10000]";
    assert!(help.contains(files), "{help}");
    let mut from = 0;
    for heading in ["Server", "Storage", "Oracle", "Models and encoders", "Limits", "Access"] {
        from += help[from..].find(&format!(" {heading}: --")).unwrap_or_else(|| panic!("{heading} in {help}"));
    }
}

fn secret_file(text: &str) -> (tempfile::NamedTempFile, String) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    (file, path)
}

#[test]
fn a_password_may_stand_in_a_file() {
    let (_file, path) = secret_file(" top secret \r\n");
    let account = [("DB_USER", "u"), ("DB_DSN", "d"), ("DB_PASSWORD_FILE", path.as_str())];
    assert_eq!(read(&account).unwrap().oracle.unwrap().password.expose_secret(), " top secret ");
    let error = read(&[&account[..], &[("DB_PASSWORD", "p")]].concat()).unwrap_err();
    assert_eq!(error.name, "DB_PASSWORD_FILE");
    assert!(error.reason.contains("DB_PASSWORD is set, too"), "{error}");
    let error = read_with(&["--db-password-file", "/nowhere/password"], &account[..2]).unwrap_err();
    assert_eq!(error.name, "--db-password-file");
    assert!(error.reason.contains("/nowhere/password cannot be read"), "{error}");
    let (_file, empty) = secret_file("\n");
    assert!(read_with(&["--db-password-file", &empty], &account[..2]).unwrap_err().reason.contains("is empty"));
}

#[test]
fn keys_may_stand_in_a_file_and_a_file_without_keys_opens_nothing() {
    let (_file, path) = secret_file("0123456789abcdef\n\nfedcba9876543210, 0011223344556677\n");
    assert_eq!(read_with(&["--api-keys-file", &path], &[]).unwrap().api_keys.len(), 3);
    assert_eq!(read(&[("MITSUKE_API_KEYS_FILE", &path), ("MITSUKE_API_KEYS", " ")]).unwrap().api_keys.len(), 3);
    let both = [("MITSUKE_API_KEYS_FILE", path.as_str()), ("MITSUKE_API_KEYS", "0123456789abcdef")];
    assert_eq!(read(&both).unwrap_err().name, "MITSUKE_API_KEYS_FILE");
    let (_file, empty) = secret_file(" \n,");
    assert!(read(&[("MITSUKE_API_KEYS_FILE", &empty)]).unwrap_err().reason.contains("holds no key"));
    let (_file, short) = secret_file("short");
    let error = read_with(&["--api-keys-file", &short], &[]).unwrap_err();
    assert_eq!(error.name, "--api-keys-file");
    assert!(!error.to_string().contains("short"), "{error}");
}

#[test]
fn a_path_of_a_flag_need_not_be_utf_8() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = OsStr::from_bytes(b"/data/\xff");
    let flags = Serve::try_parse_from([OsStr::new("serve"), OsStr::new("--data-dir"), folder]).unwrap().flags;
    let settings = Settings::from_sources(&Sources { flags: &flags, environment: &|_| None }).unwrap();
    assert_eq!(settings.data_dir, PathBuf::from(folder));
}

#[test]
fn the_log_filter_is_a_flag() {
    assert_eq!(flags(&["--log", "debug"]).unwrap().log_filter(), Some("debug"));
    assert_eq!(flags(&[]).unwrap().log_filter(), None);
}
