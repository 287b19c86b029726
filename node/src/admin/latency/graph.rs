//! LATENCY GRAPH: an event's samples as bars of text, each with its age below.
//!
//! Model: a column per sample, oldest first; [`ROWS`] rows of three levels each, the lowest sample on the ground and
//! the highest at the top. More samples than fit on a line continue in a further band.

use crate::observe::latency::Series;

/// Columns of a band.
const COLUMNS: usize = 80;
/// Rows of a band.
const ROWS: usize = 4;
/// Levels of a row, low to high.
const LEVELS: [char; 3] = ['_', 'o', '#'];

/// The picture at `now`, Unix time in seconds.
pub(super) fn draw(name: &str, series: &Series, now: i64) -> String {
    let summary = series.summary(now);
    let (high, low) = (summary.high, summary.low);
    let mut out = format!("{name} - high {high} ms, low {low} ms (all time high {} ms)\n", series.max);
    out.push_str(&"-".repeat(COLUMNS));
    out.push('\n');
    let levels = ROWS * LEVELS.len();
    let bars: Vec<(usize, String)> = series
        .samples()
        .map(|sample| {
            let part = (sample.latency - low) as f64 / (high - low).max(1) as f64;
            ((part * (levels - 1) as f64).round() as usize, age(now - sample.time))
        })
        .collect();
    bars.chunks(COLUMNS).for_each(|band| draw_band(band, &mut out));
    out
}

fn draw_band(band: &[(usize, String)], out: &mut String) {
    for row in (0..ROWS).rev() {
        line(out, band.iter().map(|(level, _)| cell(*level, row)));
    }
    out.push('\n');
    let height = band.iter().map(|(_, label)| label.len()).max().unwrap_or(0);
    for row in 0..height {
        line(out, band.iter().map(|(_, label)| label.chars().nth(row).unwrap_or(' ')));
    }
}

/// What a bar that ends at `level` shows in a row.
fn cell(level: usize, row: usize) -> char {
    match level / LEVELS.len() {
        top if top == row => LEVELS[level % LEVELS.len()],
        top if top > row => '|',
        _ => ' ',
    }
}

fn line(out: &mut String, cells: impl Iterator<Item = char>) {
    let text: String = cells.collect();
    out.push_str(text.trim_end());
    out.push('\n');
}

/// How long ago something was, in the largest unit that fits.
fn age(seconds: i64) -> String {
    match seconds.max(0) {
        s @ ..60 => format!("{s}s"),
        s @ ..3600 => format!("{}m", s / 60),
        s @ ..86_400 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use crate::observe::latency::Latency;

    #[test]
    fn bars_reach_from_the_lowest_to_the_highest() {
        let mut latency = Latency::default();
        for (time, ms) in [(100, 300), (3700, 400), (7300, 500)] {
            latency.add("command", time, ms);
        }
        let (name, series) = latency.event(b"command").unwrap();
        let text = super::draw(name, series, 7305);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "command - high 500 ms, low 300 ms (all time high 500 ms)");
        assert_eq!(lines[2..6], ["  #", " _|", " ||", "_||"]);
        // Two hours, one hour, five seconds: read from top to bottom.
        assert_eq!(lines[7..], ["215", "hhs"]);
    }
}
