//! The cryptography provider for https connections that Mitsuke opens.

/// Installs ring as the provider of the whole process. An HTTP client cannot be built before this call; calling it
/// again has no effect.
pub fn choose_provider() {
    // The error says that a provider is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
}
