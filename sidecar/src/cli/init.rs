use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use sealtrail_keyring::Keyring;
use sealtrail_log::Log;
use sealtrail_log::proof::SigningKey;
use serde_json::json;
use zeroize::Zeroizing;

use super::{Style, output};
use crate::code::Code;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::modes;
use crate::trail::read_signing_key;

/// Makes a configuration, a strict starter policy, keys, a keyring and an empty log
///
/// Prints the verifier key. Nothing that is there already is overwritten.
#[derive(Args)]
pub struct Init {
    /// Where to
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The name of the log, part of every checkpoint for ever [default: the name of the folder]
    #[arg(long)]
    origin: Option<String>,
    /// The service behind the proxy
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3000")]
    upstream: String,
    /// Where the proxy listens; port 0 lets the system choose
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    proxy_listen: String,
    /// Where the API listens; port 0 lets the system choose
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    api_listen: String,
    /// A key of AWS KMS that wraps the key-encryption key: its ARN, id or alias
    #[arg(long, value_name = "KEY")]
    aws_kms: Option<String>,
    /// Make only the keyring and the log of a configuration that is there, with the keys that it names
    #[arg(long, short, value_name = "FILE", conflicts_with_all = ["dir", "origin", "upstream",
        "proxy_listen", "api_listen", "aws_kms"])]
    config: Option<PathBuf>,
    /// Do nothing where both are there already
    #[arg(long, requires = "config")]
    if_missing: bool,
}

/// Everything that `init` makes, in the order in which it is told.
const MADE: &[(&str, &str)] = &[
    ("sealtrail.toml", "the configuration"),
    ("policy.json", "the starter policy: what no rule names is sealed"),
    ("keys/signing.key", "signs the checkpoints; whoever has it can rewrite the log unnoticed"),
    ("keys/kek", "wraps the keyring; keep a copy elsewhere, without it nothing sealed can be read"),
    ("keyring", "one key for each data subject and each month"),
    ("log", "the records"),
];

static STARTER_POLICY: &str = include_str!("starter_policy.json");

impl Init {
    pub fn run(self, style: Style) -> Result<u8> {
        if let Some(file) = &self.config {
            return self.complete(file, style);
        }
        let origin = self.origin()?;
        let text = self.configuration(&origin);
        // Checked before anything is made: a wrong --upstream must not leave half a directory.
        let config = Config::parse(&text, &self.dir)?;
        for (name, _) in MADE {
            let path = self.dir.join(name);
            if path.symlink_metadata().is_ok() {
                return Err(is_there(&path));
            }
        }
        modes::as_the_user_wants(|| fs::create_dir_all(&self.dir)).map_err(|e| at(&self.dir, e))?;
        make_private_folder(&self.dir.join("keys"))?;
        let key = new_signing_key(&origin)?;
        write_new(&config.signing_key, &(key.secret_text().to_string() + "\n"), true)?;
        let kek = config.kek.create()?;
        Keyring::create(&config.keyring_dir, &kek)?;
        Log::create(&config.log_dir, &origin, &key)?;
        // A service may run as another user than who has made these.
        modes::as_the_user_wants(|| {
            write_new(&config.policy, STARTER_POLICY, false)?;
            // Last: with a configuration the directory is whole.
            write_new(&self.dir.join("sealtrail.toml"), &text, false)
        })?;
        self.tell(style, &key.verifier_key().to_string(), &origin)
    }

    /// On a volume that is new, beside a configuration and keys that were put there by others.
    fn complete(&self, file: &Path, style: Style) -> Result<u8> {
        let config = Config::read(file)?;
        let folders = [&config.keyring_dir, &config.log_dir];
        match folders.into_iter().filter(|folder| is_used(folder)).collect::<Vec<_>>()[..] {
            [] => {}
            [_, _] if self.if_missing => {
                eprintln!("the log and its keyring are there already");
                return Ok(0);
            }
            // A log whose keyring is gone, or the other way round, is for people to look at.
            [there, ..] => return Err(is_there(there)),
        }
        let key = read_signing_key(&config)?;
        let kek = config.kek.existing_or_new()?;
        Keyring::create(&config.keyring_dir, &kek)?;
        Log::create(&config.log_dir, &config.origin, &key)?;
        let (origin, vkey) = (&config.origin, key.verifier_key().to_string());
        match style.json {
            true => output::print_json(&json!({"origin": origin, "vkey": vkey, "config": file}))?,
            false => {
                let text = format!("the log of `{origin}` is ready\n\nverifier key:\n\n  {vkey}\n");
                output::print(text.as_bytes())?;
            }
        }
        Ok(0)
    }

