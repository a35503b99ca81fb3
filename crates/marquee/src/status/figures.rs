//! What `/metrics` says, as far as the table needs it.

use std::collections::BTreeMap;

/// Series: name, labels, value.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    series: Vec<(String, BTreeMap<String, String>, f64)>,
}

impl Figures {
    /// Reads the text format of Prometheus, as our programs write it; other lines are left out.
    pub(super) fn read(text: &str) -> Self {
        Self { series: text.lines().filter_map(line).collect() }
    }

    /// The sum of all series of this name whose labels fit; `None` when there is none.
    pub(super) fn sum(&self, name: &str, fits: impl Fn(&BTreeMap<String, String>) -> bool) -> Option<f64> {
        let found = self.series.iter().filter(|(found, labels, _)| found == name && fits(labels));
        found.map(|(.., value)| *value).reduce(|a, b| a + b)
    }

    /// The greatest of all series of this name.
    pub(super) fn max(&self, name: &str) -> Option<f64> {
        self.series.iter().filter(|(found, ..)| found == name).map(|(.., value)| *value).reduce(f64::max)
    }

    /// The value of a label of the first series of this name.
    pub(super) fn label(&self, name: &str, label: &str) -> Option<&str> {
        let (_, labels, _) = self.series.iter().find(|(found, ..)| found == name)?;
        labels.get(label).map(String::as_str)
    }
}

/// `name{label="value",…} number`. Values of ours have neither quotes nor commas in them.
fn line(line: &str) -> Option<(String, BTreeMap<String, String>, f64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let labels = labels.trim_end_matches('}').split(',').filter_map(|label| {
        let (name, value) = label.split_once('=')?;
        Some((name.to_owned(), value.trim_matches('"').to_owned()))
    });
    Some((name.to_owned(), labels.collect(), value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_what_fits() {
        let text =
            "# HELP a b\n# TYPE a counter\na{x=\"1\",y=\"4xx\"} 2\na{x=\"2\",y=\"5xx\"} 3.5\na_more 7\nnothing\n";
        let figures = Figures::read(text);
        assert_eq!(figures.sum("a", |_| true), Some(5.5));
        assert_eq!(figures.sum("a", |labels| labels["y"] == "5xx"), Some(3.5));
        assert_eq!(figures.sum("b", |_| true), None);
        assert_eq!((figures.max("a"), figures.max("a_more")), (Some(3.5), Some(7.0)));
        assert_eq!(figures.label("a", "y"), Some("4xx"));
    }
}
