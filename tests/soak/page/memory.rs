//! The memory of a browser, as Linux tells it: the share of each process (PSS), in which memory that several processes
//! share counts once.

use std::collections::HashMap;
use std::fs;

/// Returns the memory of the largest tab and of all processes of the browser below a process, in MiB.
pub fn of(root: u32) -> (u64, u64) {
    let parents = parents();
    let is_below = |mut process: u32| {
        while process != root {
            let Some(parent) = parents.get(&process) else { return false };
            process = *parent;
        }
        true
    };
    let below: Vec<_> = parents.keys().copied().filter(|process| *process != root && is_below(*process)).collect();
    let tabs = below.iter().filter(|process| is_tab(**process)).map(|process| share(*process)).max();
    (tabs.unwrap_or(0) / 1024, below.iter().map(|process| share(*process)).sum::<u64>() / 1024)
}

/// Returns the parent of each process.
fn parents() -> HashMap<u32, u32> {
    let folders = fs::read_dir("/proc").expect("the processes").filter_map(Result::ok);
    let processes = folders.filter_map(|folder| folder.file_name().to_str()?.parse::<u32>().ok());
    processes.filter_map(|process| Some((process, parent(process)?))).collect()
}

fn parent(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program stands in parentheses and may hold anything.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn is_tab(process: u32) -> bool {
    fs::read(format!("/proc/{process}/cmdline"))
        .is_ok_and(|line| String::from_utf8_lossy(&line).contains("--type=renderer"))
}

/// Returns the share of memory of a process in KiB; 0 when it has ended.
fn share(process: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}
