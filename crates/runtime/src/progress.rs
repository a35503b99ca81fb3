//! How far a follower has come, and whether anybody waits for that.

use std::sync::Arc;

use tokio::sync::watch;

/// What everyone sees of a follower.
#[derive(Clone)]
pub(crate) struct Progress {
    reached: watch::Receiver<u64>,
    waiting: Arc<watch::Sender<usize>>,
}

/// The follower's own side of it.
pub(crate) struct Reached {
    reached: watch::Sender<u64>,
    waiting: watch::Receiver<usize>,
}

/// The follower has ended.
#[derive(Debug)]
pub(crate) struct Ended;

/// Both sides, at the beginning.
pub(crate) fn progress() -> (Reached, Progress) {
    let (reached, seen) = watch::channel(0);
    let (waiting, wanted) = watch::channel(0);
    (Reached { reached, waiting: wanted }, Progress { reached: seen, waiting: Arc::new(waiting) })
}

impl Progress {
    /// The position that the follower has come to.
    pub(crate) fn position(&self) -> u64 {
        *self.reached.borrow()
    }

    /// Returns when the follower has come to this position, which it hurries to do.
    ///
    /// # Errors
    /// [`Ended`] when it won't any more.
    pub(crate) async fn reach(&self, wanted: u64) -> Result<(), Ended> {
        if self.position() >= wanted {
            return Ok(());
        }
        let _waiter = Waiter::new(&self.waiting);
        self.reached.clone().wait_for(|reached| *reached >= wanted).await.map_err(|_| Ended)?;
        Ok(())
    }
}

impl Reached {
    /// The position that was told last.
    pub(crate) fn position(&self) -> u64 {
        *self.reached.borrow()
    }

    /// Tells how far it is.
    pub(crate) fn set(&self, position: u64) {
        self.reached.send_replace(position);
    }

    /// Returns when somebody waits.
    pub(crate) async fn wanted(&self) {
        // Nobody will when all who could are gone.
        let _ = self.waiting.clone().wait_for(|waiting| *waiting > 0).await;
    }
}

/// One who waits.
struct Waiter<'a>(&'a watch::Sender<usize>);

impl<'a> Waiter<'a> {
    fn new(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        Self(waiting)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_follower_knows_while_somebody_waits() {
        let (reached, progress) = progress();
        reached.set(3);
        progress.reach(3).await.unwrap();
        assert!(reached.wanted().now_or_never().is_none(), "nobody has waited");
        {
            let mut waits = std::pin::pin!(progress.reach(4));
            assert!((&mut waits).now_or_never().is_none());
            reached.wanted().await;
            reached.set(5);
            waits.await.unwrap();
        }
        assert!(reached.wanted().now_or_never().is_none(), "nobody waits any more");
        drop(reached);
        progress.reach(6).await.unwrap_err();
    }
}
