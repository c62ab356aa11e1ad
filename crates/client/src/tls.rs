//! The cryptography behind https when Mitsuke is a client.

/// Chooses ring for the whole process, once: an HTTP client cannot be built before. Doing it again is harmless.
pub fn choose_provider() {
    // An error means that a provider was chosen before.
    drop(rustls::crypto::ring::default_provider().install_default());
}
