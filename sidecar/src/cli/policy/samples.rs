use std::path::{Path, PathBuf};

use crate::cli::input;
use crate::code::Code;
use crate::error::{Error, Result};

/// Files of samples: a change or an image each, or one on each line.
pub struct Samples(Vec<(PathBuf, Vec<u8>)>);

impl Samples {
    /// A file without a sample is refused: what was never tried would pass.
    pub fn read(files: &[PathBuf]) -> Result<Self> {
        let read = |file: &PathBuf| {
            let text = input::read(file)?;
            if input::split(&text).is_empty() {
                let error = Error::new(Code::NotAChange, "no sample in it");
                return Err(error.context(file.display()));
            }
            Ok((file.clone(), text))
        };
        Ok(Self(files.iter().map(read).collect::<Result<_>>()?))
    }

    pub fn each(&self) -> Vec<&[u8]> {
        self.0.iter().flat_map(|(_, text)| input::split(text)).collect()
    }

    /// Names file and line in an error that begins with `sample 2: `, the second of all files.
    pub fn located(&self, error: Error) -> Error {
        let found = error.message().strip_prefix("sample ").and_then(|rest| {
            let (number, message) = rest.split_once(": ")?;
            let (file, line) = self.places().nth(number.parse::<usize>().ok()?.checked_sub(1)?)?;
            Some((file, line, message))
        });
        match found {
            None => error,
            Some((file, None, message)) => {
                let error = Error::new(error.code(), message).at(error.place().cloned());
                error.context(file.display())
            }
            Some((file, Some(line), message)) => {
                // The core saw that line alone, and counts from there.
                Error::new(error.code(), message)
                    .at(error.place().cloned())
                    .in_line(line as u64)
                    .context(format!("{}:{line}", file.display()))
            }
        }
    }

    fn places(&self) -> impl Iterator<Item = (&Path, Option<usize>)> {
        self.0.iter().flat_map(|(path, text)| {
            let lines = input::split_numbered(text).into_iter().map(|(line, _)| line);
            lines.map(move |line| (path.as_path(), line))
        })
    }
}

/// Rows as lines, with two spaces between the columns. What comes from a sample is not trusted with the
/// terminal.
pub fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let clean = |cell: &String| -> String {
        cell.chars().flat_map(|c| if c.is_control() { vec!['?'] } else { vec![c] }).collect()
    };
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(clean).collect()).collect();
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<_> =
            row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let rows = [row(["a", "", "x"]), row(["bbb", "é\u{1b}[31m", ""])];
        assert_eq!(aligned(&rows), "a            x\nbbb  é?[31m\n");
    }
}
