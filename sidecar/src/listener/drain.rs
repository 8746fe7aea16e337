use tokio::sync::watch;

/// Tells every connection to finish what it is doing and take nothing new.
#[derive(Clone)]
pub struct Drain(watch::Receiver<Phase>);

/// What [`Drain`] listens to.
pub struct StartDrain(watch::Sender<Phase>);

#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Phase {
    Open,
    Draining,
    Over,
}

pub fn drain() -> (StartDrain, Drain) {
    let (sender, receiver) = watch::channel(Phase::Open);
    (StartDrain(sender), Drain(receiver))
}

impl StartDrain {
    pub fn start(&self) {
        self.0.send_replace(Phase::Draining);
    }

    /// What is still open is closed now.
    pub fn end(&self) {
        self.0.send_replace(Phase::Over);
    }
}

impl Drain {
    pub async fn started(&mut self) {
        self.reached(Phase::Draining).await;
    }

    pub async fn ended(&mut self) {
        self.reached(Phase::Over).await;
    }

    async fn reached(&mut self, phase: Phase) {
        // An error means that the sender is gone, and then there is nothing to wait for either.
        let _ = self.0.wait_for(|now| *now >= phase).await;
    }
}
