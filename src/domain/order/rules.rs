/// The most lines that an order can have at one time.
pub const MAX_LINES: usize = 200;
