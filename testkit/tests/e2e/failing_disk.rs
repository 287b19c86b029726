//! nodes.conf on a disk that is full, read-only, or refuses otherwise: no vote leaves, the node serves on, and it recovers
//! with its disk (rules 18, 20).

use grapevine_testkit::{Cluster, Folder, Kind, Server, permitted, run_cli, wait_for};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const NODE_TIMEOUT_MS: u64 = 2000;
/// Small enough to be filled at once, large enough for a nodes.conf, twice.
const SMALL: &str = "size=64k";

/// A volume of its own for one nodes.conf.
struct Volume(Folder);

impl Volume {
    /// `None`, said aloud, where one may not mount.
    fn mounted() -> Option<Volume> {
        let folder = Folder::new();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", SMALL, "grapevine-test"]).arg(folder.path());
        let outcome = match command.output() {
            Ok(output) if output.status.success() => Ok(Volume(folder)),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(error.to_string()),
        };
        permitted("a disk of its own", outcome)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn fill(&self) {
        let mut file = fs::File::create(self.path().join("filler")).expect("a file");
        while file.write_all(&[0; 1024]).is_ok() {}
    }

    fn empty(&self) {
        fs::remove_file(self.path().join("filler")).expect("the filler");
    }

    /// A view of the same folder on top of it that nothing can be written through.
    fn protect(&self) {
        assert!(mount(&["--bind", self.path().to_str().expect("a path")], self.path()));
        assert!(mount(&["-o", "remount,ro,bind"], self.path()));
    }

    fn unprotect(&self) {
        assert!(Command::new("umount").arg(self.path()).status().is_ok_and(|s| s.success()));
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // The one on top, too, if the test failed.
        for _ in 0..2 {
            let _ = Command::new("umount")
                .args(["-l"])
                .arg(self.path())
                .stderr(std::process::Stdio::null())
                .status();
        }
    }
}

fn mount(words: &[&str], at: &Path) -> bool {
    let mut command = Command::new("mount");
    command.args(words).arg(at).stderr(std::process::Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn info(server: &Server) -> String {
    server.text(&["CLUSTER", "INFO"])
}

fn last_vote(file: &Path) -> u64 {
    let text = fs::read_to_string(file).expect("a nodes.conf");
    let word = text.split_whitespace().skip_while(|word| *word != "lastVoteEpoch").nth(1);
    word.and_then(|word| word.parse().ok()).expect("an epoch")
}

/// One of three masters dies while another cannot write its nodes.conf, so that its vote is missing.
fn serves_without_voting(folder: &Path, begin: impl Fn(&Server), end: impl Fn(&Server), words: &str) {
    let file = folder.join("nodes.conf");
    let path = file.display().to_string();
    let cluster = Cluster::start_each(&[Kind::Grapevine; 6], NODE_TIMEOUT_MS, |i, builder| {
        if i == 1 { builder.with("cluster-config-file", &path) } else { builder }
    });
    let mut cluster = cluster;
    cluster.create(Kind::Grapevine, 1);
    let before = last_vote(&file);
    let gone = cluster.id(0);
    let slots = cluster.view(1).into_iter().find(|n| n.id == gone).expect("known").slots;
    let key = (0..100).map(|i| format!("key:{i}"));
    let key = key.into_iter().find(|key| cluster.nodes[1].text(&["SET", key, "1"]) == "OK").expect("a key");
    begin(&cluster.nodes[1]);
    cluster.nodes[0].kill();
    wait_for("it is said why", || info(&cluster.nodes[1]).contains("cluster_config_file_error:"));
    assert!(info(&cluster.nodes[1]).contains(words), "{}", info(&cluster.nodes[1]));
    let taken = |cluster: &Cluster| cluster.view(2).iter().any(|n| n.id != gone && n.slots == slots);
    // Well beyond what an election takes: with one vote of three there is none.
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(4 * NODE_TIMEOUT_MS) {
        assert!(!taken(&cluster), "elected without the vote that could not be saved");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(last_vote(&file), before);
    let refused = cluster.nodes[1].text(&["CLUSTER", "BUMPEPOCH"]);
    assert!(refused.starts_with("ERR error saving the cluster node config:"), "{refused}");
    let checked = run_cli(Kind::Grapevine, &["--cluster", "check", &cluster.nodes[1].address()]);
    let checked = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.contains("cannot write its nodes.conf"), "{checked}");
    end(&cluster.nodes[1]);
    wait_for("the vote is given", || taken(&cluster));
    wait_for("nothing more to say", || !info(&cluster.nodes[1]).contains("cluster_config_file_error:"));
    wait_for("serves", || cluster.nodes[1].text(&["GET", &key]) == "1");
    wait_for("the vote is in the file", || last_vote(&file) > before);
    let log = cluster.nodes[1].log();
    assert_eq!(log.matches("The cluster config file cannot be written").count(), 1, "{log}");
    assert!(log.contains("The cluster config file could be updated again."));
    // And what the file holds is a nodes.conf.
    cluster.nodes[1].kill();
    cluster.nodes[1].start();
    cluster.nodes[0].start();
    cluster.wait_until_healthy();
}

#[test]
fn a_full_disk() {
    let Some(volume) = Volume::mounted() else { return };
    serves_without_voting(
        volume.path(),
        |_| volume.fill(),
        |_| volume.empty(),
        "cluster_config_file_error:No space left on device",
    );
}

#[test]
fn a_disk_that_became_read_only() {
    let Some(volume) = Volume::mounted() else { return };
    serves_without_voting(
        volume.path(),
        |_| volume.protect(),
        |_| volume.unprotect(),
        "cluster_config_file_error:Read-only file system",
    );
}

/// Where nothing can be mounted, this stands for the others: a folder has the name of the temporary file.
#[test]
fn a_file_that_cannot_be_made() {
    let folder = Folder::new();
    let in_the_way = |server: &Server| -> PathBuf {
        let pid = server.info("process_id").expect("a process");
        folder.path().join(format!("nodes.conf.tmp-{pid}"))
    };
    serves_without_voting(
        folder.path(),
        |server| fs::create_dir(in_the_way(server)).expect("a folder"),
        |server| fs::remove_dir(in_the_way(server)).expect("the folder"),
        "cluster_config_file_error:Is a directory",
    );
}

#[test]
fn a_start_on_a_read_only_disk_says_what_is_wrong() {
    let Some(volume) = Volume::mounted() else { return };
    let ports = grapevine_testkit::reserve();
    let path = volume.path().join("nodes.conf").display().to_string();
    let start = |kind: Kind, index: usize| {
        Server::build(kind, ports.port(index))
            .clustered(5000)
            .with("cluster-config-file", &path)
            .start_or_log()
    };
    drop(start(Kind::Grapevine, 0).expect("it starts"));
    volume.protect();
    for kind in [Kind::Redis, Kind::Grapevine] {
        let log = start(kind, 1).err().expect("it does not start");
        let said = log.lines().last().unwrap_or_default();
        let wanted = format!("Can't open {path} in order to acquire a lock: Read-only file system");
        assert!(said.ends_with(&wanted), "{kind:?}: {said}");
    }
}

#[test]
fn a_nodes_conf_in_use_is_refused_by_both_programs_in_the_same_words() {
    let folder = Folder::new();
    let ports = grapevine_testkit::reserve();
    let path = folder.path().join("nodes.conf").display().to_string();
    let start = |kind: Kind, index: usize| {
        Server::build(kind, ports.port(index))
            .clustered(5000)
            .with("cluster-config-file", &path)
            .start_or_log()
    };
    for holder in [Kind::Redis, Kind::Grapevine] {
        let running = start(holder, 0).expect("it starts");
        for kind in [Kind::Redis, Kind::Grapevine] {
            let log = start(kind, 1).err().expect("it does not start");
            let wanted = format!(
                "Sorry, the cluster configuration file {path} is already used by a different Redis Cluster node. Please make sure that different nodes use different cluster configuration files."
            );
            assert!(log.contains(&wanted), "{kind:?} beside {holder:?}: {log}");
        }
        drop(running);
    }
}
