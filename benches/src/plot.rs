//! The plot: leaves per second by the number of leaves, on logarithmic axes.

use std::fmt::Write;

use crate::results::Results;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 180.0;
const TOP: f64 = 62.0;
const BOTTOM: f64 = 56.0;

/// Colours that are distinguishable on white and on black.
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#333}.t{font-size:15px;font-weight:600}\
    .g{stroke:#8886;stroke-width:1}.l{fill:none;stroke-width:2}.d{stroke-dasharray:5 4}\
    @media(prefers-color-scheme:dark){text{fill:#ddd}}";

struct Line {
    name: String,
    colour: &'static str,
    dashed: bool,
    /// Leaves, and leaves a second.
    points: Vec<(f64, f64)>,
}

/// The plot of the group `build` as SVG; `None` when nothing of it was measured.
#[must_use]
pub fn plot(results: &Results, processor: &str) -> Option<String> {
    let lines = lines(results);
    let points = || lines.iter().flat_map(|line| &line.points);
    let most_leaves = points().map(|p| p.0).fold(1.0, f64::max);
    let decades = |round: fn(f64) -> f64, pick: fn(f64, f64) -> f64| {
        points().map(|p| round(p.1.log10())).reduce(pick)
    };
    let (bottom, top) = (decades(f64::floor, f64::min)?, decades(f64::ceil, f64::max)?);
    let x =
        |leaves: f64| LEFT + (WIDTH - LEFT - RIGHT) * leaves.log2() / most_leaves.log2().max(1.0);
    let y =
        |rate: f64| TOP + (HEIGHT - TOP - BOTTOM) * (top - rate.log10()) / (top - bottom).max(1.0);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
         <title>Building a chain tree: leaves a second by number of leaves</title>\n\
         <style>{STYLE}</style>\n\
         <text x=\"{LEFT}\" y=\"22\" class=\"t\">Building a chain tree</text>\n\
         <text x=\"{LEFT}\" y=\"42\">leaves a second; {}</text>\n",
        escape(processor),
    );
    let mut put = |text: String| {
        let _ = writeln!(svg, "{text}");
    };
    for decade in bottom as i32..=top as i32 {
        let at = y(10f64.powi(decade));
        put(format!(
            "<path class=\"g\" d=\"M{LEFT} {at:.1}H{:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0,
            rate_name(decade),
        ));
    }
    for power in (0..=most_leaves.log2() as i32).step_by(4) {
        let at = x(2f64.powi(power));
        put(format!(
            "<path class=\"g\" d=\"M{at:.1} {TOP}V{:.1}\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">2<tspan dy=\"-5\" font-size=\"9\">\
             {power}</tspan></text>",
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM + 20.0,
        ));
    }
    put(format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">leaves in the tree</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 12.0,
    ));
    // The names are at the ends of the lines, and are moved apart if they would overlap.
    let mut names: Vec<_> =
        lines.iter().filter_map(|line| Some((y(line.points.last()?.1), line))).collect();
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut last = f64::MIN;
    for (at, line) in names {
        let at = at.max(last + 15.0);
        last = at;
        let dash = if line.dashed { " d" } else { "" };
        let path: Vec<_> =
            line.points.iter().map(|p| format!("{:.1} {:.1}", x(p.0), y(p.1))).collect();
        put(format!(
            "<path class=\"l{dash}\" stroke=\"{0}\" d=\"M{1}\"/>\
             <text x=\"{2:.1}\" y=\"{3:.1}\" style=\"fill:{0}\">{4}</text>",
            line.colour,
            path.join("L"),
            WIDTH - RIGHT + 8.0,
            at + 4.0,
            escape(&line.name),
        ));
        if !line.dashed {
            for p in &line.points {
                put(format!(
                    "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{}\"/>",
                    x(p.0),
                    y(p.1),
                    line.colour
                ));
            }
        }
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

fn lines(results: &Results) -> Vec<Line> {
    let values = results.values("build");
    let ends = [values.first(), values.last()].map(|value| value.map_or(1.0, |v| *v as f64));
    let all = results.threads();
    let mut lines = Vec::new();
    let threads: &[u64] = if all > 1 { &[1, all] } else { &[1] };
    for (threads, colour) in threads.iter().zip(["#c2761b", "#d1495b"]) {
        let words = if *threads == 1 { "1 thread".into() } else { format!("{threads} threads") };
        if let Some(limit) = results.limit(*threads) {
            let points = ends.map(|leaves| (leaves, 1e9 / limit)).into();
            lines.push(Line { name: format!("limit, {words}"), colour, dashed: true, points });
        }
        let name = format!("slproof, {words}");
        lines.push(line(results, &format!("slproof-{threads}"), name, colour));
    }
    for (name, colour) in [("zksync_mini_merkle_tree", "#3b82c4"), ("rs_merkle", "#2a9d6f")] {
        lines.push(line(results, name, name.into(), colour));
    }
    lines
}

fn line(results: &Results, function: &str, name: String, colour: &'static str) -> Line {
    let measured = results.of("build").filter(|m| m.function == function);
    let points = measured.map(|m| (m.value as f64, 1e9 / m.each())).collect();
    Line { name, colour, dashed: false, points }
}

fn rate_name(decade: i32) -> String {
    match decade {
        ..3 => format!("{}", 10f64.powi(decade)),
        3..6 => format!("{} k", 10f64.powi(decade - 3)),
        _ => format!("{} M", 10f64.powi(decade - 6)),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
