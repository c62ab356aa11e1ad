//! Web origins whose pages may call the API from a browser (MITSUKE_CORS_ORIGINS).

use std::str::FromStr;

use reqwest::Url;

/// The pages of other servers that may call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CorsOrigins {
    /// No page of another server, only the gallery page of this one.
    #[default]
    None,
    /// The pages of these origins, each written as browsers send it (`https://pictures.example`).
    Only(Vec<String>),
    /// The pages of all origins.
    Any,
}

impl FromStr for CorsOrigins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let origins: Vec<_> = text.split(',').map(str::trim).filter(|origin| !origin.is_empty()).collect();
        match origins[..] {
            [] => Ok(Self::None),
            ["*"] => Ok(Self::Any),
            _ => origins.into_iter().map(origin).collect::<Result<_, _>>().map(Self::Only),
        }
    }
}

/// Checks that an origin is written as the Fetch standard serialises it, because browsers compare letter by letter.
fn origin(text: &str) -> Result<String, String> {
    if text == "*" {
        return Err("`*` allows every origin, so it stands alone".to_owned());
    }
    let url = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
    let Some(right) = url.map(|url| url.origin().ascii_serialization()) else {
        return Err(format!(
            "`{text}` is not an origin. Write scheme, host and port as in https://pictures.example or \
             http://localhost:5173, with commas between several, or `*` for all"
        ));
    };
    if right == text { Ok(right) } else { Err(format!("browsers write the origin `{text}` as `{right}`; write it so")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        assert_eq!("".parse(), Ok(CorsOrigins::None));
        assert_eq!(" * ".parse(), Ok(CorsOrigins::Any));
        let two = CorsOrigins::Only(vec!["https://a.example".into(), "http://localhost:5173".into()]);
        assert_eq!("https://a.example, http://localhost:5173,".parse(), Ok(two));
    }

    #[test]
    fn what_no_browser_would_send_is_refused_with_the_right_spelling() {
        for (text, words) in [
            ("a.example", "is not an origin"),
            ("ftp://a.example", "is not an origin"),
            ("null", "is not an origin"),
            ("*, https://a.example", "stands alone"),
            ("https://a.example/", "as `https://a.example`"),
            ("https://a.example/page", "as `https://a.example`"),
            ("https://A.example", "as `https://a.example`"),
            ("https://a.example:443", "as `https://a.example`"),
            ("https://写真.example", "as `https://xn--"),
        ] {
            let error = text.parse::<CorsOrigins>().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_the_parser_panic_and_what_it_accepts_is_an_origin(text in "\\PC{0,40}") {
            if let Ok(CorsOrigins::Only(origins)) = text.parse() {
                for origin in origins {
                    prop_assert_eq!(Url::parse(&origin).unwrap().origin().ascii_serialization(), origin);
                }
            }
        }
    }
}
