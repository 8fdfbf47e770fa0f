//! No core, whatever kills it, and no look into its memory from beside.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::{CommandExt as _, ExitStatusExt as _},
    },
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::binary::Running;

/// Whom no file belongs to, on every Linux.
const NOBODY: u32 = 65_534;

/// A program that is allowed a core of any size, in a folder of its own, and
/// runs as somebody who owns nothing: to root every process looks like its own.
fn allowed_a_core(folder: &Path, program: &Path, arguments: &str) -> Command {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    let own = folder.join("program");
    fs::copy(program, &own).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -c unlimited && exec '{}' {arguments}", own.display())]);
    command.current_dir(folder).env_remove("RUST_LOG").env_remove("GATEWAY_CONFIG").stdin(Stdio::null());
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn serving(folder: &Path) -> Running {
    let program = Path::new(env!("CARGO_BIN_EXE_group-import-gateway"));
    let mut command = allowed_a_core(folder, program, "serve --sandbox");
    command.env("GATEWAY_SERVER__LISTEN", "127.0.0.1:0").env("GATEWAY_SERVER__ADMIN_LISTEN", "");
    let running = Running::start(command);
    running.value("listening for gRPC", "address");
    running
}

/// A program as it comes, which shows that the system would make a core here.
fn other_program(folder: &Path) -> Running {
    Running::start(allowed_a_core(folder, Path::new("/bin/sleep"), "60"))
}

/// Waits until `sh` has become the program.
fn started(running: &Running) -> String {
    let process = format!("/proc/{}", running.child.id());
    let until = Instant::now() + Duration::from_secs(30);
    while !fs::read_to_string(format!("{process}/comm")).unwrap().starts_with("program") {
        assert!(Instant::now() < until, "it does not start:\n{}", running.text());
        std::thread::sleep(Duration::from_millis(5));
    }
    process
}

#[test]
fn a_crash_leaves_no_core() {
    for signal in ["SEGV", "ABRT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut gateway = serving(folder.path());
        // Rust's own handler lets the first SIGSEGV pass: the instruction at fault is to fail again. Two that come at
        // once are one.
        for _ in 0..100 {
            gateway.signal(signal);
            std::thread::sleep(Duration::from_millis(20));
            if gateway.child.try_wait().unwrap().is_some() {
                break;
            }
        }
        let status = gateway.end();
        assert!(status.signal().is_some() && !status.core_dumped(), "SIG{signal}: {status:?}");
        let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(files, ["program"], "SIG{signal}");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut other = other_program(folder.path());
    started(&other);
    other.signal("SEGV");
    if !other.end().core_dumped() {
        eprintln!("this system makes no cores at all, so that there is none here says little");
    }
}

#[test]
fn the_process_may_not_be_looked_into() {
    let (folder, beside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (gateway, other) = (serving(folder.path()), other_program(beside.path()));
    let (gateway, other) = (started(&gateway), started(&other));
    let limits = fs::read_to_string(format!("{gateway}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    // Files of a process that is not dumpable belong to root, whoever runs it (proc(5)).
    let owner = |process: &str| fs::metadata(format!("{process}/mem")).unwrap().uid();
    assert_ne!(owner(&other), 0, "the test's own premise");
    assert_eq!(owner(&gateway), 0);
}
