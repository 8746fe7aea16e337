/// x
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// x
    pub colour: bool,
}
