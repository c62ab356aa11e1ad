//! The source of a model: what the command line names, and what is known about its licence.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A model that this program knows, and that was published under this name when the program was written.
struct Known {
    name: &'static str,
    licence: &'static str,
    /// True where the hub gives the files only to those who have accepted the licence.
    is_gated: bool,
    /// True where the model brings Python code.
    brings_code: bool,
}

const KNOWN: [Known; 6] = [
    Known {
        name: "stabilityai/japanese-stable-clip-vit-l-16",
        licence: "Stability AI's community licence (japanese-stable-clip-community)",
        is_gated: true,
        brings_code: true,
    },
    Known { name: "line-corporation/clip-japanese-base", licence: "Apache-2.0", is_gated: false, brings_code: true },
    Known { name: "llm-jp/llm-jp-clip-vit-base-patch16", licence: "Apache-2.0", is_gated: false, brings_code: false },
    Known { name: "rinna/japanese-clip-vit-b-16", licence: "Apache-2.0", is_gated: false, brings_code: false },
    Known { name: "google/siglip2-base-patch16-224", licence: "Apache-2.0", is_gated: false, brings_code: false },
    Known { name: "open_clip:ViT-B-32:laion2b_s34b_b79k", licence: "MIT", is_gated: false, brings_code: false },
];

/// The kind of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A repository of the Hugging Face hub.
    Hub,
    /// A folder on this machine.
    Folder,
    /// An architecture of open_clip with its weights.
    OpenClip,
}

/// The source of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The source as it is written on the command line.
    pub given: String,
    /// The kind.
    pub kind: Kind,
}

impl Source {
    /// Reads the source as the exporter does.
    ///
    /// # Errors
    /// When it is none that the exporter takes.
    pub fn parse(given: &str) -> Result<Self, String> {
        let kind = if given.starts_with("open_clip:") {
            Kind::OpenClip
        } else if Path::new(given).is_dir() {
            Kind::Folder
        } else if is_hub_name(given) {
            Kind::Hub
        } else {
            return Err(format!(
                "{given} is neither a folder nor a name like organisation/model nor open_clip:ARCHITECTURE:WEIGHTS"
            ));
        };
        Ok(Self { given: given.to_owned(), kind })
    }

    /// Returns the name of the model folder where the command line gives none. It is the name that the exporter gives
    /// the model.
    pub fn folder_name(&self) -> Option<String> {
        let name = match self.kind {
            Kind::Hub => self.given.rsplit('/').next()?.to_owned(),
            Kind::Folder => Path::new(&self.given).canonicalize().ok()?.file_name()?.to_str()?.to_owned(),
            Kind::OpenClip => {
                let (architecture, weights) = self.given.strip_prefix("open_clip:")?.split_once(':')?;
                let weights = match weights.contains('/') {
                    true => Path::new(weights).file_stem()?.to_str()?,
                    false => weights,
                };
                format!("{architecture}-{weights}")
            }
        };
        Some(name.to_lowercase())
    }

    fn known(&self) -> Option<&'static Known> {
        KNOWN.iter().find(|known| known.name == self.given)
    }

    /// Returns the page of the model on the hub.
    pub fn page(&self) -> String {
        format!("https://huggingface.co/{}", self.given)
    }

    /// Describes the licence of the model as far as it is known before anything is downloaded.
    pub fn licence(&self) -> String {
        match (self.known(), self.kind) {
            (Some(known), Kind::Hub) if known.is_gated => {
                format!("{}, which you accept at {}", known.licence, self.page())
            }
            (Some(known), Kind::Hub) => format!("{} ({}), no token is needed", known.licence, self.page()),
            (Some(known), _) => known.licence.to_owned(),
            (None, Kind::Hub) => format!("see {}, which also says whether it asks for a token", self.page()),
            (None, Kind::Folder) => "as the model card README.md in the folder says, or --licence".to_owned(),
            (None, Kind::OpenClip) => "not known; the exporter asks for --licence".to_owned(),
        }
    }

    /// Returns the licence that the exporter has to be told because no model card states it.
    pub fn licence_to_tell(&self) -> Option<&'static str> {
        self.known().filter(|_| self.kind == Kind::OpenClip).map(|known| known.licence)
    }

    /// Tells whether the model is known to bring Python code.
    pub fn brings_code(&self) -> bool {
        self.known().is_some_and(|known| known.brings_code)
    }

    /// Tells whether the model is known to be gated.
    pub fn is_gated(&self) -> bool {
        self.known().is_some_and(|known| known.is_gated)
    }
}

