//! Parts of a body that a caller asks for (RFC 9110, section 14).

use actix_web::HttpRequest;
use actix_web::http::header::{self, ByteRangeSpec, ContentRangeSpec, EntityTag, Header as _, IfRange, Range};

/// The part of a body that a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// The whole body.
    Whole,
    /// The bytes from the first to the last, both included.
    Bytes(u64, u64),
    /// No byte of the body.
    Outside,
}

impl Part {
    /// Reads the part that a request asks for of a body of `length` bytes with a strong tag.
    ///
    /// A range that cannot be read, several ranges, and a range of a body that has changed (`If-Range`) ask for the whole
    /// body, as the standard allows.
    pub fn of(request: &HttpRequest, length: u64, etag: &EntityTag) -> Self {
        let Ok(Range::Bytes(ranges)) = Range::parse(request) else { return Self::Whole };
        let [range] = ranges.as_slice() else { return Self::Whole };
        if request.headers().contains_key(header::IF_RANGE) {
            match IfRange::parse(request) {
                Ok(IfRange::EntityTag(tag)) if tag.strong_eq(etag) => {}
                _ => return Self::Whole,
            }
        }
        // The first byte may not come after the last (section 14.1.1); such a range is no range.
        if matches!(range, ByteRangeSpec::FromTo(first, last) if first > last) {
            return Self::Whole;
        }
        range.to_satisfiable_range(length).map_or(Self::Outside, |(first, last)| Self::Bytes(first, last))
    }
}

/// Returns the header Content-Range of a part of a body of `length` bytes; `None` stands for a part outside the body.
pub fn content_range(part: Option<(u64, u64)>, length: u64) -> header::ContentRange {
    header::ContentRange(ContentRangeSpec::Bytes { range: part, instance_length: Some(length) })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn part(range: &str, if_range: Option<&str>) -> Part {
        let mut request = TestRequest::default().insert_header(("range", range));
        if let Some(if_range) = if_range {
            request = request.insert_header(("if-range", if_range));
        }
        Part::of(&request.to_http_request(), 100, &EntityTag::new_strong("abc".to_owned()))
    }

    #[test]
    fn a_range_is_a_part_of_the_body() {
        assert_eq!(part("bytes=0-9", None), Part::Bytes(0, 9));
        assert_eq!(part("bytes=90-", None), Part::Bytes(90, 99));
        assert_eq!(part("bytes=-5", None), Part::Bytes(95, 99));
        assert_eq!(part("bytes=-500", None), Part::Bytes(0, 99));
        assert_eq!(part("bytes=50-500", None), Part::Bytes(50, 99));
    }

    #[test]
    fn a_range_behind_the_end_is_outside() {
        for range in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(part(range, None), Part::Outside, "{range}");
        }
    }

    #[test]
    fn anything_else_asks_for_the_whole_body() {
        for range in ["bytes=0-9,20-29", "lines=1-2", "bytes=9-0", "bytes=", "bytes=x-y", ""] {
            assert_eq!(part(range, None), Part::Whole, "{range}");
        }
    }

    #[test]
    fn a_range_of_a_body_that_has_changed_asks_for_the_whole_one() {
        assert_eq!(part("bytes=0-9", Some("\"abc\"")), Part::Bytes(0, 9));
        for other in ["\"abd\"", "W/\"abc\"", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(part("bytes=0-9", Some(other)), Part::Whole, "{other}");
        }
    }
}
