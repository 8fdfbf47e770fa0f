//! Charts as SVG: small panels side by side, to be read on light and on dark pages.

use std::fmt::Write as _;

/// One panel.
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) lines: Vec<Line>,
    /// Powers of ten at the bottom, instead of even steps.
    pub(crate) log_x: bool,
    /// The same at the side.
    pub(crate) log_y: bool,
}

/// One line of a panel.
pub(crate) struct Line {
    /// Empty where it is the only one.
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 28.0;

const STYLE: &str = "text{font:11px system-ui,sans-serif;fill:#4b5563}.t{font-weight:600;fill:#111827}\
.b{fill:#fff}.g{stroke:#e5e7eb}.l0{stroke:#1d4ed8}.l1{stroke:#c2410c}.f0{fill:#1d4ed8}.f1{fill:#c2410c}\
polyline{fill:none;stroke-width:2;stroke-linejoin:round}\
@media(prefers-color-scheme:dark){text{fill:#b6bcc6}.t{fill:#f3f4f6}.b{fill:#0d1117}.g{stroke:#30363d}\
.l0{stroke:#79b8ff}.l1{stroke:#ffab70}.f0{fill:#79b8ff}.f1{fill:#ffab70}}";

/// All panels, so many in a row.
pub(crate) fn svg(label: &str, panels: &[Panel], columns: usize) -> String {
    let (width, height) = (WIDTH * columns as f64, HEIGHT * panels.len().div_ceil(columns) as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">\n\
         <style>{STYLE}</style>\n<rect class=\"b\" width=\"{width}\" height=\"{height}\"/>\n"
    );
    for (index, panel) in panels.iter().enumerate() {
        let (x, y) = ((index % columns) as f64 * WIDTH, (index / columns) as f64 * HEIGHT);
        let _ = writeln!(svg, "<g transform=\"translate({x},{y})\">");
        panel.draw(&mut svg);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

/// From a value to a place.
struct Axis {
    from: f64,
    to: f64,
    log: bool,
    ticks: Vec<f64>,
}

impl Axis {
    fn log(values: impl Iterator<Item = f64> + Clone) -> Self {
        let values = values.filter(|value| *value > 0.0);
        let least = values.clone().fold(f64::INFINITY, f64::min).min(1e9);
        let most = values.fold(least, f64::max);
        let (first, last) = (least.log10().floor() as i32, most.log10().ceil() as i32);
        let last = last.max(first + 1);
        let ticks = (first..=last).map(|power| 10f64.powi(power)).collect();
        Self { from: f64::from(first), to: f64::from(last), log: true, ticks }
    }

    /// From zero, in even steps.
    fn even(values: impl Iterator<Item = f64>) -> Self {
        let most = values.fold(0.0, f64::max).max(1e-9) * 1.05;
        let magnitude = 10f64.powf((most / 4.0).log10().floor());
        let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|step| step * magnitude);
        let step = steps.into_iter().find(|step| step * 4.0 >= most).unwrap_or(most);
        let count = (most / step).ceil();
        Self {
            from: 0.0,
            to: step * count,
            log: false,
            ticks: (0..=count as i32).map(|n| f64::from(n) * step).collect(),
        }
    }

    fn share(&self, value: f64) -> f64 {
        let value = if self.log { value.max(1e-9).log10() } else { value };
        (value - self.from) / (self.to - self.from)
    }
}

impl Panel {
    fn draw(&self, svg: &mut String) {
        let points = || self.lines.iter().flat_map(|line| line.points.iter());
        let axis = |log, values: Vec<f64>| {
            if log { Axis::log(values.into_iter()) } else { Axis::even(values.into_iter()) }
        };
        let across = axis(self.log_x, points().map(|point| point.0).collect());
        let up = axis(self.log_y, points().map(|point| point.1).collect());
        let x = |value: f64| LEFT + across.share(value) * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - up.share(value) * (HEIGHT - TOP - BOTTOM);
        let _ = writeln!(svg, "<text class=\"t\" x=\"{LEFT}\" y=\"14\">{}</text>", self.title);
        for tick in &up.ticks {
            let at = y(*tick);
            let _ = writeln!(
                svg,
                "<path class=\"g\" d=\"M{LEFT} {at:.1}H{:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 5.0,
                at + 4.0,
                short(*tick)
            );
        }
        for tick in &across.ticks {
            let (at, below) = (x(*tick), HEIGHT - BOTTOM + 15.0);
            let _ = writeln!(svg, "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{}</text>", short(*tick));
        }
        let mut named = LEFT;
        for (index, line) in self.lines.iter().enumerate() {
            let places: Vec<_> = line.points.iter().map(|(a, b)| format!("{:.1},{:.1}", x(*a), y(*b))).collect();
            let _ = writeln!(svg, "<polyline class=\"l{index}\" points=\"{}\"/>", places.join(" "));
            if line.points.len() <= 12 {
                for (a, b) in &line.points {
                    let _ =
                        writeln!(svg, "<circle class=\"f{index}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>", x(*a), y(*b));
                }
            }
            if !line.name.is_empty() {
                let _ = writeln!(
                    svg,
                    "<circle class=\"f{index}\" cx=\"{:.1}\" cy=\"24\" r=\"3.5\"/><text x=\"{:.1}\" y=\"28\">{}</text>",
                    named + 4.0,
                    named + 11.0,
                    line.name
                );
                named += 24.0 + 6.0 * line.name.len() as f64;
            }
        }
    }
}

/// A tick's number: 1k for 1,000.
fn short(value: f64) -> String {
    match value {
        1e6.. => format!("{}M", value / 1e6),
        1e3.. => format!("{}k", value / 1e3),
        _ => format!("{}", (value * 1e6).round() / 1e6),
    }
}
