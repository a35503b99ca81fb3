//! All that is stored about a user, as one document. It is written as it is read from the services, page by page, so that
//! it can be as long as it likes.

use std::collections::BTreeSet;

use axum::body::Body;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use contracts::access::{Account, OpenedSession, PasswordState};
use contracts::audit::{AuditEntry, AuditOrder, ENTITIES, GetAudit};
use contracts::bookings::{Booking, ListBookings};
use contracts::ids::UserId;
use contracts::page::{Limit, Page};
use contracts::users::{User, UserEvent};
use contracts::{Actor, Case, EventSet, Problem, Service};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::audited::AuditedEvent;
use crate::gateway::Asking;

/// Pieces of the document that wait for the network to take them.
const PIECES: usize = 4;
/// How the document goes on behind the bookings, and behind what happened.
const BEHIND_BOOKINGS: &str = "],\"history\":[";
const BEHIND_HISTORY: &str = "]}";

/// All that is stored about a user.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserExport {
    /// When it was read.
    exported_at: DateTime<Utc>,
    /// What they say of themselves and what they may be.
    user: User,
    /// Their password, of which only a hash is stored; absent for a user who has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<PasswordState>,
    /// Their open sessions.
    sessions: Vec<OpenedSession>,
    /// Their bookings, cancelled ones too.
    bookings: Vec<Booking>,
    /// What they did; and then what others did with them, their bookings and their sessions.
    history: Vec<AuditedEvent>,
}

/// Writes the document for whoever asks.
pub(crate) struct Export {
    asking: Asking,
    id: UserId,
    /// What happened to these, others did as well.
    things: BTreeSet<Uuid>,
    pieces: mpsc::Sender<Result<Bytes, Problem>>,
}

impl Export {
    /// The document as a body. What goes wrong on the way breaks it off: nobody takes half of it for the whole.
    ///
    /// # Errors
    /// `Unavailable` while one of the services is away.
    pub(crate) async fn body(asking: Asking, user: User, account: Account) -> Result<Body, Problem> {
        let id = user.id;
        for service in Service::ALL {
            asking.gateway.client.audit(service, &GetAudit::default()).await?;
        }
        let things = account.sessions.iter().map(|session| session.id.0).chain([id.0]).collect();
        let Account { password, sessions } = account;
        let (bookings, history) = (Vec::new(), Vec::new());
        let start = UserExport { exported_at: Utc::now(), user, password, sessions, bookings, history };
        let start = serde_json::to_string(&start).map_err(unwritable)?;
        let end = format!("{BEHIND_BOOKINGS}{BEHIND_HISTORY}");
        let start = start.strip_suffix(&end).unwrap_or(&start).to_owned();
        let (pieces, written) = mpsc::channel(PIECES);
        let export = Self { asking, id, things, pieces: pieces.clone() };
        tokio::spawn(async move {
            if let Err(problem) = export.write(start).await {
                // Whoever has gone away needs no word of it.
                let _ = pieces.send(Err(problem)).await;
            }
        });
        Ok(Body::from_stream(stream::unfold(written, async |mut written| Some((written.recv().await?, written)))))
    }

    async fn write(mut self, start: String) -> Result<(), Problem> {
        self.piece(start).await?;
        self.bookings().await?;
        self.piece(BEHIND_BOOKINGS.into()).await?;
        let mut first = true;
        let own = GetAudit { account: Some(self.account()), ..GetAudit::default() };
        for service in Service::ALL {
            self.history(service, own.clone(), &mut first, |_| true).await?;
        }
        let (things, account) = (Vec::from_iter(std::mem::take(&mut self.things)), self.account());
        for service in Service::ALL {
            for entity_ids in things.chunks(ENTITIES) {
                let theirs = GetAudit { entity_ids: entity_ids.to_vec(), ..GetAudit::default() };
                self.history(service, theirs, &mut first, |actor| actor.account() != account).await?;
            }
        }
        self.piece(BEHIND_HISTORY.into()).await
    }

    /// All bookings of the user.
    async fn bookings(&mut self) -> Result<(), Problem> {
        let (mut cursor, mut first) = (None, true);
        loop {
            let query = ListBookings { user_id: Some(self.id), limit: Limit::MOST, cursor, ..ListBookings::default() };
            let page = self.asking.ask(&query).await?;
            self.things.extend(page.items.iter().map(|booking| booking.id.0));
            self.items(&page.items, &mut first).await?;
            match page.cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// All entries of a service's journal that are asked for and whose actor is `wanted`, oldest first.
    async fn history(
        &mut self,
        service: Service,
        mut question: GetAudit,
        first: &mut bool,
        wanted: impl Fn(&Actor) -> bool,
    ) -> Result<(), Problem> {
        question.order = AuditOrder::OldestFirst;
        question.limit = Limit::MOST;
        loop {
            let Page { items, cursor } = self.asking.gateway.client.audit(service, &question).await?;
            self.things.extend(items.iter().filter_map(opened_session));
            let wanted = items.into_iter().filter(|entry| wanted(&entry.actor));
            let seen = wanted.map(|entry| AuditedEvent::from(entry).seen_by(&self.asking.caller.actor));
            self.items(&seen.collect::<Vec<_>>(), first).await?;
            match cursor {
                Some(next) => question.cursor = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Writes items of a list, with a comma between each two.
    async fn items(&self, items: &[impl Serialize], first: &mut bool) -> Result<(), Problem> {
        let mut piece = String::new();
        for item in items {
            if !std::mem::take(first) {
                piece.push(',');
            }
            piece.push_str(&serde_json::to_string(item).map_err(unwritable)?);
        }
        self.piece(piece).await
    }

    async fn piece(&self, piece: String) -> Result<(), Problem> {
        let gone = |_| Problem::new(Case::Unavailable, "nobody waits for the rest");
        if piece.is_empty() { Ok(()) } else { self.pieces.send(Ok(piece.into())).await.map_err(gone) }
    }

    fn account(&self) -> String {
        format!("user:{}", self.id)
    }
}

/// The session that was opened: by whom it belongs to, while others close it, too.
fn opened_session(entry: &AuditEntry) -> Option<Uuid> {
    match UserEvent::decode(&entry.event_type, entry.data.get().as_bytes()) {
        Ok(UserEvent::SessionOpened(event)) => Some(event.session_id.0),
        _ => None,
    }
}

fn unwritable(error: serde_json::Error) -> Problem {
    Problem::new(Case::Internal, format!("an export cannot be written: {error}"))
}
