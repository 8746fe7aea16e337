use reqsign_aws_v4::{
    AssumeRoleWithWebIdentityCredentialProvider, Credential, ECSCredentialProvider,
    EnvCredentialProvider, IMDSv2CredentialProvider, ProfileCredentialProvider,
};
use reqsign_core::{Context, FileRead, OsEnv, ProvideCredential};

use crate::code::Code;
use crate::error::{Error, Result};
use crate::https::Transport;

/// As whom AWS is asked. The first of these that is there counts, in the order of AWS's own tools; one that is there and
/// fails is an error, because the next would be somebody else:
///
/// 1. `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` of the environment;
/// 2. the keys of the profile `AWS_PROFILE` (or `default`) in `~/.aws/credentials` and `~/.aws/config`, or in the files that
///    `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE` name; not its `role_arn`, `sso_*` or `credential_process`;
/// 3. a web identity: `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN` (IAM roles for service accounts of Kubernetes);
/// 4. a container: `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `…_FULL_URI` (ECS, Fargate, EKS Pod Identity);
/// 5. the role of an EC2 instance (IMDSv2), unless `AWS_EC2_METADATA_DISABLED=true`.
pub async fn find(transport: &Transport) -> Result<Credential> {
    let context =
        Context::new().with_file_read(Files).with_http_send(transport.clone()).with_env(OsEnv);
    let asked = Asked(&context);
    if let Some(found) = asked.of("the environment", EnvCredentialProvider::new()).await? {
        return Ok(found);
    }
    if let Some(found) = asked.of("the profile", ProfileCredentialProvider::new()).await? {
        return Ok(found);
    }
    let web_identity = AssumeRoleWithWebIdentityCredentialProvider::new();
    if let Some(found) = asked.of("the web identity", web_identity).await? {
        return Ok(found);
    }
    if let Some(found) = asked.of("the container", ECSCredentialProvider::new()).await? {
        return Ok(found);
    }
    let none = "there are no AWS credentials: none in the environment, no profile, no web identity, no container";
    match IMDSv2CredentialProvider::new().provide_credential(&context).await {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(Error::new(Code::KeyFile, none)),
        Err(error) => {
            let message = format!("{none}, and no role of an instance ({})", brief(&error));
            Err(Error::new(Code::KeyFile, message))
        }
    }
}

struct Asked<'c>(&'c Context);

impl Asked<'_> {
    async fn of(
        &self,
        whom: &str,
        provider: impl ProvideCredential<Credential = Credential>,
    ) -> Result<Option<Credential>> {
        provider.provide_credential(self.0).await.map_err(|error| {
            let message = format!("no AWS credentials from {whom}: {}", brief(&error));
            Error::new(Code::KeyFile, message)
        })
    }
}

/// What went wrong and why, without what was answered at length.
fn brief(error: &reqsign_core::Error) -> String {
    let mut text = error.to_string();
    if let Some(source) = std::error::Error::source(error) {
        text = format!("{text}: {source}");
    }
    super::aws::clean(&text)
}

/// The files of profiles and tokens are small and on this machine.
#[derive(Debug)]
struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> reqsign_core::Result<Vec<u8>> {
        std::fs::read(path)
            .map_err(|error| reqsign_core::Error::config_invalid(format!("{path}: {error}")))
    }
}
