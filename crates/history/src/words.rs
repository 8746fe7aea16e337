//! What a record says, as text for a person.
pub use style::Style;
mod style;
