//! The sections about the process: server, clients, memory, cpu.

use super::lines::{Lines, human, ratio};
use crate::admin::memory::Overview;
use crate::eviction;
use crate::identity;
use crate::node::Node;
use crate::persistence::shutdown;
use crate::session::Role;

/// `# Server`.
pub(super) fn server(node: &Node, lines: &mut Lines) {
    let settings = &node.config.settings;
    let process = &node.process;
    let uptime = node.now.mono.since(node.started.mono) / 1000;
    lines.field("redis_version", identity::REDIS_VERSION);
    lines.field("redis_git_sha1", "00000000");
    lines.field("redis_git_dirty", 0);
    lines.field("redis_build_id", 0);
    lines.field("redis_mode", if node.cluster.enabled { "cluster" } else { "standalone" });
    lines.field("server_name", "grapevine");
    lines.field("grapevine_version", identity::VERSION);
    lines.field("os", &process.os);
    lines.field("arch_bits", usize::BITS);
    lines.field("monotonic_clock", "POSIX clock_gettime");
    lines.field("multiplexing_api", &process.multiplexing);
    lines.field("process_id", process.pid);
    lines.field("process_supervised", if process.supervised.is_empty() { "no" } else { process.supervised });
    lines.field("run_id", node.run_id);
    lines.field("tcp_port", settings.port);
    lines.field("server_time_usec", node.now.unix.0 * 1000 + i64::from(node.now.micros));
    lines.field("uptime_in_seconds", uptime);
    lines.field("uptime_in_days", uptime / 86_400);
    lines.field("hz", crate::cron::hz(node));
    lines.field("configured_hz", settings.hz);
    lines.field("lru_clock", (node.now.unix.0 / 1000) & 0xff_ffff);
    lines.field("executable", &process.executable);
    lines.field("config_file", &process.config_file);
    lines.field("availability_zone", &settings.availability_zone);
    lines.field("io_threads_active", u64::from(node.usage.io_threads > 1));
    if let Some(until) = shutdown::waits_until(node) {
        lines.field("shutdown_in_milliseconds", until.since(node.now.mono));
    }
    listeners(node, lines);
}

/// One line per kind of listener that is open.
fn listeners(node: &Node, lines: &mut Lines) {
    let settings = &node.config.settings;
    let mut number = 0;
    if settings.port != 0 {
        let binds: String = settings.bind.iter().map(|address| format!(",bind={address}")).collect();
        lines.field(&format!("listener{number}"), format_args!("name=tcp{binds},port={}", settings.port));
        number += 1;
    }
    if !settings.unixsocket.is_empty() {
        lines.field(&format!("listener{number}"), format_args!("name=unix,bind={}", settings.unixsocket));
    }
}

/// `# Clients`.
pub(super) fn clients(node: &Node, lines: &mut Lines) {
    let sessions = || node.sessions.iter().map(|(_, session)| session);
    let bus = node.cluster.view().map_or(0, |view| view.links.len());
    lines.field("connected_clients", sessions().filter(|s| s.role != Role::Replica).count());
    lines.field("cluster_connections", bus);
    lines.field("maxclients", node.config.settings.maxclients);
    lines.field("client_recent_max_input_buffer", sessions().map(|s| s.input.capacity()).max().unwrap_or(0));
    lines.field("client_recent_max_output_buffer", sessions().map(|s| s.output.pending()).max().unwrap_or(0));
    lines.field("blocked_clients", sessions().filter(|s| s.is_blocked() || s.postponed).count());
    lines.field("tracking_clients", node.tracking.clients());
    lines.field("pubsub_clients", sessions().filter(|s| s.is_subscriber()).count());
    lines.field("watching_clients", sessions().filter(|s| !s.watched.is_empty()).count());
    lines.field("clients_in_timeout_table", node.deadlines.len());
    lines.field("total_watched_keys", node.watches.keys());
    let (keys, when_gone) = node.blocked.key_counts();
    lines.field("total_blocking_keys", keys);
    lines.field("total_blocking_keys_on_nokey", when_gone);
}

