//! The layouts of halls, read once for each version of a hall: they are the largest thing that a booking or a seat map
//! needs, and rarely change.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use contracts::halls::HallDetails;
use contracts::ids::HallId;
use contracts::layout::Layout;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use movies::schema::halls;
use runtime::database::{Connection, Key, StoreError};

/// Of each hall the last version that was asked for. A cinema has few halls, so nothing is forgotten.
#[derive(Default)]
pub(crate) struct Layouts(Mutex<HashMap<HallId, (u32, Arc<Layout>)>>);

impl Layouts {
    /// The layout of a hall at this version, as the caller has just read it.
    pub(crate) async fn of(
        &self,
        connection: &mut Connection,
        hall: HallId,
        version: u32,
    ) -> Result<Arc<Layout>, StoreError> {
        if let Some(layout) = self.known(hall, version) {
            return Ok(layout);
        }
        let found = halls::table.find(Key(hall.0)).select((halls::version, halls::details));
        let (version, details): (u32, String) = found.first(connection).await?;
        let details: HallDetails = movies::rows::from_json(&details)?;
        let layout = Arc::new(details.layout);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(hall, (version, Arc::clone(&layout)));
        Ok(layout)
    }

    fn known(&self, hall: HallId, version: u32) -> Option<Arc<Layout>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, layout) = known.get(&hall)?;
        (*known == version).then(|| Arc::clone(layout))
    }
}
