//! Installs what the tests compare against: Debian's redis-server and redis-tools 7.0.15, and redis-py in a virtual
//! environment under `.venv`. Nothing is done for what is already there.

use crate::Outcome;
use crate::process::{has, output, run, run_with};
use crate::root;

/// The reference server's version: what every differential test was written against.
const REFERENCE_VERSION: &str = "7.0.15";
/// redis-py's version, pinned so that a new release cannot turn the suite red.
const REDIS_PY: &str = "redis==8.1.0";

/// Makes sure that the reference server and client are there.
pub fn reference_server() -> Outcome {
    let missing: Vec<&str> =
        [("redis-server", "redis-server"), ("redis-cli", "redis-tools"), ("cc", "gcc"), ("make", "make")]
            .into_iter()
            .filter(|(program, _)| !has(program))
            .map(|(_, package)| package)
            .collect();
    if !missing.is_empty() {
        apt(&missing)?;
    }
    let version = output("redis-server", &["--version"])?;
    if !version.contains(&format!("v={REFERENCE_VERSION}")) {
        println!("note: the reference server is not {REFERENCE_VERSION} but: {}", version.trim());
    }
    Ok(())
}

/// Makes sure that `.venv` holds redis-py, and returns its interpreter.
pub fn python_client() -> Result<String, String> {
    let venv = root().join(".venv");
    let python = venv.join("bin/python").display().to_string();
    let ready = std::path::Path::new(&python).exists() && output(&python, &["-c", "import redis"]).is_ok();
    if !ready {
        if !has("python3") || output("python3", &["-c", "import ensurepip, venv"]).is_err() {
            apt(&["python3", "python3-venv"])?;
        }
        run("python3", &["-m", "venv", &venv.display().to_string()])?;
        run(&python, &["-m", "pip", "install", "--quiet", REDIS_PY])?;
    }
    Ok(python)
}

fn apt(packages: &[&str]) -> Outcome {
    if !has("apt-get") {
        return Err(format!("please install {} (there is no apt-get here to do it)", packages.join(", ")));
    }
    let quiet = [("DEBIAN_FRONTEND", "noninteractive")];
    let as_root = rustix::process::geteuid().is_root();
    let prefix: &[&str] = if as_root { &[] } else { &["sudo"] };
    for step in [
        &["update", "-qq"][..],
        &[&["install", "-y", "-qq", "--no-install-recommends"][..], packages].concat(),
    ] {
        let words = [prefix, &["apt-get"], step].concat();
        run_with(words[0], &words[1..], &quiet)?;
    }
    Ok(())
}