/// Tells whether a text is a name of the hub.
fn is_hub_name(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c))
    };
    text.split_once('/').is_some_and(|(owner, name)| is_part(owner) && is_part(name))
}

/// Where the hub's own library finds a token and the files that it has downloaded.
pub struct Hub<F> {
    variable: F,
}

impl<F: Fn(&str) -> Option<OsString>> Hub<F> {
    /// Returns the hub's library as these variables of the environment set it up.
    pub fn new(variable: F) -> Self {
        Self { variable }
    }

    fn set(&self, name: &str) -> Option<PathBuf> {
        (self.variable)(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    fn home(&self) -> Option<PathBuf> {
        self.set("HF_HOME")
            .or_else(|| Some(self.set("XDG_CACHE_HOME")?.join("huggingface")))
            .or_else(|| Some(self.set("HOME")?.join(".cache/huggingface")))
    }

    /// Returns where a token is found, for people; `None` where there is none.
    pub fn token(&self) -> Option<String> {
        for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] {
            if self.set(name).is_some() {
                return Some(name.to_owned());
            }
        }
        let file = self.set("HF_TOKEN_PATH").or_else(|| Some(self.home()?.join("token")))?;
        file.is_file().then(|| file.display().to_string())
    }

    /// Tells whether an earlier run has begun to download a model, which takes access to it.
    pub fn has(&self, source: &Source) -> bool {
        let cache = self.set("HF_HUB_CACHE").or_else(|| Some(self.home()?.join("hub")));
        let name = format!("models--{}/snapshots", source.given.replace('/', "--"));
        cache.is_some_and(|cache| cache.join(name).is_dir())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_gives_the_folder_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let mine = folder.path().join("My.Model");
        std::fs::create_dir(&mine).unwrap();
        for (given, kind, name) in [
            ("stabilityai/japanese-stable-clip-vit-l-16", Kind::Hub, "japanese-stable-clip-vit-l-16"),
            ("google/SigLIP2.base", Kind::Hub, "siglip2.base"),
            (mine.to_str().unwrap(), Kind::Folder, "my.model"),
            ("open_clip:ViT-B-32:laion2b_s34b_b79k", Kind::OpenClip, "vit-b-32-laion2b_s34b_b79k"),
            ("open_clip:ViT-B-32:/tmp/My.pt", Kind::OpenClip, "vit-b-32-my"),
        ] {
            let source = Source::parse(given).unwrap();
            assert_eq!((source.kind, source.folder_name().as_deref()), (kind, Some(name)), "{given}");
        }
        for wrong in ["clip", "a/b/c", "./no/folder", "-a/b", "a b/c", ""] {
            assert!(Source::parse(wrong).unwrap_err().contains("organisation/model"), "{wrong}");
        }
    }

    #[test]
    fn licence_and_token_of_known_models_are_told() {
        let gated = Source::parse("stabilityai/japanese-stable-clip-vit-l-16").unwrap();
        assert!(gated.is_gated() && gated.brings_code());
        assert!(gated.licence().contains("accept at https://huggingface.co/stabilityai/"), "{}", gated.licence());
        let free = Source::parse("rinna/japanese-clip-vit-b-16").unwrap();
        assert!(!free.is_gated() && !free.brings_code() && free.licence().starts_with("Apache-2.0"));
        let other = Source::parse("somebody/model").unwrap();
        assert!(!other.is_gated() && other.licence().contains("https://huggingface.co/somebody/model"));
        let open = Source::parse("open_clip:ViT-B-32:laion2b_s34b_b79k").unwrap();
        assert_eq!((open.licence_to_tell(), free.licence_to_tell()), (Some("MIT"), None));
    }

    #[test]
    fn a_token_is_found_where_the_hubs_library_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        let variables = |set: Vec<(&'static str, String)>| {
            Hub::new(move |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
        };
        let home = || vec![("HOME", path.clone())];
        assert_eq!(variables(home()).token(), None);
        assert_eq!(variables(vec![("HF_TOKEN", "hf_x".to_owned())]).token().as_deref(), Some("HF_TOKEN"));
        let cache = folder.path().join(".cache/huggingface");
        std::fs::create_dir_all(&cache).unwrap();
        std::fs::write(cache.join("token"), "hf_x").unwrap();
        assert!(variables(home()).token().unwrap().ends_with(".cache/huggingface/token"));
        assert_eq!(variables(vec![("HF_HOME", "/nowhere".to_owned())]).token(), None);
        let source = Source::parse("a/b").unwrap();
        assert!(!variables(home()).has(&source));
        std::fs::create_dir_all(cache.join("hub/models--a--b/snapshots")).unwrap();
        assert!(variables(home()).has(&source));
    }
}
