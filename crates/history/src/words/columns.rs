use super::Style;

/// Rows whose cells are set below each other.
pub(super) struct Columns {
    rows: Vec<Vec<(String, &'static str)>>,
}

/// A longer cell does not push the others aside; it just sticks out.
const WIDEST: usize = 44;

impl Columns {
    pub(super) fn new() -> Self {
        Self { rows: Vec::new() }
    }

    /// A row of cells, each with the code of its colour or none.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = (String, &'static str)>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The text of each row. The last cell of a row is not padded; one that is empty has a place as far as others stand
    /// below it.
    pub(super) fn set(&self, style: Style) -> Vec<String> {
        self.lines(style, &self.widths(), 2)
    }

    /// Rows that are sentences. On a terminal they are set below each other too; elsewhere they are as one reads, and
    /// searches for, them.
    pub(super) fn sentences(&self, style: Style) -> Vec<String> {
        let widths = if style.colour { self.widths() } else { Vec::new() };
        self.lines(style, &widths, 1)
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for row in &self.rows {
            let last = last_of(row);
            for (column, (cell, _)) in row.iter().enumerate().take(last) {
                if column == widths.len() {
                    widths.push(0);
                }
                let width = width(cell);
                if width <= WIDEST {
                    widths[column] = widths[column].max(width);
                }
            }
        }
        widths
    }

    fn lines(&self, style: Style, widths: &[usize], gap: usize) -> Vec<String> {
        let set = |row: &Vec<(String, &'static str)>| {
            let mut text = String::new();
            let last = last_of(row);
            for (column, (cell, colour)) in row.iter().enumerate().take(last + 1) {
                if !cell.is_empty() {
                    text += &style.paint(colour, cell);
                }
                let widest = widths.get(column).copied().unwrap_or(0);
                if column < last && (widest > 0 || !cell.is_empty()) {
                    let pad = widest.saturating_sub(width(cell)) + gap;
                    text.extend(std::iter::repeat_n(' ', pad));
                }
            }
            text
        };
        self.rows.iter().map(set).collect()
    }
}

/// The last cell that has something in it.
fn last_of(row: &[(String, &str)]) -> usize {
    row.iter().rposition(|(cell, _)| !cell.is_empty()).unwrap_or(0)
}

/// One place for each character. Wide scripts stand a little off, which harms nothing.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_below_each_other_with_and_without_colour() {
        let mut columns = Columns::new();
        columns.row([("é".into(), "31"), ("one".into(), "")]);
        columns.row([("long".into(), ""), ("two".into(), "")]);
        columns.row([("x".repeat(60), ""), ("three".into(), "")]);
        assert_eq!(columns.set(Style::PLAIN)[..2], ["é     one", "long  two"]);
        assert_eq!(columns.set(Style::COLOUR)[0], "\x1b[31mé\x1b[0m     one");
        assert!(columns.set(Style::PLAIN)[2].ends_with("x  three"));
    }

    #[test]
    fn a_cell_that_sticks_out_does_not_touch_the_next() {
        let mut columns = Columns::new();
        columns.row([("x".repeat(60), ""), ("by".into(), "")]);
        assert_eq!(columns.set(Style::PLAIN), [format!("{}  by", "x".repeat(60))]);
    }

    #[test]
    fn sentences_stand_below_each_other_on_a_terminal_only() {
        let mut columns = Columns::new();
        columns.row([("'a'".into(), ""), ("= 1".into(), "")]);
        columns.row([("'long'".into(), ""), ("= 2".into(), "")]);
        assert_eq!(columns.sentences(Style::PLAIN), ["'a' = 1", "'long' = 2"]);
        assert_eq!(columns.sentences(Style::COLOUR), ["'a'    = 1", "'long' = 2"]);
    }

    #[test]
    fn an_empty_cell_has_a_place_where_others_stand_below_it() {
        let mut columns = Columns::new();
        for row in [["a", "", "", "1"], ["bb", "x", "", "2"], ["c", "", "", ""]] {
            columns.row(row.map(|cell| (cell.to_owned(), "31")));
        }
        assert_eq!(columns.set(Style::PLAIN), ["a      1", "bb  x  2", "c"]);
        assert!(!columns.set(Style::COLOUR)[0].contains("\x1b[31m\x1b[0m"));
    }
}
