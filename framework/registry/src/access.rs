//! Who may ask, for tests of clients that must say who they are.

use std::fmt::{self, Debug, Formatter};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a client may come with.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// `Authorization: Basic ...`.
    Basic {
        /// The user's name.
        user: String,
        /// The user's password.
        password: String,
    },
    /// `Authorization: Bearer ...`.
    Bearer(String),
}

impl Debug for Credential {
    /// Without what is secret.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { user, .. } => {
                f.debug_struct("Basic").field("user", user).finish_non_exhaustive()
            }
            Self::Bearer(_) => f.write_str("Bearer(..)"),
        }
    }
}

impl Credential {
    /// Makes the credential of a user with a password.
    #[must_use]
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic { user: user.into(), password: password.into() }
    }

    /// Returns whether this is what a header says.
    fn is(&self, header: &str) -> bool {
        let Some((scheme, given)) = header.split_once(' ') else { return false };
        match self {
            Self::Basic { user, password } => {
                let wanted = format!("{user}:{password}");
                scheme.eq_ignore_ascii_case("basic")
                    && STANDARD.decode(given.trim()).is_ok_and(|bytes| bytes == wanted.as_bytes())
            }
            Self::Bearer(token) => scheme.eq_ignore_ascii_case("bearer") && given.trim() == token,
        }
    }
}

/// Returns whether who comes with this header may ask. Without credentials anybody may.
pub(crate) fn may_ask(credentials: &[Credential], header: Option<&str>) -> bool {
    let known = |header| credentials.iter().any(|credential| credential.is(header));
    credentials.is_empty() || header.is_some_and(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_known_may_ask() {
        let all = [Credential::basic("ann", "pass:word"), Credential::Bearer("abc".to_owned())];
        let basic = format!("Basic {}", STANDARD.encode("ann:pass:word"));
        let allowed = [Some(&*basic), Some("Bearer abc"), Some("bearer abc")];
        assert!(allowed.into_iter().all(|header| may_ask(&all, header)));
        let wrong = format!("Basic {}", STANDARD.encode("ann:other"));
        let refused = [None, Some(""), Some("Bearer abd"), Some(&*wrong), Some("Basic !")];
        assert!(refused.into_iter().all(|header| !may_ask(&all, header)));
        assert!(may_ask(&[], None));
    }

    #[test]
    fn what_is_secret_is_not_told() {
        let told = format!("{:?}", [Credential::basic("ann", "secret"), bearer()]);
        assert_eq!(told, r#"[Basic { user: "ann", .. }, Bearer(..)]"#);
    }

    fn bearer() -> Credential {
        Credential::Bearer("secret".to_owned())
    }
}
