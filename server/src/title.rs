//! `set-proc-title` and `proc-title-template`: what `ps` shows of the server.

use config::Settings;

/// The template with its variables filled in; `program` is the name that the server was called by.
pub fn text(settings: &Settings, program: &str) -> String {
    let address = if settings.port == 0 && settings.tls_port == 0 {
        settings.unixsocket.clone()
    } else {
        let host = settings.bind.first().map_or("*", String::as_str);
        let port = if settings.port == 0 { settings.tls_port } else { settings.port };
        format!("{host}:{port}")
    };
    let mode = if settings.cluster_enabled { "[cluster]" } else { "" };
    let filled = settings
        .proc_title_template
        .replace("{title}", program)
        .replace("{listen-addr}", &address)
        .replace("{server-mode}", mode)
        .replace("{port}", &settings.port.to_string())
        .replace("{tls-port}", &settings.tls_port.to_string())
        .replace("{unixsocket}", &settings.unixsocket);
    filled.trim_end().to_string()
}

/// Shows the title, if there is to be one.
pub fn show(settings: &Settings, program: &str, config_file: &str) {
    if settings.set_proc_title {
        runtime::title::set(&text(settings, program).replace("{config-file}", config_file));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in() {
        let mut settings = config::Config::default().settings;
        assert_eq!(text(&settings, "redis-server"), "redis-server *:6379");
        settings.cluster_enabled = true;
        settings.bind = vec!["127.0.0.1".into(), "::1".into()];
        assert_eq!(text(&settings, "x"), "x 127.0.0.1:6379 [cluster]");
        settings.port = 0;
        settings.unixsocket = "/tmp/s".into();
        settings.proc_title_template = "TEST {title} {listen-addr} {port} {unixsocket}".into();
        assert_eq!(text(&settings, "x"), "TEST x /tmp/s 0 /tmp/s");
    }
}
