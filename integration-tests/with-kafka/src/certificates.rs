//! Certificates for one run: an authority, a broker's, a broker's that has expired, and another authority.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, Error, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// All in PEM; a broker's is its key, its certificate and the authority's.
#[derive(Debug)]
pub(crate) struct Certificates {
    pub(crate) authority: String,
    pub(crate) stranger: String,
    pub(crate) server: Vec<u8>,
    pub(crate) expired: Vec<u8>,
}

impl Certificates {
    pub(crate) fn make() -> Result<Self, Error> {
        let authority = authority("kappa test authority")?;
        let good = CertificateParams::new(names())?;
        let mut past = CertificateParams::new(names())?;
        past.not_before = date_time_ymd(2020, 1, 1);
        past.not_after = date_time_ymd(2021, 1, 1);
        Ok(Self {
            stranger: self::authority("another authority")?.pem(),
            server: keys(good, &authority)?,
            expired: keys(past, &authority)?,
            authority: authority.pem(),
        })
    }
}

/// How clients call the broker.
fn names() -> Vec<String> {
    vec!["localhost".to_owned(), "127.0.0.1".to_owned()]
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>, Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn keys(
    mut params: CertificateParams,
    authority: &CertifiedIssuer<'static, KeyPair>,
) -> Result<Vec<u8>, Error> {
    params.distinguished_name.push(DnType::CommonName, "kafka");
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, authority)?;
    Ok(format!("{}{}{}", key.serialize_pem(), certificate.pem(), authority.pem()).into_bytes())
}
