//! Rows of attributes as an Apache Parquet file, with the columns and types of the table `sealtrail_changes`.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use super::{COLUMNS, Row, Table};
use crate::code::Code;
use crate::erasure::Destroyed;
use crate::error::{Error, Result};
use crate::questions::Found;

/// A file that is being written. Rows wait until they are a row group; what is written is taken away at once.
pub struct Parquet {
    table: Table,
    file: SerializedFileWriter<Written>,
    written: Written,
    rows: Vec<Placed>,
    /// Bytes of the texts of these.
    bytes: usize,
}

/// A row and where it stands.
struct Placed {
    index: i64,
    ordinal: i64,
    row: Row,
}

/// What a row group holds at most, beside the rows of one record.
const ROWS: usize = 65_536;
const BYTES: usize = 16 << 20;

impl Parquet {
    pub fn new(table: Table) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("sealtrail ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let written = Written::default();
        let schema = schema().map_err(failed)?;
        let file = SerializedFileWriter::new(written.clone(), schema, Arc::new(properties));
        Ok(Self { table, file: file.map_err(failed)?, written, rows: Vec::new(), bytes: 0 })
    }

    /// The rows of a record; says how many. What is ready of the file is added to `out`.
    pub fn write(
        &mut self,
        found: &Found,
        destroyed: &Destroyed,
        out: &mut Vec<u8>,
    ) -> Result<usize> {
        let index = i64::try_from(found.index).unwrap_or(i64::MAX);
        let rows = self.table.cells(&found.line, destroyed)?;
        let count = rows.len();
        for (ordinal, row) in (0..).zip(rows) {
            self.bytes += row.iter().flatten().map(String::len).sum::<usize>();
            self.rows.push(Placed { index, ordinal, row });
        }
        if self.rows.len() >= ROWS || self.bytes >= BYTES {
            self.write_group()?;
        }
        out.append(&mut self.written.lock());
        Ok(count)
    }

    /// The rest of the file.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if !self.rows.is_empty() {
            self.write_group()?;
        }
        self.file.finish().map_err(failed)?;
        out.append(&mut self.written.lock());
        Ok(())
    }

    fn write_group(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let mut group = self.file.next_row_group().map_err(failed)?;
        write_rows(&mut group, &rows).and_then(|()| group.close().map(drop)).map_err(failed)
    }
}

fn write_rows(
    group: &mut SerializedRowGroupWriter<'_, Written>,
    rows: &[Placed],
) -> Result<(), ParquetError> {
    let numbers = |of: fn(&Placed) -> i64| rows.iter().map(of).collect::<Vec<_>>();
    write_column::<Int64Type>(group, &numbers(|row| row.index), None)?;
    write_column::<Int64Type>(group, &numbers(|row| row.ordinal), None)?;
    for column in 0..COLUMNS.len() {
        let cells = || rows.iter().map(|row| row.row[column].as_deref());
        // 1 where there is a text, 0 where there is none.
        let levels: Vec<i16> = cells().map(|cell| i16::from(cell.is_some())).collect();
        let texts: Vec<ByteArray> = cells().flatten().map(ByteArray::from).collect();
        write_column::<ByteArrayType>(group, &texts, Some(&levels))?;
    }
    Ok(())
}

fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Written>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("the schema has fewer columns".to_owned()));
    };
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}

/// `record_index` and `ordinal`, and a text for each column, or none.
fn schema() -> Result<TypePtr, ParquetError> {
    let places = ["record_index", "ordinal"].map(|name| {
        let number = Type::primitive_type_builder(name, Physical::INT64);
        number.with_repetition(Repetition::REQUIRED).build()
    });
    let texts = COLUMNS.map(|name| {
        let text = Type::primitive_type_builder(name, Physical::BYTE_ARRAY);
        let text = text.with_logical_type(Some(LogicalType::String));
        text.with_repetition(Repetition::OPTIONAL).build()
    });
    let fields = places.into_iter().chain(texts).map(|field| field.map(Arc::new));
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(Type::group_type_builder("sealtrail_changes").with_fields(fields).build()?))
}

fn failed(error: ParquetError) -> Error {
    Error::new(Code::Internal, format!("the Parquet file cannot be written: {error}"))
}

/// What was written and not taken yet.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