/// `# Memory`.
pub(super) fn memory(node: &Node, lines: &mut Lines) {
    let usage = node.usage;
    let all = Overview::of(node);
    let used = all.allocated;
    lines.size("used_memory", used);
    lines.size("used_memory_rss", usage.rss);
    lines.size("used_memory_peak", all.peak);
    lines.field("used_memory_peak_perc", format_args!("{:.2}%", all.peak_percent()));
    lines.field("used_memory_overhead", all.overhead);
    lines.field("used_memory_startup", all.startup);
    lines.field("used_memory_dataset", all.dataset);
    lines.field("used_memory_dataset_perc", format_args!("{:.2}%", all.dataset_percent()));
    lines.field("allocator_allocated", usage.allocated);
    lines.field("allocator_active", usage.active);
    lines.field("allocator_resident", usage.allocator_resident);
    lines.size("total_system_memory", node.process.system_memory);
    let scripts = node.scripting.figures();
    lines.field("used_memory_lua", scripts.vm_memory);
    lines.field("used_memory_vm_eval", scripts.vm_memory);
    lines.field("used_memory_lua_human", human(scripts.vm_memory as u64));
    lines.field("used_memory_scripts_eval", scripts.scripts_memory);
    lines.field("number_of_cached_scripts", scripts.scripts);
    lines.field("number_of_functions", scripts.functions);
    lines.field("number_of_libraries", scripts.libraries);
    lines.field("used_memory_vm_functions", scripts.functions_vm);
    lines.size("used_memory_vm_total", (scripts.vm_memory + scripts.functions_vm) as u64);
    lines.field("used_memory_functions", scripts.functions_memory);
    lines.size("used_memory_scripts", (scripts.scripts_memory + scripts.functions_memory) as u64);
    lines.size("maxmemory", node.policy.max_memory);
    lines.field("maxmemory_policy", node.config.settings.maxmemory_policy.as_str());
    lines.field("allocator_frag_ratio", ratio(usage.active, usage.allocated));
    lines.field("allocator_frag_bytes", usage.active.saturating_sub(usage.allocated));
    lines.field("allocator_rss_ratio", ratio(usage.allocator_resident, usage.active));
    lines.field("allocator_rss_bytes", usage.allocator_resident as i64 - usage.active as i64);
    lines.field("rss_overhead_ratio", ratio(usage.rss, usage.allocator_resident));
    lines.field("rss_overhead_bytes", usage.rss as i64 - usage.allocator_resident as i64);
    lines.field("mem_fragmentation_ratio", ratio(usage.rss, used));
    lines.field("mem_fragmentation_bytes", usage.rss as i64 - used as i64);
    lines.field("mem_not_counted_for_evict", eviction::uncounted(node));
    lines.field("mem_replication_backlog", node.log.wire_memory());
    lines.field("mem_total_replication_buffers", node.log.wire_memory());
    lines.field("mem_clients_slaves", all.replicas);
    lines.field("mem_clients_normal", all.clients);
    let links = node.cluster.view().map_or(&[][..], |view| &view.links);
    lines.field("mem_cluster_links", links.iter().map(|link| link.send_buffered).sum::<u64>());
    lines.field("mem_aof_buffer", node.persistence.aof.outstanding());
    lines.field("mem_allocator", &node.process.allocator);
    lines.zeros(&["active_defrag_running"]);
    let (pending, freed) = node.keyspace.lazily_freed();
    lines.field("lazyfree_pending_objects", pending);
    lines.field("lazyfreed_objects", freed);
}

/// `# Debug`.
pub(super) fn debug(node: &Node, lines: &mut Lines) {
    let turns = node.stats.turns;
    lines.field("eventloop_duration_aof_sum", 0);
    lines.field("eventloop_duration_cron_sum", turns.cron_micros);
    lines.field("eventloop_duration_max", turns.longest);
    lines.field("eventloop_cmd_per_cycle_max", turns.most_commands);
}

/// `# CPU`.
pub(super) fn cpu(node: &Node, lines: &mut Lines) {
    let usage = node.usage;
    let seconds = |micros: u64| format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    lines.field("used_cpu_sys", seconds(usage.cpu_system));
    lines.field("used_cpu_user", seconds(usage.cpu_user));
    lines.field("used_cpu_sys_children", seconds(0));
    lines.field("used_cpu_user_children", seconds(0));
    lines.field("used_cpu_sys_main_thread", seconds(usage.data_thread_system));
    lines.field("used_cpu_user_main_thread", seconds(usage.data_thread_user));
}
