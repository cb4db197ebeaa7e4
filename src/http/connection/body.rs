/// What is left of the body of a request (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Length(u64),
    Chunked(Chunked),
}

/// Where a chunked body is (RFC 9112, section 7.1). The grammar is the one that actix-http reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    Size { digits: bool, size: u64 },
    SpaceBehindSize { size: u64 },
    Extension { size: u64 },
    SizeLf { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    EndLf,
}

/// How many of the given bytes belong to the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// All of them do, and there are more to come.
    All,
    /// The body ends behind so many.
    End(usize),
    /// The chunk is malformed behind so many.
    Malformed(usize),
}

impl Body {
    pub(super) const CHUNKED: Self = Self::Chunked(Chunked::Size { digits: false, size: 0 });

    pub(super) fn take(&mut self, bytes: &[u8]) -> Taken {
        match self {
            Self::Length(left) => take_length(left, bytes),
            Self::Chunked(chunked) => take_chunked(chunked, bytes),
        }
    }
}

fn take_length(left: &mut u64, bytes: &[u8]) -> Taken {
    let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
    *left -= taken as u64;
    if *left == 0 { Taken::End(taken) } else { Taken::All }
}

fn take_chunked(chunked: &mut Chunked, bytes: &[u8]) -> Taken {
    let mut taken = 0;
    while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
        if let Chunked::Data { left } = chunked {
            match take_length(left, rest) {
                Taken::End(length) => {
                    taken += length;
                    *chunked = Chunked::DataCr;
                }
                Taken::All | Taken::Malformed(_) => return Taken::All,
            }
            continue;
        }
        let Some(&byte) = rest.first() else { break };
        match chunked.step(byte) {
            Step::To(next) => *chunked = next,
            Step::End => return Taken::End(taken + 1),
            Step::Malformed => return Taken::Malformed(taken),
        }
        taken += 1;
    }
    Taken::All
}

enum Step {
    To(Chunked),
    End,
    Malformed,
}

impl Chunked {
    /// The state behind one byte that is no data.
    fn step(self, byte: u8) -> Step {
        let next = match (self, byte) {
            (Self::Size { size, .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                let Some(size) = size.checked_mul(16) else { return Step::Malformed };
                Self::Size { digits: true, size: size + digit }
            }
            (Self::Size { digits: true, size } | Self::SpaceBehindSize { size }, b' ' | b'\t') => {
                Self::SpaceBehindSize { size }
            }
            (Self::Size { digits: true, size } | Self::SpaceBehindSize { size }, b';')
            | (Self::Extension { size }, b'\t' | b' '..=b'~' | 0x80..) => Self::Extension { size },
            (Self::Size { digits: true, size } | Self::SpaceBehindSize { size } | Self::Extension { size }, b'\r') => {
                Self::SizeLf { size }
            }
            (Self::SizeLf { size: 0 } | Self::TrailerLf, b'\n') => Self::TrailerStart,
            (Self::SizeLf { size }, b'\n') => Self::Data { left: size },
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::Size { digits: false, size: 0 },
            (Self::TrailerStart, b'\r') => Self::EndLf,
            (Self::Trailer, b'\r') => Self::TrailerLf,
            (Self::TrailerStart | Self::Trailer, _) => Self::Trailer,
            (Self::EndLf, b'\n') => return Step::End,
            _ => return Step::Malformed,
        };
        Step::To(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many bytes each way to cut the input in two takes: all ways agree.
    fn taken(start: Body, bytes: &[u8]) -> Taken {
        let whole = { start }.take(bytes);
        for cut in 0..bytes.len() {
            let (one, other) = bytes.split_at(cut);
            let mut body = start;
            let in_two = match body.take(one) {
                Taken::All => match body.take(other) {
                    Taken::All => Taken::All,
                    Taken::End(length) => Taken::End(cut + length),
                    Taken::Malformed(length) => Taken::Malformed(cut + length),
                },
                ended => ended,
            };
            assert_eq!(in_two, whole, "cut at {cut}");
        }
        whole
    }

    #[test]
    fn a_body_ends_where_its_length_says() {
        assert_eq!(taken(Body::Length(3), b"abcGET"), Taken::End(3));
        assert_eq!(taken(Body::Length(9), b"abc"), Taken::All);
    }

    #[test]
    fn a_chunked_body_ends_behind_its_trailers() {
        for (whole, body) in [
            ("0\r\n\r\nGET", "0\r\n\r\n"),
            ("3\r\nabc\r\n0\r\n\r\nGET", "3\r\nabc\r\n0\r\n\r\n"),
            (
                "A ;x=\"y\"\r\n0\r\n\r\n56789\r\n00\r\nx: y\r\n\r\nGET",
                "A ;x=\"y\"\r\n0\r\n\r\n56789\r\n00\r\nx: y\r\n\r\n",
            ),
        ] {
            assert_eq!(taken(Body::CHUNKED, whole.as_bytes()), Taken::End(body.len()), "{whole:?}");
        }
        assert_eq!(taken(Body::CHUNKED, b"5\r\nabc"), Taken::All);
    }

    #[test]
    fn a_malformed_chunk_is_found_where_it_begins_to_be_wrong() {
        for (bytes, right) in [
            ("\r\n", 0),
            ("x", 0),
            ("-1\r\n", 0),
            ("1\n", 1),
            ("1\r\nab\r\n", 4),
            ("1 2\r\n", 2),
            ("1;\u{0}\r\n", 2),
            ("fffffffffffffffff\r\n", 16),
            ("0\r\n\rx", 4),
        ] {
            assert_eq!(taken(Body::CHUNKED, bytes.as_bytes()), Taken::Malformed(right), "{bytes:?}");
        }
    }
}