    fn origin(&self) -> Result<String> {
        if let Some(origin) = &self.origin {
            return Ok(origin.clone());
        }
        let dir = std::path::absolute(&self.dir).map_err(|e| at(&self.dir, e))?;
        let name = dir.file_name().and_then(|name| name.to_str()).unwrap_or("trail");
        let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        Ok(format!("localhost/{}", name.chars().map(safe).collect::<String>()))
    }

    fn configuration(&self, origin: &str) -> String {
        // A TOML basic string and a JSON string agree on what has no control characters.
        let quote = |text: &str| serde_json::Value::from(text).to_string();
        format!(
            "# The name of the log: part of every checkpoint, so it cannot be changed later.\n\
             origin = {}\n\
             log_dir = \"log\"\n\
             index_dir = \"index\"\n\
             keyring_dir = \"keyring\"\n\
             policy = \"policy.json\"\n\
             signing_key = \"keys/signing.key\"\n\
             {}\n\
             checkpoint_interval = \"1s\"\n\
             \n\
             [proxy]\n\
             listen = {}\n\
             upstream = {}\n\
             \n\
             [api]\n\
             listen = {}\n\
             \n\
             [access]\n\
             # What whoever reaches the API over loopback may do without a token: all there is. For production leave\n\
             # [\"writer\"], and give people tokens (`sealtrail token new`).\n\
             loopback = [\"writer\", \"sealer\", \"reader\", \"revealer:*\", \"eraser\", \"operator\"]\n\
             # tokens = \"tokens.toml\"\n\
             \n\
             [request]\n\
             # Peers whose X-Forwarded-For is believed.\n\
             trusted_proxies = []\n\
             # PEM public key or HMAC secret; without it actors are marked unverified.\n\
             # jwt_key = \"keys/jwt.pem\"\n\
             \n\
             # What is older may go, by `sealtrail prune` and for ever; without it nothing does.\n\
             # [retention]\n\
             # keep = \"7y\"\n\
             # How long after its month a `retain` class of the policy stays readable, by `sealtrail expire`.\n\
             # [retention.classes]\n\
             # standard = \"7y\"\n",
            quote(origin),
            self.aws_kms.as_ref().map_or_else(
                || "kek = \"keys/kek\"              # or { env = \"SEALTRAIL_KEK\" }".to_owned(),
                |key| format!("kek = {{ file = \"keys/kek\", aws_kms = {} }}", quote(key)),
            ),
            quote(&self.proxy_listen),
            quote(&self.upstream),
            quote(&self.api_listen),
        )
    }

    fn tell(&self, style: Style, vkey: &str, origin: &str) -> Result<u8> {
        if style.json {
            let config = self.dir.join("sealtrail.toml");
            output::print_json(&json!({"origin": origin, "vkey": vkey, "config": config}))?;
            return Ok(0);
        }
        let mut text = format!("the log of `{origin}` is ready in {}\n\n", self.dir.display());
        for (name, what) in MADE {
            text += &format!("  {name:17} {what}\n");
        }
        text += &format!(
            "\nverifier key:\n\n  {vkey}\n\nKeep it outside of this machine, and give it to whoever checks \
             the log:\na log can only be verified with a key that did not come with it.\n\nBack up the log without the keyring: \
             whoever has a copy of keyring and keys/kek can read\nwhat is shredded later. Keep keys/kek where no \
             backup of the log goes, or in the environment\n(`kek = {{ env = \"SEALTRAIL_KEK\" }}`), and copies of the \
             keyring no longer than you must.\n\nnext: sealtrail \
             serve --config {}\n",
            self.dir.join("sealtrail.toml").display()
        );
        output::print(text.as_bytes())?;
        Ok(0)
    }
}

fn is_used(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

fn is_there(path: &Path) -> Error {
    let message = format!("`{}` is there already and is not overwritten", path.display());
    Error::new(Code::ConfigInvalid, message)
}

fn new_signing_key(origin: &str) -> Result<SigningKey> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed)
        .map_err(|_| Error::new(Code::Internal, "the system gives no random bytes"))?;
    SigningKey::from_seed(origin, &seed)
        .map_err(|e| Error::new(Code::ConfigInvalid, format!("--origin: {e}")))
}

fn make_private_folder(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path).map_err(|e| at(path, e))
}

fn write_new(path: &Path, text: &str, is_secret: bool) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if is_secret {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path).map_err(|e| at(path, e))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|e| at(path, e))
}

fn at(path: &Path, error: std::io::Error) -> Error {
    Error::from(error).context(path.display())
}
