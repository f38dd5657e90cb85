//! Configuration: raw names and values in layers, checked and resolved once into [`Settings`].
//!
//! Names are Kafka's. Low to high, a value comes from the built-in default, the program's own default,
//! a file, the environment, the command line. Every value remembers where it came from, so that an
//! error can say it; an unknown name is refused with the nearest known one.

mod client_names;
mod clients;
mod environment;
mod http;
mod listing;
mod memory;
mod properties;
mod schema_registry;
mod secrets;
mod settings;
mod table;
mod topics;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use clients::ClientProperties;
pub use http::{HttpSettings, Listen, Secret, TlsFiles};
pub use listing::ListedSetting;
pub use memory::{MemoryPart, MemoryPlan};
pub use schema_registry::{SchemaRegistrySettings, SubjectNameStrategy};
pub use settings::{DeserializationHandler, GroupProtocol, Settings, StoreType, TaskIdle};
pub use table::{Kind, SETTINGS, Setting};

use crate::error::{Error, Result};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// The program's own default, which everything below overrides.
    Program,
    /// A line of a properties file.
    File(Arc<str>, usize),
    /// An environment variable.
    Environment(Arc<str>),
    /// An argument of the command line.
    CommandLine,
    /// A file that has a secret alone, and what named the file.
    Secret(Arc<str>, Arc<Self>),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the built-in default"),
            Self::Program => f.write_str("the program's default"),
            Self::File(path, line) => write!(f, "{path}:{line}"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::CommandLine => f.write_str("the command line"),
            Self::Secret(path, by) => write!(f, "{path}, named by {by}"),
        }
    }
}

/// Names and values as given, in layers.
///
/// # Examples
///
/// ```
/// use kappa::config::StreamsConfig;
///
/// # fn main() -> kappa::Result<()> {
/// let settings = StreamsConfig::new("orders-app")
///     .with_default("commit.interval.ms", "1000")?
///     .resolve()?;
/// assert_eq!(settings.commit_interval.as_secs(), 1);
///
/// let error = StreamsConfig::new("orders-app").with_default("comit.interval.ms", "1000");
/// assert!(error.unwrap_err().to_string().contains("did you mean `commit.interval.ms`"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct StreamsConfig {
    values: BTreeMap<String, (String, Source)>,
}

impl StreamsConfig {
    /// Starts the configuration of an application.
    #[must_use]
    pub fn new(application_id: &str) -> Self {
        let id = (application_id.to_owned(), Source::Program);
        Self { values: std::iter::once(("application.id".to_owned(), id)).collect() }
    }

    /// Sets a default of the program's own; whatever was set otherwise stays.
    ///
    /// # Errors
    ///
    /// Where the name is unknown.
    pub fn with_default(mut self, name: &str, value: &str) -> Result<Self> {
        let (name, value, source) = checked(name, value, Source::Program)?;
        self.values.entry(name).or_insert((value, source));
        Ok(self)
    }

