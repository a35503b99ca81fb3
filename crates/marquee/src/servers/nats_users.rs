//! The users of the private nats-server, and contexts for those of them that sign in with the `nats` command.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use contracts::Service;
use runtime::broker::inbox_prefix;
use serde_json::json;

use crate::folder::{Folder, make, write_private};

/// Who can sign in; `nats.conf` says what each may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NatsUser {
    /// A service.
    Service(Service),
    /// REST.
    Gateway,
    /// Whoever operates Marquee with the `nats` command.
    Operator,
    /// A program that follows events.
    Subscriber,
    /// Who may do everything, such as deleting streams.
    Provisioner,
}

impl NatsUser {
    /// All of them.
    pub const ALL: [NatsUser; 7] = [
        NatsUser::Service(Service::Users),
        NatsUser::Service(Service::Movies),
        NatsUser::Service(Service::Bookings),
        NatsUser::Gateway,
        NatsUser::Operator,
        NatsUser::Subscriber,
        NatsUser::Provisioner,
    ];

    /// The name in `nats.conf`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service(service) => service.name(),
            Self::Gateway => "gateway",
            Self::Operator => "operator",
            Self::Subscriber => "subscriber",
            Self::Provisioner => "provisioner",
        }
    }

    /// The name of the file among the secrets that has the password.
    pub(super) fn secret(self) -> String {
        format!("nats-{}", self.name())
    }

    /// Where this user signs in.
    pub(super) fn url(self, password: &str, server: &str) -> String {
        format!("nats://{}:{password}@{server}", self.name())
    }

    /// The variable that nats-server reads the password from.
    const fn variable(self) -> &'static str {
        match self {
            Self::Service(Service::Users) => "MARQUEE_NATS_USERS_PASSWORD",
            Self::Service(Service::Movies) => "MARQUEE_NATS_MOVIES_PASSWORD",
            Self::Service(Service::Bookings) => "MARQUEE_NATS_BOOKINGS_PASSWORD",
            Self::Gateway => "MARQUEE_NATS_GATEWAY_PASSWORD",
            Self::Operator => "MARQUEE_NATS_OPERATOR_PASSWORD",
            Self::Subscriber => "MARQUEE_NATS_SUBSCRIBER_PASSWORD",
            Self::Provisioner => "MARQUEE_NATS_PROVISIONER_PASSWORD",
        }
    }
}

/// The JetStream API prefix of subscribers, who have an account of their own.
pub const SUBSCRIBERS_API: &str = "MARQUEE.API";

/// Where each user signs in, with the password in it.
pub type NatsUrls = BTreeMap<NatsUser, String>;

/// The folder that stands for `$XDG_CONFIG_HOME` when the `nats` command is to find the contexts of a data folder.
pub fn cli_folder(folder: &Path) -> PathBuf {
    folder.join("cli")
}

/// Passwords of their own for all users, kept in the data folder: the URLs, and the environment of nats-server.
pub(super) fn passwords(folder: &Folder, server: &str) -> anyhow::Result<(NatsUrls, Vec<(&'static str, String)>)> {
    let (mut urls, mut environment) = (NatsUrls::new(), Vec::new());
    let contexts = cli_folder(folder.path()).join("nats").join("context");
    make(&contexts)?;
    for user in NatsUser::ALL {
        let name = user.name();
        let password = folder.secret(&user.secret())?;
        urls.insert(user, user.url(&password, server));
        let context = match user {
            NatsUser::Service(_) | NatsUser::Gateway => None,
            NatsUser::Operator => Some("Operates Marquee"),
            NatsUser::Subscriber => Some("Follows Marquee's events"),
            NatsUser::Provisioner => Some("May do everything, such as deleting streams"),
        };
        if let Some(description) = context {
            let mut context = json!({
                "description": description,
                "url": format!("nats://{server}"),
                "user": name,
                "password": password,
                "inbox_prefix": inbox_prefix(name),
            });
            if user == NatsUser::Subscriber
                && let Some(context) = context.as_object_mut()
            {
                context.insert("jetstream_api_prefix".into(), SUBSCRIBERS_API.into());
            }
            write_private(&contexts.join(format!("marquee-{name}.json")), &format!("{context:#}\n"))?;
        }
        // In quotes, because what stands there is read like the rest of the configuration: digits alone would be a number.
        environment.push((user.variable(), format!("\"{password}\"")));
    }
    Ok((urls, environment))
}
