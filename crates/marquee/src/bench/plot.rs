//! Bars, as SVG: one group for each load, one bar for each system, with a line from the least to the most of all rounds.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
/// Around the bars: for the title, the names of the groups, and the scale.
const TOP: f64 = 56.0;
const BOTTOM: f64 = 36.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 16.0;
/// Colours that people who see red and green alike can tell apart (Okabe and Ito).
const COLOURS: [&str; 3] = ["#0072b2", "#e69f00", "#999999"];
/// Lines of the scale.
const LINES: u32 = 4;

/// One bar.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) value: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

/// A chart of groups with a bar for each of the series, where there is one.
pub(super) fn bars(title: &str, series: &[&str], groups: &[(String, Vec<Option<Bar>>)]) -> String {
    let top = groups.iter().flat_map(|(_, bars)| bars.iter().flatten()).map(|bar| bar.most.max(bar.value));
    let top = round_up(top.fold(0.0, f64::max));
    let y = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"{LEFT}\" y=\"20\" font-size=\"15\">{title}</text>\n"
    );
    for line in 0..=LINES {
        let value = top * f64::from(line) / f64::from(LINES);
        let (at, text) = (y(value), with_commas(value));
        // Writing into memory does not fail.
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>",
            WIDTH - RIGHT
        );
        let _ = writeln!(svg, "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>", LEFT - 8.0, at + 4.0);
    }
    for (place, (name, colour)) in series.iter().zip(COLOURS).enumerate() {
        let x = LEFT + 110.0 * place as f64;
        let _ = writeln!(svg, "<rect x=\"{x}\" y=\"32\" width=\"12\" height=\"12\" fill=\"{colour}\"/>");
        let _ = writeln!(svg, "<text x=\"{}\" y=\"42\">{name}</text>", x + 18.0);
    }
    let group = (WIDTH - LEFT - RIGHT) / groups.len().max(1) as f64;
    let bar_width = group * 0.7 / series.len().max(1) as f64;
    for (place, (name, bars)) in groups.iter().enumerate() {
        let start = LEFT + group * place as f64;
        let (middle, foot) = (start + group / 2.0, HEIGHT - 14.0);
        let _ = writeln!(svg, "<text x=\"{middle:.1}\" y=\"{foot}\" text-anchor=\"middle\">{name}</text>");
        for ((number, bar), colour) in bars.iter().enumerate().zip(COLOURS) {
            let Some(Bar { value, least, most }) = bar else { continue };
            let x = start + group * 0.15 + bar_width * number as f64;
            let (at, height, centre) = (y(*value), y(0.0) - y(*value), x + bar_width / 2.0);
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{at:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{colour}\"><title>{}</title></rect>",
                bar_width - 2.0,
                with_commas(*value)
            );
            let _ = writeln!(
                svg,
                "<line x1=\"{centre:.1}\" x2=\"{centre:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"black\"/>",
                y(*least),
                y(*most)
            );
        }
    }
    svg + "</svg>\n"
}

/// The next number of one figure: where a scale can end.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let unit = 10_f64.powf(value.log10().floor());
    (value / unit).ceil() * unit
}

/// A whole number, its thousands apart.
pub(super) fn with_commas(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_easily() {
        assert_eq!(
            (with_commas(999.4), with_commas(1000.0), with_commas(1_234_567.0)),
            ("999".into(), "1,000".into(), "1,234,567".into())
        );
        assert_eq!((round_up(0.0), round_up(41.0), round_up(5000.0)), (1.0, 50.0, 5000.0));
    }

    #[test]
    fn each_value_has_a_bar() {
        let bar = Bar { value: 3.0, least: 2.0, most: 4.0 };
        let svg = bars("What", &["a", "b"], &[("1".into(), vec![Some(bar), None])]);
        assert_eq!(svg.matches("<title>3</title>").count(), 1);
        assert!(svg.ends_with("</svg>\n"));
    }
}