    /// Sets values from a properties file, over the program's defaults.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, a line is no property, or a name is unknown.
    pub fn with_file(mut self, path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|cause| {
            let message = format!("cannot read the configuration file {}", path.display());
            Error::config(message).with_source(cause)
        })?;
        let shown: Arc<str> = path.display().to_string().into();
        for (line, name, value) in properties::parse(&shown, &text)? {
            self.set(&name, &value, Source::File(shown.clone(), line))?;
        }
        Ok(self)
    }

    /// Sets values from environment variables that begin with `KAPPA_`, over files:
    /// `KAPPA_BOOTSTRAP_SERVERS` is `bootstrap.servers`; `__` stands for `_` and `___` for `-`. Variables that
    /// Kubernetes makes for a service named `kappa` or `kappa-...` are passed over.
    ///
    /// # Errors
    ///
    /// Where a variable names no setting.
    pub fn with_environment(
        mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        let mut variables: Vec<_> = variables.into_iter().collect();
        // A name that others know too gives way to the one with the prefix.
        variables.sort_by_key(|(variable, _)| !environment::is_shared(variable));
        for (variable, value) in variables {
            if let Some(name) = environment::setting(&variable) {
                if !is_known(&name) && environment::is_of_a_service(&variable, &value) {
                    tracing::debug!(
                        "{variable} tells of a service of Kubernetes, and sets nothing"
                    );
                    continue;
                }
                self.set(&name, &value, Source::Environment(variable.into()))?;
            }
        }
        Ok(self)
    }

    /// Sets values from this process's environment, as [`with_environment`](Self::with_environment) does.
    ///
    /// # Errors
    ///
    /// Where a variable names no setting, or its value is not text.
    pub fn with_process_environment(self) -> Result<Self> {
        let mut variables = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| environment::setting(name).is_some())
            else {
                continue;
            };
            let Ok(value) = value.into_string() else {
                let message = format!("the value of environment variable {name} is not UTF-8");
                return Err(Error::config(message));
            };
            variables.push((name.to_owned(), value));
        }
        self.with_environment(variables)
    }

    /// Sets one value from the command line, over everything else.
    ///
    /// # Errors
    ///
    /// Where the name is unknown.
    pub fn with_argument(mut self, name: &str, value: &str) -> Result<Self> {
        self.set(name, value, Source::CommandLine)?;
        Ok(self)
    }

    /// Returns a value as given, with where it came from; the built-in default where nobody set it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<(&str, Source)> {
        if let Some((value, source)) = self.values.get(name) {
            return Some((value, source.clone()));
        }
        let setting = SETTINGS.iter().find(|setting| setting.name == name)?;
        setting.default.map(|value| (value, Source::Default))
    }

    /// Checks all values and returns them typed.
    ///
    /// # Errors
    ///
    /// Where a value is missing or out of its range; the message says where it came from.
    pub fn resolve(&self) -> Result<Settings> {
        Settings::resolve(self)
    }

    fn set(&mut self, name: &str, value: &str, source: Source) -> Result<()> {
        let (name, value, source) = checked(name, value, source)?;
        self.values.insert(name, (value, source));
        Ok(())
    }

    /// Visits what was set, by name.
    fn iter(&self) -> impl Iterator<Item = (&str, &str, &Source)> {
        self.values.iter().map(|(name, (value, source))| (name.as_str(), value.as_str(), source))
    }
}

/// Returns what is set then: for the file of a secret, the secret.
fn checked(name: &str, value: &str, source: Source) -> Result<(String, String, Source)> {
    if let Some(secret) = secrets::named(name) {
        let (value, source) = secrets::read(name, value, source)?;
        return Ok((secret.to_owned(), value, source));
    }
    check_name(name, &source)?;
    Ok((name.to_owned(), value.to_owned(), source))
}

fn is_known(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.name == name)
        || clients::is_client_setting(name)
        || topics::is_topic_setting(name)
        || secrets::named(name).is_some()
}

fn check_name(name: &str, source: &Source) -> Result<()> {
    if is_known(name) {
        return Ok(());
    }
    let mut message = format!("unknown setting `{name}` (from {source})");
    if let Some(nearest) = nearest(name) {
        message.push_str(&format!(": did you mean `{nearest}`?"));
    }
    Err(Error::config(message))
}

/// How alike two names must be, from 0 to 1, for one to be suggested.
const LIKENESS_MIN: f64 = 0.8;

fn nearest(name: &str) -> Option<String> {
    if let Some(bare) = name.strip_prefix(topics::PREFIX)
        && let Some(best) = most_alike(bare, topics::NAMES.into_iter())
    {
        return Some(format!("{}{best}", topics::PREFIX));
    }
    let (prefix, bare) = clients::split_prefix(name).unwrap_or(("", name));
    let own = SETTINGS.iter().map(|setting| setting.name).filter(|_| prefix.is_empty());
    let best = most_alike(bare, own.chain(clients::names(prefix)))?;
    Some(format!("{prefix}{best}"))
}

fn most_alike(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let ranked = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let (likeness, best) = ranked.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (likeness >= LIKENESS_MIN).then_some(best)
}

/// Names and where they came from only: values may be secrets.
impl fmt::Debug for StreamsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.values.iter().map(|(name, (_, source))| (name, source));
        f.debug_map().entries(names).finish()
    }
}

#[cfg(test)]
mod tests;
